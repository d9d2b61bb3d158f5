"""Runs inside the embedded kernel: `resize_flow.py OUTPUT CASE…`, a flow over a link resized many times.

Every case is one JSON object; what was seen is written to `OUTPUT/N.json`, N counting from 0. The link's
rates are drawn from below the flow's to above it, so that about half of the resizes meet a queue.
Nothing is judged here: that is the business of `resize_outcome.py`.
"""

import json
import mmap
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testbed.errors import KernelError
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.datagrams import READ_INTERVAL_NS, Datagrams
from testbed.model.base import DOWNSTREAM
from testbed.model.pon import Pon, PonModel
from testbed.net.emulation import Emulation
from testbed.net.namespaces import enter, namespace_path
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Match, NetworkPlan, ShapedClass
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_SESSION_ORDER, LINE, channel_class
from testbed.pon import PonStandard, propagation_ns
from topologies import elastic_access

SOURCE, DESTINATION = "node1", "home1"
PORT = 5001
PARAMETERS = elastic_access.Parameters(onus=2, pon=PonStandard("50G-PON"))
PAYLOAD_BYTES = 1_372
FRAME_BYTES = PAYLOAD_BYTES + 8 + 20 + 14
QUEUE_BYTES = 16_000_000
"""More than ever waits: a loss is then the resize's, and not for want of room."""
RECEIVE_BUFFER_BYTES = 8_000_000
"""From the start, not tuned: the kernel's tuning goes by how long reading takes, here no time at all."""
BEFORE_NS, AFTER_NS = 100_000_000, 500_000_000
"""For the programs to be ready, and for the last packets to arrive."""
_RUNNING, _SENDER_STOPS, _RECEIVER_STOPS = 0, 1, 2
_TOTAL_RETRANS_AT, _RCV_OOOPACK_AT, _TCP_INFO_BYTES = 100, 224, 232
"""Where these stand in struct tcp_info, include/uapi/linux/tcp.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One flow over one link.

    `how` the link is resized: "in_place" as the testbed does, or "delete_and_add" in the same network; on a
    link of Mininet's, "mininet" by its TCIntf.config, or "tc_change" by a `tc class change` in its shell.
    `protocol` is "udp", at `flow_bps` as the link counts, or "tcp", as fast as it goes. A resize is due at
    the end of every period. `model` is the PON's, where there is one.
    """

    how: str
    protocol: str
    resizes: int
    period_ns: int
    flow_bps: int
    least_bps: int
    most_bps: int
    model: str = "shaped_link"

    def rates_bps(self) -> Iterator[int]:
        """The rate before the first resize, which is the greatest, and the rate after each.

        Two are below the flow's, the next two above it, so a queue meets resizes up and down. Drawn evenly on
        a logarithmic scale, so that every decade has its share; in whole Mbit/s.
        """
        yield self.most_bps
        drawn = random.Random("rates")
        for number in range(self.resizes):
            above = number // 2 % 2
            least, most = (self.flow_bps, self.most_bps) if above else (self.least_bps, self.flow_bps)
            yield round(least * (most / least) ** drawn.random() / 10**6) * 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """So many channels, all resized by one call, so many times; there is no flow."""

    channels: int
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A realised link between two hosts: where they are, and what can be done to it.

    `charged_bytes` is what it counts for a datagram, `beyond_ns` how long one takes from its queue to its
    destination, and `drops` gives the packets dropped by name of the counter, as far as there are counters.
    """

    source_pid: int
    source_ip: str
    destination_pid: int
    destination_ip: str
    charged_bytes: int
    beyond_ns: int
    resize: Callable[[int], None]
    drops: Callable[[], dict[str, int]]


def _no_counters() -> dict[str, int]:
    """Mininet's classes and their counters go with every resize."""
    return {}


def channel_match(plan: NetworkPlan) -> Match:
    """All that goes from the source to the destination."""
    return Match(
        order=FIRST_SESSION_ORDER,
        minor=FIRST_CHANNEL,
        source=plan.address(SOURCE).ip,
        destination=plan.address(DESTINATION).ip,
    )


@contextmanager
def pon(model: str) -> Iterator[tuple[Emulation, ShapedClass]]:
    """A running network with a 50G-PON, and the class of its downstream line."""
    plan = make_plan(elastic_access.network(PARAMETERS), pon=Pon(model=PonModel(model)))
    line = next(shaped for shaped in plan.pon_port(DOWNSTREAM).classes if shaped.minor == LINE)
    with Emulation(plan) as emulation:
        yield emulation, line


