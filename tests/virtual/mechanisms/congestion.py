"""Runs inside the embedded kernel: `congestion.py OUTPUT`, a TCP flow under each congestion control.

Writes for each host what its end of every flow uses: the name of the control, and whether ECN was
agreed on. The flows run side by side between the same two hosts.
"""

import socket
import sys
from pathlib import Path
from typing import Any

from two_hosts import FAR, NEAR, clock_from_now, finish, start, two_hosts

from testbed.applications.flows.model import Flow
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model.network import Egress
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from testbed.workload.bulk import TcpSink, TcpSource

PORT = 5000
MS = 1_000_000
CONTROLS = (None, "cubic", "bbr", "dctcp")
ECN = 8
"""TCPI_OPT_ECN of the options in struct tcp_info, its sixth byte."""


def flow(congestion: str | None) -> Flow:
    common = {"protocol": "tcp", "source": NEAR, "destination": FAR, "starts": "0 s", "ends": "1 s"}
    return Flow.model_validate(common | {"congestion": congestion})


def used(end: socket.socket) -> dict[str, Any]:
    name = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
    options = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)[5]
    return {"congestion": name, "ecn": bool(options & ECN)}


def run(clock: Clock, plan: NetworkPlan, host: str) -> list[list[dict[str, Any]]]:
    """One end of all flows for 50 ms; what each of its connections uses, by flow."""
    loop, far = Loop(clock), plan.address(FAR).ip
    parts: list[TcpSource | TcpSink] = []
    for port, congestion in enumerate(CONTROLS, start=PORT):
        if host == NEAR:
            parts.append(TcpSource(loop, flow(congestion), plan.address(NEAR).ip, far, port))
        else:
            parts.append(TcpSink(loop, flow(congestion), far, port))
    for part in parts:
        part.start()
    loop.at(50 * MS, loop.stop)
    loop.run()
    return [[used(end) for end in part._connections] for part in parts]


def main(output: Path) -> None:
    link = Egress(delay_ns=MS, rate_bps=10**9, queue_bytes=10**6)
    plan = make_plan(two_hosts(link, link))
    with Emulation(plan) as emulation:
        clock = clock_from_now()
        finish(
            start(
                emulation, {host: (lambda host=host: run(clock, plan, host)) for host in (NEAR, FAR)}, output
            )
        )


main(Path(sys.argv[1]))
