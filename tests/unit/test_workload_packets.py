"""Udp flows over this machine's loopback: what is sent, what is counted, and what the logs hold of both."""

import socket
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from testbed.applications.flows.model import Flow
from testbed.host import datagrams
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.host.process import Part
from testbed.model.base import UPSTREAM
from testbed.record.samples import StreamName, join
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.packets import BatchedSource, PacedSource, UdpSink, sending

MS = 1_000_000
LATEST_NS = 10**18
HERE, THERE = "127.0.0.1", "127.0.0.2"
STREAM = {"session": "up", "measure": "packet", "direction": UPSTREAM}


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    monkeypatch.setattr(datagrams, "_SO_RCVBUFFORCE", socket.SO_RCVBUF)
    monkeypatch.setattr(datagrams, "_SO_SNDBUFFORCE", socket.SO_SNDBUF)
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME)))


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((THERE, 0))
        found: int = probe.getsockname()[1]
        return found


def flow(**changes: Any) -> Flow:
    common = {"protocol": "udp", "source": "home1", "destination": "node1", "starts": "5 ms", "ends": "45 ms"}
    return Flow.model_validate(common | changes)


def run(loop: Loop, *parts: Part) -> None:
    for part in parts:
        part.start()
    loop.at(70 * MS, loop.stop)
    loop.run()
    for part in parts:
        part.close()


def test_a_measured_flow_is_logged_packet_by_packet_at_both_ends(
    loop: Loop, port: int, tmp_path: Path
) -> None:
    sink = UdpSink(loop, THERE, port, ReceivedLog(tmp_path, **STREAM), 45 * MS)
    measured = flow(interval="1 ms", packet="200 B", measured=True)
    socket_ = sending(loop.clock, HERE, THERE, port)
    source = PacedSource(loop, measured, socket_, Random(1), SentLog(tmp_path, **STREAM))
    run(loop, sink, source)
    joined = join(tmp_path, StreamName("up", "packet", UPSTREAM))
    assert joined.seq.tolist() == list(range(40))
    assert set(joined.size_bytes.tolist()) == {200}
    assert all(at_ns >= (5 + seq) * MS for seq, at_ns in enumerate(joined.sent_at_ns.tolist()))
    assert (joined.received_at_ns >= joined.sent_at_ns).all()
    in_time = int((joined.received_at_ns < 45 * MS).sum())
    assert sink.received_bytes == in_time * 200
    assert sink.received_bytes + sink.drained_bytes == 40 * 200
    assert loop.late_ns > 0


def test_a_flow_that_is_not_measured_leaves_no_log(loop: Loop, port: int, tmp_path: Path) -> None:
    sink = UdpSink(loop, THERE, port, None, LATEST_NS)
    unmeasured = flow(interval="1 ms", arrivals="poisson")
    run(loop, sink, PacedSource(loop, unmeasured, sending(loop.clock, HERE, THERE, port), Random(1), None))
    assert sink.received_bytes > 0
    assert sink.received_bytes % 1400 == 0
    assert list(tmp_path.iterdir()) == []


class Played:
    """A loop and its clock whose time stands still but for timers, and the socket that a source sends to."""

    def __init__(self) -> None:
        self.timers: list[tuple[int, Any]] = []
        self.instant_ns = 0
        self.sent: list[tuple[int, int]] = []

    @property
    def clock(self) -> "Played":
        return self

    def now_ns(self) -> int:
        return self.instant_ns

    def at(self, at_ns: int, call: Any) -> None:
        self.timers.append((at_ns, call))

    def send(self, payloads: list[bytes]) -> None:
        self.sent.append((self.instant_ns, len(payloads)))

    def play(self) -> None:
        while self.timers:
            self.instant_ns, call = self.timers.pop(0)
            call()


@pytest.mark.parametrize(("ends_ms", "packets"), [(45, 40), (42, 37)])
def test_batches_come_to_the_same_bytes_and_end_with_the_flow(ends_ms: int, packets: int) -> None:
    """40 ms at 11.2 Mbit/s are 40 packets of 1400 B; of the last batch only what is due by the flow's end."""
    played: Any = Played()
    BatchedSource(played, flow(rate="11.2 Mbit/s", ends=f"{ends_ms} ms"), played).start()
    played.play()
    assert [count for _, count in played.sent] == [5] * (packets // 5) + [packets % 5] * (packets % 5 > 0)
    assert all(at_ns < ends_ms * MS for at_ns, _ in played.sent)


def test_what_arrives_from_the_end_on_is_counted_apart(loop: Loop, port: int) -> None:
    """The flow's end is before its first packet, as if all had waited in a queue."""
    sink = UdpSink(loop, THERE, port, None, 5 * MS)
    run(loop, sink, BatchedSource(loop, flow(rate="11.2 Mbit/s"), sending(loop.clock, HERE, THERE, port)))
    assert sink.received_bytes == 0
    assert sink.drained_bytes > 0
    assert sink.drained_bytes % 1400 == 0


def test_a_flow_that_is_over_before_a_poisson_packet_comes_sends_none(loop: Loop, port: int) -> None:
    sink = UdpSink(loop, THERE, port, None, LATEST_NS)
    rare = flow(interval="1 min", arrivals="poisson")
    run(loop, sink, PacedSource(loop, rare, sending(loop.clock, HERE, THERE, port), Random(1), None))
    assert sink.received_bytes == 0


def test_the_type_of_service_is_that_of_the_flow(loop: Loop, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        receiver.bind((THERE, port))
        sender = sending(loop.clock, HERE, THERE, port, tos=0x28)
        sender.send_one(b"x")
        _, ancillary, _, _ = receiver.recvmsg(100, 100)
        sender.close()
    assert [value for level, kind, value in ancillary if (level, kind) == (0, socket.IP_TOS)] == [b"\x28"]


@pytest.mark.parametrize("ecn", ["ce", "ect0", "ect1", "not_ect"])
def test_what_came_with_ce_is_counted_if_the_flow_is_capable_of_ecn(loop: Loop, port: int, ecn: str) -> None:
    capable = flow(rate="11.2 Mbit/s", ecn=ecn)
    sink = UdpSink(loop, THERE, port, None, LATEST_NS, capable.sent_ecn)
    source = BatchedSource(loop, capable, sending(loop.clock, HERE, THERE, port, capable.sent_ecn.bits))
    run(loop, sink, source)
    packets = sink.received_bytes // 1400
    assert packets > 0
    counted = {"packets": packets, "ce_packets": packets if ecn == "ce" else 0}
    assert sink.outcome == ({} if ecn == "not_ect" else counted)
