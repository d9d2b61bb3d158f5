"""Transfers and exchanges of experts over this machine's loopback: real sockets, logs and what is said."""

import socket
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

import pytest

from testbed.applications.experts.endpoints import ExpertRanks, Reach
from testbed.applications.experts.model import Experts
from testbed.applications.experts.routing import exchange_matrix
from testbed.applications.transfer.endpoints import TransferSink, TransferSource, Way
from testbed.applications.transfer.model import Transfer
from testbed.host import datagrams
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.host.process import Part
from testbed.model.base import ACROSS
from testbed.record.samples import JoinedStream, StreamName, join
from testbed.record.streams import ReceivedLog, SentLog

MS = 1_000_000
SECOND = 10**9
WAYS: list[Way] = [("127.0.0.1", "127.0.0.2"), ("127.0.0.3", "127.0.0.4")]
ELSEWHERE: Way = ("127.0.0.5", "127.0.0.4")


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    monkeypatch.setattr(datagrams, "_SO_RCVBUFFORCE", socket.SO_RCVBUF)
    monkeypatch.setattr(datagrams, "_SO_SNDBUFFORCE", socket.SO_SNDBUF)
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME)))


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.2", 0))
        found: int = probe.getsockname()[1]
        return found


def run(loop: Loop, parts: list[Part], is_over: Callable[[], bool]) -> None:
    """Until it is over, however long this machine takes for that."""
    for part in parts:
        part.start()

    def look() -> None:
        if is_over():
            loop.stop()

    loop.every(MS, look)
    loop.run()
    for part in parts:
        part.close()


def joined(logs: Path, session: str, measure: str) -> JoinedStream:
    return join(logs, StreamName(session, measure, ACROSS))