@contextmanager
def our_link(case: Case) -> Iterator[Link]:
    """A channel of its own on the downstream line."""

    def channel(rate_bps: int) -> ShapedClass:
        return channel_class(line, 0, rate_bps, QUEUE_BYTES, "channel")

    with pon(case.model) as (emulation, line):
        plan = emulation.plan
        match = channel_match(plan)
        emulation.open(DOWNSTREAM, channel(case.most_bps), [match])

        def in_place(rate_bps: int) -> None:
            emulation.resize(DOWNSTREAM, channel(rate_bps))

        def delete_and_add(rate_bps: int) -> None:
            emulation.unmatch(DOWNSTREAM, match.order)
            emulation.remove(DOWNSTREAM, channel(rate_bps))
            emulation.open(DOWNSTREAM, channel(rate_bps), [match])

        def drops() -> dict[str, int]:
            counters = emulation.counters(DOWNSTREAM)
            # As text: in JSON, tc writes down a discipline that it does not know in a way that is none.
            shown = subprocess.run(["tc", "-s", "qdisc"], check=True, capture_output=True, text=True).stdout
            return {
                "class_drops": sum(each.dropped_packets for each in counters.values()),
                "qdisc_drops": sum(map(int, re.findall(r"dropped (\d+)", shown))),
                "channel_packets": counters[FIRST_CHANNEL].sent_packets,
            }

        yield Link(
            source_pid=emulation.mininet.get(SOURCE).pid,
            source_ip=plan.address(SOURCE).ip,
            destination_pid=emulation.mininet.get(DESTINATION).pid,
            destination_ip=plan.address(DESTINATION).ip,
            charged_bytes=FRAME_BYTES + line.overhead_bytes,
            beyond_ns=propagation_ns(PARAMETERS.fibre_m),
            resize={"in_place": in_place, "delete_and_add": delete_and_add}[case.how],
            drops=drops,
        )


@contextmanager
def mininet_link(case: Case) -> Iterator[Link]:
    """Two hosts of stock Mininet; TCIntf.config takes the rate in Mbit/s, at most 1000."""
    from mininet.link import TCLink
    from mininet.net import Mininet

    network = Mininet(link=TCLink, controller=None)
    source, destination = network.addHost(SOURCE), network.addHost(DESTINATION)
    interface = network.addLink(source, destination, bw=case.most_bps / 1e6).intf1

    def config(rate_bps: int) -> None:
        interface.config(bw=rate_bps / 1e6)

    def tc_change(rate_bps: int) -> None:
        kept = f"parent 5:0 classid 5:1 htb rate {rate_bps}bit burst 15k"
        answer = interface.tc("%s class change dev %s " + kept)
        # Of its quantum, which Mininet leaves to tc, there is a warning at most rates.
        if answer and "quantum of class" not in answer:
            raise KernelError(f"tc did not change the class to {rate_bps} bit/s: {answer}")

    try:
        network.start()
        yield Link(
            source_pid=source.pid,
            source_ip=source.IP(),
            destination_pid=destination.pid,
            destination_ip=destination.IP(),
            charged_bytes=FRAME_BYTES,
            beyond_ns=0,
            resize={"mininet": config, "tc_change": tc_change}[case.how],
            drops=_no_counters,
        )
    finally:
        network.stop()


LINKS: dict[str, Callable[[Case], AbstractContextManager[Link]]] = {
    "in_place": our_link,
    "delete_and_add": our_link,
    "mininet": mininet_link,
    "tc_change": mininet_link,
}


def send_datagrams(case: Case, link: Link, clock: Clock, stage: mmap.mmap) -> dict[str, Any]:
    """Send numbered and stamped datagrams, each when it is due, until told to stop."""
    interval_ns = link.charged_bytes * 8_000_000_000 // case.flow_bps
    datagrams = Datagrams(clock, link.source_ip, PORT)
    datagrams.connect(link.destination_ip, PORT)
    # With room for all that waits: under Mininet it waits on this host, and the socket pays for it.
    datagrams.mark(0)
    number = 0
    while stage[0] == _RUNNING:
        clock.sleep_until(number * interval_ns)
        head = number.to_bytes(8) + clock.now_ns().to_bytes(8)
        datagrams.send_one(head.ljust(PAYLOAD_BYTES, b"\0"))
        number += 1
    return {"sent": number}


def receive_datagrams(_case: Case, link: Link, clock: Clock, stage: mmap.mmap) -> dict[str, Any]:
    """The numbers, the stamps and the arrivals of all datagrams, in order of arrival."""
    datagrams = Datagrams(clock, link.destination_ip, PORT)
    numbers, sent_at_ns, arrived_at_ns = [], [], []
    at_ns = 0
    while True:
        last = stage[0] == _RECEIVER_STOPS
        for payload, arrived_ns in datagrams.waiting():
            numbers.append(int.from_bytes(payload[:8]))
            sent_at_ns.append(int.from_bytes(payload[8:16]))
            arrived_at_ns.append(arrived_ns)
        if last:
            return {"numbers": numbers, "sent_at_ns": sent_at_ns, "arrived_at_ns": arrived_at_ns}
        at_ns = max(at_ns + READ_INTERVAL_NS, clock.now_ns())
        clock.sleep_until(at_ns)


