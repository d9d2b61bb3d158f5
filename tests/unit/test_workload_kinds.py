"""Workloads that packages bring: what is refused with its line, and what their building blocks log."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
import scenario_documents
from example_install import install, install_example, lies_on_the_path

from testbed.cli.workload_programs import checked, named
from testbed.errors import InvariantError, ScenarioError
from testbed.host import datagrams
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model.base import UPSTREAM
from testbed.model.workload import Stream
from testbed.plugins import ExtensionError
from testbed.record.samples import LOST, StreamName, join
from testbed.scenario import load
from testbed.scenario.json_schema import json_schema
from testbed.scenario.workloads import workload_kind
from testbed.workload.end import MESSAGE, PACKET, End
from testbed.workload.numbered import Packet, PacketSink, PacketSource

MS = 1_000_000
KEY = "workloads: {talk: {kind: voice, source: home1, destination: node1, starts: 1 s, ends: 2 s}}\ntitle:"
EXPECTED = (
    "  - {variant: elastic, session: talk, direction: upstream, measure: packet, statistic: p50, "
    "at_most: 8 ms}"
)


@pytest.fixture(autouse=True)
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lies_on_the_path(monkeypatch, install_example(tmp_path / "packages"))


def refused(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(ScenarioError) as error:
        load(scenario_documents.write(folder, ("title:", KEY), *changes))
    return str(error.value).removeprefix(f"{folder}/")


def test_a_workload_and_what_is_expected_of_it_load(tmp_path: Path) -> None:
    """The control of all that is refused."""
    changes = ("title:", KEY), ("expect:\n", f"expect:\n{EXPECTED}\n")
    workload = load(scenario_documents.write(tmp_path, *changes)).variants["elastic"].workloads["talk"]
    assert (workload.kind, workload.source, workload.starts_at_ns) == ("voice", "home1", 1000 * MS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "kind: voice",
            "kind: voise",
            "talk.kind: 'voise' is no workload (did you mean 'voice'?); installed",
        ),
        ("source: home1", "source: home9", "talk.source: 'home9' is no host of small; did you mean 'home2'?"),
        ("destination: node1", "destination: home2", "home1 and home2 are on one side of the access network"),
        ("ends: 2 s}", "ends: 11 s}", "workloads.talk.ends: 11 s is after the scenario's end at 10 s"),
        ("ends: 2 s}", "ends: 1 s}", "workloads.talk.ends: is not after starts, at 1 s"),
        ("{talk:", "{player:", "workloads.player: is the name of the session sessions.player too"),
        (
            "2 s}",
            "2 s, parameters: {paket: 3 B}}",
            "talk.parameters.paket: unknown key; did you mean 'packet'?",
        ),
        ("2 s}", "2 s, parameters: {packet: 3}}", "talk.parameters.packet: 3 is not a size"),
    ],
)
def test_what_is_wrong_with_a_workload_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    found = refused(tmp_path, (old, new))
    assert found.startswith("small.yaml:1: ")
    assert message in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "measure: packet",
            "measure: probe",
            "a workload of kind 'voice' has no probe; it has packet, message",
        ),
        ("upstream", "downstream", "the packet of 'talk' goes upstream only; write that"),
        ("session: talk", "session: tolk", "there is no session 'tolk'; did you mean 'talk'?"),
        ("session: talk", "session: player", "a packet goes downstream only"),
        (
            "talk, direction: upstream, measure: packet",
            "player, direction: upstream, measure: message",
            "no messages",
        ),
    ],
)
def test_what_cannot_be_expected_of_a_workload_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert message in refused(tmp_path, ("expect:\n", f"expect:\n{EXPECTED.replace(old, new)}\n"))


def test_the_schema_offers_the_kinds_and_their_parameters() -> None:
    workload = json_schema()["$defs"]["Workload"]
    assert workload["properties"]["kind"]["enum"] == ["voice"]
    (condition,) = workload["allOf"]
    assert condition["if"]["properties"]["kind"] == {"const": "voice"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def at_source(p, e): ...\n", "has no function at_destination, called with 2 values"),
        ("{ends}", "defines no class Parameters(testbed.model.base.Value)"),
        ("{ends}{parameters}", "has no STREAMS, a tuple of testbed.workload.end.Stream"),
        ("{ends}{parameters}STREAMS = ()\n", "has no STREAMS"),
        ("{ends}{parameters}STREAMS = ('packet',)\n", "has no STREAMS"),
    ],
)
def test_a_module_that_is_no_workload_is_told_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    ends = "def at_source(p, e): ...\ndef at_destination(p, e): ...\n"
    parameters = "from testbed.model.base import Value\nclass Parameters(Value): ...\n"
    text = text.format(ends=ends, parameters=parameters)
    points = {"testbed.workloads": {"mine": "acme_policy"}}
    lies_on_the_path(monkeypatch, install(tmp_path / "own", {"acme_policy": text}, points))
    with pytest.raises(ExtensionError) as error:
        workload_kind("mine")
    assert str(error.value).startswith(f"the workload 'mine' of acme 3.1 (entry point acme_policy) {why}")
    assert "workloads.talk.kind: the workload 'mine' of acme 3.1" in refused(
        tmp_path, ("kind: voice", "kind: mine")
    )


# Building blocks


def end(logs: Path, loop: Loop, addresses: tuple[str, str], port: int = 20_000, **changes: Any) -> End:
    common = {"name": "talk", "starts_at_ns": 5 * MS, "ends_at_ns": 25 * MS, "seed": 7, "direction": UPSTREAM}
    common |= {"streams": (Stream(PACKET), Stream(MESSAGE, back=True)), "first_port": port}
    address, other = addresses
    return End(loop=loop, logs=logs, address=address, other_address=other, **{**common, **changes})


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    monkeypatch.setattr(datagrams, "_SO_RCVBUFFORCE", socket.SO_RCVBUF)
    monkeypatch.setattr(datagrams, "_SO_SNDBUFFORCE", socket.SO_SNDBUF)
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME)))


ENDS = ("127.0.0.1", "127.0.0.2")


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ENDS[1], 0))
        return min(int(probe.getsockname()[1]), 65_000)


def test_what_the_source_sends_the_sink_logs(loop: Loop, port: int, tmp_path: Path) -> None:
    told: list[int] = []
    packets = (Packet((5 + number) * MS, 100 + number) for number in range(20))
    source = PacketSource(
        end(tmp_path, loop, ENDS, port), packets, on_sent=lambda number, _: told.append(number)
    )
    sink = PacketSink(
        end(tmp_path, loop, ENDS[::-1], port), on_received=lambda number, _: told.append(-number)
    )
    for part in (source, sink):
        part.start()
    loop.at(60 * MS, loop.stop)
    loop.run()
    for part in (source, sink):
        part.close()
    joined = join(tmp_path, StreamName("talk", "packet", "upstream"))
    assert joined.size_bytes.tolist() == list(range(100, 120))
    assert all(at_ns >= (5 + seq) * MS for seq, at_ns in enumerate(joined.sent_at_ns.tolist()))
    assert LOST not in joined.received_at_ns.tolist()
    in_time = joined.received_at_ns < end(tmp_path, loop, ENDS, port).ends_at_ns
    assert sink.received_bytes == joined.size_bytes[in_time].sum()
    assert sink.received_bytes + sink.drained_bytes == sum(range(100, 120))
    assert sorted(told) == sorted([*range(20), *(-number for number in range(20))])


def test_both_ends_draw_the_same_and_other_purposes_something_else(loop: Loop, tmp_path: Path) -> None:
    here, there = end(tmp_path, loop, ENDS), end(tmp_path, loop, ENDS[::-1])
    assert here.random("a").random() == there.random("a").random()
    others = [
        here.random("b"),
        end(tmp_path, loop, ENDS, seed=8).random("a"),
        end(tmp_path, loop, ENDS, name="x").random("a"),
    ]
    assert here.random("a").random() not in [each.random() for each in others]


def test_only_streams_that_are_declared_are_recorded(loop: Loop, tmp_path: Path) -> None:
    one = end(tmp_path, loop, ENDS)
    one.sent(PACKET).close()
    one.received(MESSAGE, back=True).close()
    assert {path.name for path in tmp_path.glob("talk.*")} == {
        "talk.packet.upstream.sent",
        "talk.message.downstream.received",
    }
    with pytest.raises(InvariantError, match="which is not in STREAMS"):
        one.sent(MESSAGE)
    with pytest.raises(InvariantError, match="port 8; there are 0 to 7"):
        one.datagrams(8)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (lambda: [object()], "TypeError: object is no part: it has no start()"),
        (lambda: None, "TypeError: 'NoneType' object is not iterable"),
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_an_end_that_fails_names_its_package_and_the_line(parts: Any, why: str) -> None:
    with pytest.raises(ExtensionError) as error, named("workload talk, 'voice' of acme 3.1,"):
        checked(parts())
    assert str(error.value).startswith("workload talk, 'voice' of acme 3.1, failed: ")
    assert str(error.value).endswith(why)
    assert ", line " in str(error.value)


def test_an_error_of_ours_is_left_as_it_is() -> None:
    with pytest.raises(InvariantError, match=r"^as it was$"), named("workload talk"):
        raise InvariantError("as it was")