def transferred(
    loop: Loop, port: int, logs: Path, sink_ways: list[Way]
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """A transfer of 400 ms, ten times what a busy machine lets a program wait; the outcomes of both ends, and
    what they said.
    """
    transfer = Transfer.model_validate(
        {
            "source": "npu1",
            "destination": "npu2",
            "starts": "1 ms",
            "ends": "401 ms",
            "block": "1000 B",
            "window_blocks": 4,
            "timeout": "50 ms",
            "retry": "100 ms",
        }
    )
    said: list[dict[str, Any]] = []

    def say(kind: str, **fields: Any) -> None:
        said.append({"kind": kind, **fields})

    log = {"session": "bulk", "measure": "block", "direction": ACROSS}
    source = TransferSource(loop, transfer, WAYS, port, SentLog(logs, **log), say)
    sink = TransferSink(loop, transfer, sink_ways, port, ReceivedLog(logs, **log), say)

    def is_over() -> bool:
        late = loop.clock.now_ns() > transfer.ends_at_ns + 10 * MS
        return late and source.outcome["blocks"] == sink.outcome["blocks"]

    run(loop, [source, sink], is_over)
    return source.outcome, sink.outcome, said


def test_all_blocks_arrive_and_are_logged_at_both_ends(loop: Loop, port: int, tmp_path: Path) -> None:
    sent, received, said = transferred(loop, port, tmp_path, WAYS)
    stream = joined(tmp_path, "bulk", "block")
    assert stream.seq.tolist() == list(range(sent["blocks"]))
    assert (stream.received_at_ns >= 0).all()
    assert sent["blocks"] > 8, "more than both windows hold"
    in_time = int((stream.received_at_ns <= 401 * MS).sum())
    assert received["in_time_bytes"] == in_time * 1000
    rates = [each for each in said if each["kind"] == "rate"]
    assert [each["at_ns"] for each in rates] == [at_ms * MS for at_ms in range(11, 402, 10)]
    sampled_bytes = sum(each["throughput_bps"] for each in rates) * 10 * MS // (8 * SECOND)
    assert 0 < sampled_bytes <= received["in_time_bytes"]


def test_over_a_dead_plane_nothing_is_lost_and_it_is_told(loop: Loop, port: int, tmp_path: Path) -> None:
    """The second socket of the sink listens to somebody else: what comes on that plane is not answered."""
    sent, received, said = transferred(loop, port, tmp_path, [WAYS[0], ELSEWHERE])
    assert sent["blocks"] == received["blocks"]
    assert sent["blocks_sent_again"] >= 4, "the window of the dead plane"
    dead = [each for each in said if each["kind"] == "plane" and each["plane"] == 2]
    assert dead[0]["alive"] is False
    assert dead[0]["after_ns"] >= 50 * MS
    assert not any(each["alive"] for each in dead)


def moe(**fields: Any) -> Experts:
    return Experts.model_validate(
        {
            "ranks": 4,
            "job": {"weight": 1},
            "experts": 8,
            "top": 2,
            "tokens": 3,
            "layers": 2,
            "starts": "1 ms",
            "ends": "21 ms",
            "interval": "10 ms",
            **fields,
        }
    )


def ranks_of(loop: Loop, model: Experts, port: int, logs: Path, said: list[int]) -> ExpertRanks:
    random = Random(1)
    return ExpertRanks(
        loop,
        "moe",
        model,
        ["1", "2", "3", "4"],
        Reach(
            addresses=lambda node: (f"127.0.1.{node}", f"127.0.2.{node}"),
            inside=lambda _node: nullcontext(),
            first_port=port,
            packet_bytes=60_000,
        ),
        lambda: exchange_matrix(model, random),
        logs,
        lambda _kind, exchange_ns: said.append(exchange_ns),
    )


def test_every_layer_of_every_step_is_exchanged_and_logged(loop: Loop, port: int, tmp_path: Path) -> None:
    said: list[int] = []
    ranks = ranks_of(loop, moe(), port, tmp_path, said)
    run(loop, [ranks], lambda: loop.clock.now_ns() > 22 * MS and ranks.outcome["steps"] * 2 == len(said))
    steps = ranks.outcome["steps"]
    assert 1 <= steps <= 2, "a machine that takes longer than a step leaves the next one out"
    streams = {measure: joined(tmp_path, "moe", measure) for measure in ("dispatch", "combine", "exchange")}
    for stream in streams.values():
        assert stream.seq.tolist() == list(range(2 * steps))
        assert (stream.received_at_ns >= stream.sent_at_ns).all()
    dispatch, combine, exchange = streams.values()
    assert dispatch.sent_at_ns.tolist() == exchange.sent_at_ns.tolist()
    assert dispatch.received_at_ns.tolist() == combine.sent_at_ns.tolist()
    assert combine.received_at_ns.tolist() == exchange.received_at_ns.tolist()
    assert said == (exchange.received_at_ns - exchange.sent_at_ns).tolist()
    assert ranks.outcome["exchange_ns"] == sum(said) // len(said)
    assert (ranks.outcome["given_up"], ranks.remarks) == (0, [])


def test_a_rank_that_has_moved_is_sent_to_where_it_is(loop: Loop, port: int, tmp_path: Path) -> None:
    said: list[int] = []
    ranks = ranks_of(loop, moe(layers=1), port, tmp_path, said)
    ranks.told({"kind": "move", "rank": 2, "node": "7"})
    ranks.told({"kind": "stop"})
    run(loop, [ranks], lambda: len(said) > 0)
    assert (ranks.outcome["given_up"], ranks.remarks) == (0, [])


def test_an_exchange_that_lost_a_packet_is_given_up_and_said(
    loop: Loop, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_to, lost = datagrams.Datagrams.send_to, [True]

    def lossy(self: datagrams.Datagrams, payload: Any, address: str, to: int) -> None:
        if lost:
            lost.pop()
            return
        send_to(self, payload, address, to)

    monkeypatch.setattr(datagrams.Datagrams, "send_to", lossy)
    said: list[int] = []
    ranks = ranks_of(loop, moe(layers=1, ends="115 ms", interval="110 ms"), port, tmp_path, said)
    run(loop, [ranks], lambda: ranks.outcome["given_up"] > 0)
    # The lost tokens, and the results that their rank could not send back.
    (remark,) = ranks.remarks
    assert remark.startswith("1 exchange given up, with ")
    stream = joined(tmp_path, "moe", "exchange")
    assert stream.received_at_ns.tolist()[0] == -1, "it is lost, not fast"
