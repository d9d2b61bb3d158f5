"""A user's own package in the embedded kernel: topology, policies, score and workload, to the instant."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.errors import ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.report import Summary, summarise, write
from testbed.scenario import ScenarioFile, load

sys.path.append(str(Path(__file__).parents[1] / "unit"))
from example_install import install, install_example, lies_on_the_path

MS = 1_000_000
CLOCK_NS = 10
"""An instant or a delay may be longer by clock reads of 1 ns each."""
HEARD_NS = 5_000
"""From a scene's beginning until the driver, which is told of it, has changed a rate."""
SCENARIO = """\
title: A package of one's own
seed: 7
duration: 3 s
network: {topology: campus, parameters: {onus: 2, fibre: 10 km, rooms: 3, cable: 2 km}}
access:
  downstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 500 kB}
  upstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 500 kB}
pon: {model: shaped_link}
sessions:
  first:
    player: home1
    starts: 1 s
    ends: 2500 ms
    job: {weight: 4}
    scenes:
      - {name: menu, at: 1 s, rate: 30 Mbit/s}
      - {name: play, at: 1500 ms, rate: 60 Mbit/s}
      - {name: pause, at: 2 s, rate: 10 Mbit/s}
    channel:
      policy: ratchet
      downstream: {committed: 20 Mbit/s, peak: 500 Mbit/s, queue: 1 MB}
      upstream: {committed: 10 Mbit/s, peak: 100 Mbit/s, queue: 100 kB}
      serialisation: 1 ms
      hold: 100 ms
  second:
    player: home2
    starts: 1200 ms
    ends: 2 s
    job: {weight: 4}
    scenes: [{name: only, at: 1200 ms, rate: 8 Mbit/s}]
workloads:
  talk:
    kind: voice
    source: home2
    destination: room3
    starts: 100 ms
    ends: 1 s
    parameters: {interval: 7 ms, packet: 172 B, spurt: 50 ms, pause: 30 ms}
variants:
  own: {placement: {policy: consolidate, backup: false}}
  spread: {placement: {backup: false}}
  awake: {placement: {backup: false, load_weight: 30, scores: {energy: 30}}}
expect:
  - {variant: own, session: talk, direction: upstream, measure: packet, statistic: lost, at_most: 0}
  - {variant: own, session: talk, direction: upstream, measure: message, statistic: received, at_least: 2}
  - {variant: own, session: talk, measure: flow, statistic: throughput, at_least: 10 kbit/s}
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScenarioFile]:
    """The scenario, while the package is where PYTHONPATH says: in a folder that the guest would hide."""
    folder = tmp_path_factory.mktemp("extensions")
    target = str(install_example(folder / "packages"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(target)
        patch.setenv("PYTHONPATH", target)
        (folder / "own.yaml").write_text(SCENARIO)
        yield load(str(folder / "own.yaml"))


@pytest.fixture(scope="module")
def run(scenario: ScenarioFile, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(scenario, out=tmp_path_factory.mktemp("own") / "run", wall_limit_s=300)


@pytest.fixture(scope="module")
def summary(run: RunDirectory, scenario: ScenarioFile) -> Summary:
    return summarise(run, scenario.expectations, ())


def events(run: RunDirectory, kind: str, variant: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    return [each for each in lines if each["kind"] == kind and each["variant"] == variant]


def spoken(seed: int) -> list[list[int]]:
    """The instants of the packets of each spurt, drawn as the package draws them."""
    random, at_ns, found = Random(f"{seed}/talk/spurts"), 100 * MS, []
    while at_ns < 1000 * MS:
        count = min(1 + int(random.expovariate(7 / 50)), -(-(1000 * MS - at_ns) // (7 * MS)))
        found.append([at_ns + number * 7 * MS for number in range(count)])
        at_ns += count * 7 * MS + int(random.expovariate(1 / (30 * MS)))
    return found


def column(run: RunDirectory, measure: str, name: str) -> Any:
    rows = pyarrow.parquet.read_table(run.samples_path).to_pandas()
    rows = rows[(rows["variant"] == "own") & (rows["session"] == "talk") & (rows["measure"] == measure)]
    assert set(rows["direction"]) == {"upstream"}
    return rows.sort_values("seq")[name].to_numpy(dtype=np.int64)


def test_the_channel_has_the_steps_of_the_policy_at_the_instants_of_the_scenes(run: RunDirectory) -> None:
    """30 Mbit/s of video and its headers take one step of 50, 60 take two; 10 take none back."""
    (active,) = events(run, "channel.active", "own")
    assert active["rates"] == {"downstream": 50_000_000, "upstream": 50_000_000}
    resizes = [each for each in events(run, "channel.resize", "own") if each["direction"] == "downstream"]
    assert [(each["from_bps"], each["to_bps"]) for each in resizes] == [(50_000_000, 100_000_000)]
    assert resizes[0]["reason"] == "2 steps, up to scene play"
    done = [each["at_ns"] for each in events(run, "net.resize", "own") if each["rate_bps"] == 100_000_000]
    for at_ns in (resizes[0]["at_ns"], *done):
        assert 1500 * MS <= at_ns <= 1500 * MS + HEARD_NS


def test_the_placement_policy_puts_the_second_session_beside_the_first(run: RunDirectory) -> None:
    nodes = {each["job"]: each["node"] for each in events(run, "job.place", "own")}
    assert nodes == {"first": "room1", "second": "room1"}
    spread = {each["job"]: each["node"] for each in events(run, "job.place", "spread")}
    assert spread["first"] != spread["second"]  # the control: by load and delay it stands elsewhere


def test_the_further_score_draws_the_second_session_to_a_node_that_is_awake(run: RunDirectory) -> None:
    first, second = events(run, "job.place", "awake")
    assert first["node"] == second["node"]
    assert "energy 100.0 x 30" in second["reason"]


def test_the_workload_speaks_at_the_instants_that_both_ends_draw(run: RunDirectory) -> None:
    due_at_ns = np.array([at_ns for spurt in spoken(7) for at_ns in spurt])
    late_ns = column(run, "packet", "sent_at_ns") - due_at_ns
    assert 0 <= late_ns.min() <= late_ns.max() <= CLOCK_NS
    assert set(column(run, "packet", "size_bytes")) == {172}
    firsts = np.array([spurt[0] for spurt in spoken(7)])
    assert len(firsts) >= 2
    assert np.abs(column(run, "message", "sent_at_ns") - firsts).max() <= CLOCK_NS


def test_its_delays_are_the_distance_of_the_topology(run: RunDirectory) -> None:
    """10 km of fibre, then three times 2 km of cable at 4.9 us a km and a switch of 10 us."""
    distance_ns = 10 * 4_900 + 3 * (2 * 4_900 + 10_000)
    delay_ns = column(run, "packet", "delay_ns")
    assert distance_ns <= delay_ns.min() <= delay_ns.max() <= distance_ns + CLOCK_NS
    lasts_ns = np.array([spurt[-1] - spurt[0] for spurt in spoken(7)])
    assert np.abs(column(run, "message", "delay_ns") - lasts_ns - distance_ns).max() <= 2 * CLOCK_NS


def test_its_numbers_are_judged_like_those_of_flows(run: RunDirectory, summary: Summary) -> None:
    assert [each["holds"] for each in summary["expectations"]] == [True, True, True]
    numbers = summary["variants"]["own"]
    packets = sum(map(len, spoken(7)))
    assert numbers["packets"]["talk"]["upstream"]["received"] == packets
    assert numbers["messages"]["talk"]["upstream"]["received"] == len(spoken(7))
    assert numbers["flows"]["talk"]["received_bytes"] == packets * 172


def test_the_report_shows_packets_and_messages(run: RunDirectory, scenario: ScenarioFile) -> None:
    write(run)
    page = run.report_path.read_text()
    assert "Messages of workloads" in page
    assert {"delay-packet-talk", "delay-message-talk"} <= {*re.findall(r"delay-\w+-talk", page)}
    assert "voice (interval 7 ms, packet 172 B" in page


def test_the_manifest_says_whose_extensions_were_used(run: RunDirectory) -> None:
    used = run.manifest()["extensions"]
    assert [each["name"] for each in used] == ["ratchet", "consolidate", "energy", "campus", "voice"]
    assert {(each["distribution"], each["version"]) for each in used} == {("example-testbed", "1.2.0")}


def test_two_runs_give_the_same_numbers(scenario: ScenarioFile, run: RunDirectory, tmp_path: Path) -> None:
    assert scenario.path is not None
    again = run_scenario(load(str(scenario.path), variants=["own"]), out=tmp_path / "again", wall_limit_s=300)
    first, second = (pyarrow.parquet.read_table(each.samples_path).to_pandas() for each in (run, again))
    same = [each[each["variant"] == "own"].astype(str).to_numpy().tolist() for each in (first, second)]
    assert same[0] == same[1]
    kinds = ("job.place", "channel.active", "channel.resize", "net.resize", "session.end", "flow.end")
    for kind in kinds:  # how long it took to read a longer scenario is another matter
        assert events(run, kind, "own") == events(again, kind, "own")
        assert events(run, kind, "own")


def test_a_setting_reaches_the_parameters_of_a_workload(scenario: ScenarioFile, tmp_path: Path) -> None:
    assert scenario.path is not None
    settings = ["workloads.talk.parameters.packet=300 B"]
    changed = load(str(scenario.path), settings=settings, variants=["spread"])
    found = run_scenario(changed, out=tmp_path / "changed", wall_limit_s=300)
    rows = pyarrow.parquet.read_table(found.samples_path).to_pandas()
    assert set(rows[(rows["session"] == "talk") & (rows["measure"] == "packet")]["size_bytes"]) == {300}


POLICY = """
from testbed.channel import Answer, Need
uses_scenes, uses_counters = True, False
def decide(observation):
    rate_bps = 7 if observation.scene == "play" else observation.committed_bps
    return Answer(Need(rate_bps=rate_bps, reason="it is so"))
