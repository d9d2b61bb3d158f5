"""Runs inside the embedded kernel: `one_way_delay.py OUTPUT DELAY_NS`, that delay in each direction.

Writes the one-way delays of datagrams in ns by the kernel's receive stamps, as measured at the near and at
the far host, and what ping says.
"""

import sys
from pathlib import Path

from two_hosts import FAR, NEAR, clock_from_now, finish, start, two_hosts, write

from testbed.host.clock import Clock
from testbed.host.datagrams import Datagrams
from testbed.model.network import Egress
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan

PORT = 5000
PACKETS = 100
INTERVAL_NS = 3_333_333
"""No multiple of anything in the kernel, so that no phase is preferred."""


def exchange(plan: NetworkPlan, clock: Clock, here: str, there: str, offset_ns: int) -> list[int]:
    """Send stamped datagrams to the other host and read those that it sends; their delays."""
    datagrams = Datagrams(clock, plan.address(here).ip, PORT)
    datagrams.connect(plan.address(there).ip, PORT)
    for number in range(PACKETS):
        clock.sleep_until(offset_ns + number * INTERVAL_NS)
        datagrams.send([str(clock.now_ns()).encode()])
    clock.sleep_until((PACKETS + 10) * INTERVAL_NS)
    return [arrived_ns - int(payload) for payload, arrived_ns in datagrams.waiting()]


def ping(emulation: Emulation, plan: NetworkPlan) -> str:
    """What `ping` on the near host prints."""
    printed: str = emulation.mininet.get(NEAR).cmd(f"ping -n -c 20 -i 0.1 {plan.address(FAR).ip}")
    return printed


def main(output: Path, delay_ns: int) -> None:
    plan = make_plan(two_hosts(Egress(delay_ns=delay_ns), Egress(delay_ns=delay_ns)))
    with Emulation(plan) as emulation:
        clock = clock_from_now()
        programs = {
            NEAR: lambda: exchange(plan, clock, NEAR, FAR, 0),
            FAR: lambda: exchange(plan, clock, FAR, NEAR, INTERVAL_NS // 2),
        }
        finish(start(emulation, programs, output))
        write(output / "ping.json", ping(emulation, plan))


main(Path(sys.argv[1]), int(sys.argv[2]))
