"""Runs inside the embedded kernel: `resize.py OUTPUT HOW`, HOW being `in_place` or `delete_and_add`.

A channel carries a datagram flow of constant rate and goes to and fro between a rate below it and one above
it, 200 times. Writes what arrived, and every drop counter that the kernel has.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from two_hosts import clock_from_now, finish, start, write

from testbed.host.clock import Clock
from testbed.host.datagrams import Datagrams
from testbed.model.base import DOWNSTREAM
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Match, NetworkPlan, ShapedClass
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_SESSION_ORDER, LINE, channel_class
from topologies import elastic_access

HOME, NODE = "home1", "node1"
PORT = 40_000
SLOW_BPS, FAST_BPS, FLOW_BPS = 100_000_000, 1_000_000_000, 200_000_000
PERIOD_NS = 5_000_000
RESIZES = 200
QUEUE_BYTES = 1_000_000
"""Several times what a period at the slow rate leaves behind: nothing is lost by want of room."""
PAYLOAD_BYTES = 1_372
FRAME_BYTES = PAYLOAD_BYTES + 8 + 20 + 14
END_NS = (RESIZES + 2) * PERIOD_NS
READ_INTERVAL_NS = 20_000_000


def rates_bps() -> Iterator[int]:
    """The rate after each resize: slow, fast, slow, …"""
    for number in range(RESIZES):
        yield FAST_BPS if number % 2 else SLOW_BPS


def send(plan: NetworkPlan, clock: Clock, charged_bytes: int) -> int:
    """Send numbered and stamped datagrams, each when it is due; how many."""
    interval_ns = charged_bytes * 8_000_000_000 // FLOW_BPS
    datagrams = Datagrams(clock, plan.address(NODE).ip, PORT)
    datagrams.connect(plan.address(HOME).ip, PORT)
    count = RESIZES * PERIOD_NS // interval_ns
    for number in range(count):
        clock.sleep_until(number * interval_ns)
        head = number.to_bytes(8) + clock.now_ns().to_bytes(8)
        datagrams.send([head.ljust(PAYLOAD_BYTES, b"\0")])
    return count


def receive(plan: NetworkPlan, clock: Clock) -> dict[str, list[int]]:
    """The numbers and the delays of all datagrams, in order of arrival."""
    datagrams = Datagrams(clock, plan.address(HOME).ip, PORT)
    numbers, delays_ns = [], []
    for at_ns in range(0, END_NS + READ_INTERVAL_NS, READ_INTERVAL_NS):
        clock.sleep_until(at_ns)
        for payload, arrived_ns in datagrams.waiting():
            numbers.append(int.from_bytes(payload[:8]))
            delays_ns.append(arrived_ns - int.from_bytes(payload[8:16]))
    return {"numbers": numbers, "delays_ns": delays_ns}


def resize_in_place(emulation: Emulation, shaped: ShapedClass, _match: Match) -> None:
    emulation.resize(DOWNSTREAM, shaped)


def delete_and_add(emulation: Emulation, shaped: ShapedClass, match: Match) -> None:
    """What other emulators do: the class goes with its filter, and comes back with its new rate."""
    emulation.unmatch(DOWNSTREAM, match.order)
    emulation.remove(DOWNSTREAM, shaped)
    emulation.open(DOWNSTREAM, shaped, [match])


HOW = {"in_place": resize_in_place, "delete_and_add": delete_and_add}


def main(output: Path, how: str) -> None:
    plan = make_plan(elastic_access.network(elastic_access.Parameters(onus=2)))
    line = next(shaped for shaped in plan.pon_port(DOWNSTREAM).classes if shaped.minor == LINE)

    def channel(rate_bps: int) -> ShapedClass:
        shaped = channel_class(line, 0, rate_bps, QUEUE_BYTES, "channel")
        # Two frames at any rate, so that the delays are those of the rates alone.
        return replace(shaped, burst_bytes=2 * FRAME_BYTES)

    match = Match(
        order=FIRST_SESSION_ORDER,
        minor=FIRST_CHANNEL,
        source=plan.address(NODE).ip,
        destination=plan.address(HOME).ip,
        source_ports=((PORT, PORT + 3),),
        udp=True,
    )
    with Emulation(plan) as emulation:
        emulation.open(DOWNSTREAM, channel(FAST_BPS), [match])
        clock = clock_from_now()
        charged_bytes = FRAME_BYTES + line.overhead_bytes
        programs = {NODE: lambda: send(plan, clock, charged_bytes), HOME: lambda: receive(plan, clock)}
        pids = start(emulation, programs, output)
        class_drops = 0
        for number, rate_bps in enumerate(rates_bps()):
            clock.sleep_until(number * PERIOD_NS)
            HOW[how](emulation, channel(rate_bps), match)
            class_drops += sum(each.dropped_packets for each in emulation.counters(DOWNSTREAM).values())
        finish(pids)
        counters = emulation.counters(DOWNSTREAM)
        qdiscs = subprocess.run(["tc", "-s", "-j", "qdisc"], check=True, capture_output=True).stdout
        write(
            output / "counters.json",
            {
                "class_drops": class_drops + sum(each.dropped_packets for each in counters.values()),
                "channel_packets": counters[FIRST_CHANNEL].sent_packets,
                "charged_bytes": charged_bytes,
                "qdisc_drops": sum(qdisc["drops"] for qdisc in json.loads(qdiscs)),
            },
        )


main(Path(sys.argv[1]), sys.argv[2])
