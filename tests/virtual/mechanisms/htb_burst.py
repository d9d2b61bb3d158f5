"""Runs inside the embedded kernel: `htb_burst.py OUTPUT`, when packets leave a class that was idle.

A host's port has a class for each of several rates, and one whose committed rate is far below its ceiling,
beside a class of a higher priority that can take all that is left. Each class is given frames back to back,
at one instant and after a long time of idleness; the last one twice: while its neighbour is idle, and while
it sends without end. Writes the arrivals of each class, what the classes are, and what the kernel says
of the trials of the host venue.
"""

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from two_hosts import FAR, NEAR, clock_from_now, finish, start, two_hosts, write

from testbed.host.clock import Clock
from testbed.host.datagrams import Datagrams
from testbed.model.network import Egress
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import ROOT, Match, NetworkPlan, ShapedClass
from testbed.plan.shaping import shaped_class
from testbed.venue import host

GIGABIT_BPS = 10**9
SINGLE_BPS = {1: 10**8, 2: GIGABIT_BPS, 3: 10 * GIGABIT_BPS, 4: 25 * GIGABIT_BPS}
"""The rates of classes that have one, by their numbers; the number of a class is also its mark (DSCP)."""
LINE, TRUNK, SHARED, NEIGHBOUR = 0x100, 0x101, 5, 6
FRAMES = 60
PAYLOAD = bytes(1472)
FILLING_FRAMES = 12_000
STEP_NS = 20_000_000
LAST_NS = (len(SINGLE_BPS) + 1) * STEP_NS
PORT = 5000
QUEUE_BYTES = 64_000_000


def one(
    minor: int, parent: int, rate_bps: int, ceil_bps: int, priority: int = 0, *, leaf: bool = True
) -> ShapedClass:
    return shaped_class(
        minor=minor, parent=parent, rate_bps=rate_bps, ceil_bps=ceil_bps, priority=priority, overhead_bytes=0,
        queue_bytes=QUEUE_BYTES if leaf else None, label=str(minor),
    )  # fmt: skip


CLASSES = (
    one(LINE, ROOT, 200 * GIGABIT_BPS, 200 * GIGABIT_BPS, leaf=False),
    *(one(minor, LINE, rate_bps, rate_bps) for minor, rate_bps in SINGLE_BPS.items()),
    one(TRUNK, LINE, 10 * GIGABIT_BPS, 10 * GIGABIT_BPS, leaf=False),
    one(SHARED, TRUNK, GIGABIT_BPS // 4, GIGABIT_BPS, priority=1),
    one(NEIGHBOUR, TRUNK, 8_000, 10 * GIGABIT_BPS),
)


def plan_with_classes() -> NetworkPlan:
    plan = make_plan(two_hosts(Egress(), Egress()))
    matches = tuple(
        Match(order=minor, minor=minor, tos=minor << 2) for minor in (*SINGLE_BPS, SHARED, NEIGHBOUR)
    )
    interfaces = tuple(
        replace(each, classes=CLASSES, matches=matches, default_minor=1) if each.station == NEAR else each
        for each in plan.interfaces
    )
    return replace(plan, interfaces=interfaces)


def send(plan: NetworkPlan, clock: Clock) -> None:
    """The classes in turn, then the shared one once more in the middle of what fills its neighbour."""
    sockets = {}
    for minor in (*SINGLE_BPS, SHARED, NEIGHBOUR):
        sockets[minor] = Datagrams(clock, plan.address(NEAR).ip, PORT + minor)
        sockets[minor].mark(minor << 2)
        sockets[minor].connect(plan.address(FAR).ip, PORT + minor)
    for number, minor in enumerate((*SINGLE_BPS, SHARED)):
        clock.sleep_until(number * STEP_NS)
        sockets[minor].send([PAYLOAD] * FRAMES)
    clock.sleep_until(LAST_NS)
    sockets[NEIGHBOUR].send([PAYLOAD] * FILLING_FRAMES)
    clock.sleep_until(LAST_NS + STEP_NS // 8)
    sockets[SHARED].send([PAYLOAD] * FRAMES)


def receive(plan: NetworkPlan, clock: Clock) -> dict[int, list[int]]:
    """The arrivals of each class, in order."""
    ends = {minor: Datagrams(clock, plan.address(FAR).ip, PORT + minor) for minor in (*SINGLE_BPS, SHARED)}
    clock.sleep_until(LAST_NS + 2 * STEP_NS)
    return {minor: [at_ns for _, at_ns in end.waiting()] for minor, end in ends.items()}


def main(output: Path) -> None:
    plan = plan_with_classes()
    with Emulation(plan) as emulation:
        clock = clock_from_now()
        finish(start(emulation, {NEAR: lambda: send(plan, clock), FAR: lambda: receive(plan, clock)}, output))
    write(output / "classes.json", {each.minor: asdict(each) for each in CLASSES})
    write(output / "trials.json", {name: said_of(trial) for name, trial in host._TRIALS.items()})


def said_of(trial: str) -> list[str]:
    """What a trial of the host venue prints, in a namespace of its own: warnings of the kernel too."""
    command = ["unshare", "--net", "sh", "-c", f"set -e; {trial}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()


main(Path(sys.argv[1]))