"""
WORKLOAD = """
from testbed.model.base import Value
from testbed.workload.end import PACKET, Stream
STREAMS = (Stream(PACKET),)
class Parameters(Value): ...
class Late:
    def __init__(self, end): end.loop.at(10**8, lambda: [][1])
    def start(self): ...
    def close(self): ...
def at_source(parameters, end): return [Late(end)]
def at_destination(parameters, end): return []
"""


@pytest.mark.parametrize(
    ("group", "text", "changes", "message"),
    [
        (
            "testbed.channel_policies",
            POLICY,
            ("policy: ratchet", "policy: mine"),
            "the channel policy 'mine' of acme 3.1 (entry point acme_policy), asked downstream at 15",
        ),
        (
            "testbed.workloads",
            WORKLOAD,
            (
                "kind: voice",
                "kind: mine",
                ", spurt: 50 ms, pause: 30 ms",
                "",
                "interval: 7 ms, packet: 172 B",
                "",
            ),
            "program talk source on home2: workload talk, 'mine' of acme 3.1 (entry point acme_policy), "
            "failed: acme_policy.py, line 7: IndexError: list index out of range",
        ),
    ],
    ids=["policy", "workload"],
)
def test_an_extension_that_errs_during_a_run_is_named_with_what_it_did(
    scenario: ScenarioFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    text: str,
    changes: tuple[str, ...],
    message: str,
) -> None:
    embedded_kernel()
    own = install(tmp_path / "packages", {"acme_policy": text}, {group: {"mine": "acme_policy"}})
    lies_on_the_path(monkeypatch, own)
    monkeypatch.setenv("PYTHONPATH", f"{own}{os.pathsep}{os.environ['PYTHONPATH']}")
    document = SCENARIO.partition("expect:")[0]
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        document = document.replace(old, new)
    path = tmp_path / "erring.yaml"
    path.write_text(document)
    with pytest.raises(ScenarioError) as error:
        run_scenario(load(str(path), variants=["spread"]), out=tmp_path / "run", wall_limit_s=300)
    assert message in str(error.value)


def test_without_the_package_the_scenario_is_refused_by_each_name(scenario: ScenarioFile) -> None:
    assert scenario.path is not None
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [
        sys.executable,
        "-c",
        "from testbed.cli import main; raise SystemExit(main())",
        "check",
        str(scenario.path),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    for wrong in (
        "'campus' is no topology",
        "'ratchet' is no channel policy",
        "'consolidate' is no placement policy",
        "'energy' is no placement score",
        "'voice' is no workload",
    ):
        assert f"{wrong};" in done.stderr
