"""A whole run of a short cloud game: what the channel does for it, and that it repeats byte for byte."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pyarrow.compute
import pyarrow.parquet
import pytest
import yaml
from recorded import assert_read_as_written
from short_game import short_game
from venue_boot import embedded_kernel, every_core_busy

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import summarise
from testbed.scenario import load

TESTBED = [sys.executable, "-c", "import sys; from testbed.cli import main; sys.exit(main())"]
COMPARED = ("samples.parquet", "events.jsonl", "rates.parquet")
ORDINARY_USER = 65534
FAILING = {
    "variant": "best_effort",
    "session": "player",
    "direction": "downstream",
    "statistic": "p50",
    "at_most": "1 ms",
}
"""What best effort cannot do: a run of it has to end with status 1."""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The short game as a file, with one expectation that fails."""
    game = short_game()
    game["expect"].append(FAILING)
    path = tmp_path_factory.mktemp("scenario") / "short_game.yaml"
    path.write_text(yaml.safe_dump(game, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(load(str(scenario)), out=tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def by_command(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The same run by `testbed run --json`: its directory and the finished process."""
    embedded_kernel()
    out = tmp_path_factory.mktemp("by_command") / "run"
    return out, run_command(scenario, out, "--json")


def run_command(scenario: Path, out: Path, *options: str, before: tuple[str, ...] = ()) -> Any:
    command = [*before, *TESTBED, "run", str(scenario), "--out", str(out), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def assert_same_bytes(run: Path, reference: RunDirectory) -> None:
    differing = [
        name for name in COMPARED if (run / name).read_bytes() != (reference.path / name).read_bytes()
    ]
    assert differing == []


def samples_of(run: Path, variant: str) -> dict[str, list[Any]]:
    """The columns of one variant as values: how Parquet encodes them depends on which variants there are."""
    table = pyarrow.parquet.read_table(run / "samples.parquet")
    found = table.filter(pyarrow.compute.equal(table["variant"].cast("string"), variant)).to_pydict()
    return dict(found)


def test_the_channel_keeps_delay_low_and_loses_and_reorders_nothing(reference: RunDirectory) -> None:
    variants = summarise(reference, (), ())["variants"]
    elastic, best_effort = variants["elastic"], variants["best_effort"]
    for measure, directions in (
        ("probes", ("downstream", "upstream")),
        ("packets", ("downstream",)),
        ("commands", ("upstream",)),
    ):
        for direction in directions:
            numbers = elastic[measure]["player"][direction]  # type: ignore[literal-required]
            assert numbers["sent"] > 100
            assert (numbers["lost"], numbers["reordered"]) == (0, 0), (measure, direction)
    assert elastic["channels"]["player"]["resizes"] >= 2
    # The distance alone: 500 us to the node, 60 km of metro and 20 km of fibre at 4.9 us/km.
    distance_ns = 500_000 + 80 * 4_900
    assert distance_ns <= elastic["probes"]["player"]["downstream"]["delay_ns"]["min"] < distance_ns + 10_000
    for direction in ("downstream", "upstream"):
        with_channel_ns = elastic["probes"]["player"][direction]["delay_ns"]["p50"]
        without_ns = best_effort["probes"]["player"][direction]["delay_ns"]["p50"]
        assert with_channel_ns is not None
        assert without_ns is not None
        assert without_ns > 4 * with_channel_ns


def test_every_decision_and_every_action_of_the_channel_is_an_event(reference: RunDirectory) -> None:
    events = [json.loads(line) for line in reference.events_path.read_text(encoding="utf-8").splitlines()]
    kinds = {event["kind"] for event in events if event["variant"] == "elastic"}
    assert kinds >= {"job.place", "channel.admit", "channel.resize", "net.resize", "channel.release"}
    assert all(event["reason"] for event in events if event["kind"].startswith("channel."))


def test_events_are_read_as_they_were_written(reference: RunDirectory) -> None:
    assert_read_as_written(reference)


def test_two_runs_give_the_same_bytes(by_command: tuple[Path, Any], reference: RunDirectory) -> None:
    assert_same_bytes(by_command[0], reference)


def test_a_run_of_low_priority_on_a_busy_machine_gives_the_same_bytes(
    scenario: Path, reference: RunDirectory, tmp_path: Path
) -> None:
    with every_core_busy():
        run_command(scenario, tmp_path / "run", before=("nice", "-n", "19"))
    assert_same_bytes(tmp_path / "run", reference)


def test_another_seed_gives_other_samples(scenario: Path, reference: RunDirectory, tmp_path: Path) -> None:
    ran = run_command(scenario, tmp_path / "run", "--variant", "elastic", "--seed", "8")
    assert ran.returncode == 0, ran.stderr
    other, first = samples_of(tmp_path / "run", "elastic"), samples_of(reference.path, "elastic")
    assert min(len(other["seq"]), len(first["seq"])) > 1000
    assert other != first


def test_a_failed_expectation_ends_with_status_1(by_command: tuple[Path, Any]) -> None:
    ran = by_command[1]
    assert ran.returncode == 1, ran.stderr
    verdicts = json.loads(ran.stdout)["expectations"]
    assert [verdict["holds"] for verdict in verdicts] == [True] * (len(verdicts) - 1) + [False]


def test_json_is_one_object_with_the_documented_keys(by_command: tuple[Path, Any]) -> None:
    out, ran = by_command
    summary = json.loads(ran.stdout)
    documented = {"scenario", "seed", "venue", "wall_s", "virtual_s", "run_dir", "variants", "expectations"}
    assert documented <= summary.keys()
    assert (summary["scenario"], summary["seed"], summary["venue"]) == ("short_game", 7, "virtual")
    assert (summary["virtual_s"], Path(summary["run_dir"])) == (10.0, out)
    assert summary["variants"].keys() == {"best_effort", "elastic"}
    for variant in summary["variants"].values():
        assert {"probes", "channels", "jobs"} <= variant.keys()
        for direction in ("downstream", "upstream"):
            numbers = variant["probes"]["player"][direction]
            assert {"sent", "received", "lost", "reordered"} <= numbers.keys()
            assert {"min", "mean", "p50", "p95", "p99", "p999", "max"} <= numbers["delay_ns"].keys()
    for verdict in summary["expectations"]:
        assert {"text", "holds", "measured"} <= verdict.keys()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user; as one, all tests here tell")
def test_an_ordinary_user_runs_it_in_a_folder_of_theirs(scenario: Path, reference: RunDirectory) -> None:
    user = ["setpriv", f"--reuid={ORDINARY_USER}", f"--regid={ORDINARY_USER}", "--clear-groups"]
    if subprocess.run([*user, sys.executable, "-c", "import testbed"], cwd="/", check=False).returncode:
        pytest.skip(f"{sys.executable} is not readable by an ordinary user")
    # A folder of its own: those that pytest makes are closed to other users.
    shared = Path("/var/tmp") / f"testbed-{uuid.uuid4()}"
    theirs = shared / "theirs"
    theirs.mkdir(parents=True)
    try:
        kernel = embedded_kernel().path.parent
        shutil.copytree(kernel, shared / "cache" / "testbed" / "kernels" / kernel.name)
        shutil.copyfile(scenario, theirs / scenario.name)
        os.chown(theirs, ORDINARY_USER, ORDINARY_USER)
        ran = subprocess.run(
            [*user, *TESTBED, "run", scenario.name, "--variant", "elastic", "--out", "run"],
            cwd=theirs,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(theirs),
                "XDG_CACHE_HOME": str(shared / "cache"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert (theirs / "run" / "report.html").stat().st_uid == ORDINARY_USER
        assert samples_of(theirs / "run", "elastic") == samples_of(reference.path, "elastic")
    finally:
        shutil.rmtree(shared)
