"""Runs inside the embedded kernel: `far_flow.py OUTPUT`, TCP over a fast link and a long way.

The same flow twice: with the buffers of the plan, and with those that the kernel gives by itself. Writes what
arrived in each interval, the limits of the buffers at both ends, and what the sender's kernel counted.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from two_hosts import FAR, NEAR, clock_from_now, finish, start, two_hosts

from testbed.applications.flows.model import Flow
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model.network import Egress
from testbed.net.emulation import Emulation
from testbed.net.namespaces import unshare
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from testbed.workload.bulk import TcpSink, TcpSource

MS = 1_000_000
RATE_BPS, WAY_NS = 720_000_000, 80 * MS
QUEUE_BYTES = 8_000_000
INTERVAL_NS = 500 * MS
PORT = 5000
FLOW = Flow.model_validate(
    {"protocol": "tcp", "source": NEAR, "destination": FAR, "starts": "0 s", "ends": "3 s"}
)


def limits() -> dict[str, list[int]]:
    """The least, the usual and the most that a socket's buffers may hold on this host."""
    folder = Path("/proc/sys/net/ipv4")
    return {
        name: [int(part) for part in (folder / name).read_text(encoding="ascii").split()]
        for name in ("tcp_rmem", "tcp_wmem")
    }


def send(plan: NetworkPlan, clock: Clock) -> dict[str, Any]:
    loop = Loop(clock)
    source = TcpSource(loop, FLOW, plan.address(NEAR).ip, plan.address(FAR).ip, PORT)
    source.start()
    loop.at(FLOW.ends_at_ns + MS, loop.stop)
    loop.run()
    return {"limits": limits(), "outcome": source.outcome}


def receive(plan: NetworkPlan, clock: Clock) -> dict[str, Any]:
    loop, arrived = Loop(clock), list[int]()
    sink = TcpSink(loop, FLOW, plan.address(FAR).ip, PORT)
    sink.start()
    loop.every(INTERVAL_NS, lambda: arrived.append(sink.received_bytes))
    loop.at(FLOW.ends_at_ns + MS, loop.stop)
    loop.run()
    return {"limits": limits(), "arrived": arrived}


def run(plan: NetworkPlan, output: Path) -> None:
    output.mkdir()
    # As a run does, so that the hosts have the kernel's own limits and not those that Mininet sets.
    unshare()
    with Emulation(plan) as emulation:
        clock = clock_from_now()
        programs = {NEAR: partial(send, plan, clock), FAR: partial(receive, plan, clock)}
        finish(start(emulation, programs, output))


def main(output: Path) -> None:
    link = Egress(delay_ns=WAY_NS, rate_bps=RATE_BPS, queue_bytes=QUEUE_BYTES)
    plan = make_plan(two_hosts(link, Egress(delay_ns=WAY_NS)))
    run(plan, output / "planned")
    by_itself = tuple(replace(address, tcp_buffer_bytes=None) for address in plan.addresses)
    run(replace(plan, addresses=by_itself), output / "by_itself")


main(Path(sys.argv[1]))