def send_stream(_case: Case, link: Link, clock: Clock, stage: mmap.mmap) -> dict[str, Any]:
    """Send on one TCP connection as fast as it goes until told to stop; what TCP knows when all has come."""
    chunk = bytes(262_144)
    clock.sleep_until(0)
    with socket.create_connection((link.destination_ip, PORT)) as connection:
        sent_bytes = 0
        while stage[0] == _RUNNING:
            sent_bytes += connection.send(chunk)
        connection.shutdown(socket.SHUT_WR)
        # The receiver answers when it has read the end.
        connection.recv(1)
        knows = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    return {"sent_bytes": sent_bytes, "retransmitted": struct.unpack_from("=I", knows, _TOTAL_RETRANS_AT)[0]}


def receive_stream(_case: Case, link: Link, _clock: Clock, _stage: mmap.mmap) -> dict[str, Any]:
    """Read all that comes on one connection; its size, and how many segments were not the next ones."""
    sizes = f"4096 {RECEIVE_BUFFER_BYTES} {RECEIVE_BUFFER_BYTES}"
    Path("/proc/sys/net/ipv4/tcp_rmem").write_text(sizes)
    buffer = bytearray(1 << 20)
    with socket.create_server((link.destination_ip, PORT)) as listener:
        connection, _ = listener.accept()
    with connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 32_768)
        received_bytes = 0
        while count := connection.recv_into(buffer):
            received_bytes += count
        knows = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        connection.send(b"\0")
    out_of_order = struct.unpack_from("=I", knows, _RCV_OOOPACK_AT)[0]
    return {"received_bytes": received_bytes, "out_of_order": out_of_order}


Program = Callable[[Case, Link, Clock, mmap.mmap], dict[str, Any]]
PROGRAMS: dict[str, tuple[Program, Program]] = {
    "udp": (send_datagrams, receive_datagrams),
    "tcp": (send_stream, receive_stream),
}


def _fork(namespace_of: int, program: Callable[[], dict[str, Any]], result: Path) -> int:
    """Run a program on a host; what it returns is written as JSON."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            use_exact_timers()
            enter(namespace_path(namespace_of))
            result.write_text(json.dumps(program()), encoding="utf-8")
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def _finish(pid: int, what: str) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise KernelError(f"the {what} ended with status {status}")


def run(case: Case, output: Path) -> dict[str, Any]:
    """Let the flow run while the link is resized; everything that was seen.

    `resized_at_ns` has for each resize the instants before and after the call, in the clock of the packets.
    """
    with LINKS[case.how](case) as link:
        use_exact_timers()
        clock = Clock(time.clock_gettime_ns(time.CLOCK_REALTIME) + BEFORE_NS)
        send, receive = PROGRAMS[case.protocol]
        stage = mmap.mmap(-1, 1)
        results = [output / f"{end}.part" for end in ("sender", "receiver")]
        receiver = _fork(link.destination_pid, lambda: receive(case, link, clock, stage), results[1])
        sender = _fork(link.source_pid, lambda: send(case, link, clock, stage), results[0])
        rates_bps = list(case.rates_bps())
        resized_at_ns = []
        for number, rate_bps in enumerate(rates_bps[1:], start=1):
            clock.sleep_until(number * case.period_ns)
            before_ns = clock.now_ns()
            link.resize(rate_bps)
            resized_at_ns.append((before_ns, clock.now_ns()))
        clock.sleep_until(len(rates_bps) * case.period_ns)
        stage[0] = _SENDER_STOPS
        _finish(sender, "sender")
        clock.sleep_until(clock.now_ns() + AFTER_NS)
        stage[0] = _RECEIVER_STOPS
        _finish(receiver, "receiver")
        seen = {key: value for part in results for key, value in json.loads(part.read_text()).items()}
        for part in results:
            part.unlink()
        return {
            **asdict(case),
            **seen,
            **link.drops(),
            "charged_bytes": link.charged_bytes,
            "beyond_ns": link.beyond_ns,
            "rates_bps": rates_bps,
            "resized_at_ns": resized_at_ns,
        }


def run_batches(batches: Batches) -> dict[str, Any]:
    """Resize many channels by one call, several times; the instants before and after each."""
    least_bps, most_bps = 100_000_000, 1_000_000_000
    with pon("shaped_link") as (emulation, line):
        channels = range(batches.channels)
        for index in channels:
            emulation.open(DOWNSTREAM, channel_class(line, index, most_bps, QUEUE_BYTES, "channel"), [])
        resized_at_ns = []
        for number in range(batches.batches):
            rate_bps = most_bps if number % 2 else least_bps
            before_ns = time.perf_counter_ns()
            classes = [channel_class(line, index, rate_bps, QUEUE_BYTES, "channel") for index in channels]
            emulation.resize(DOWNSTREAM, *classes)
            resized_at_ns.append((before_ns, time.perf_counter_ns()))
    return {**asdict(batches), "resized_at_ns": resized_at_ns}


def main(output: Path, cases: list[str]) -> None:
    """Run all cases, one after the other."""
    for number, text in enumerate(cases):
        case = json.loads(text)
        results = run_batches(Batches(**case)) if "batches" in case else run(Case(**case), output)
        (output / f"{number}.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
