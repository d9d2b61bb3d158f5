"""What the programs of this folder share: two hosts with a bridge between them, and programs on them."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from testbed.host.clock import Clock, use_exact_timers
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.net.emulation import Emulation

NEAR, FAR = "near", "far"


def two_hosts(near: Egress, far: Egress) -> Network:
    """`near` is what happens to a frame that leaves the near host, `far` to one that leaves the far host."""
    return Network(
        name="two_hosts",
        stations=(
            Station(name=NEAR, role=Role.COMPUTE),
            Station(name="between", role=Role.METRO),
            Station(name=FAR, role=Role.COMPUTE),
        ),
        wires=(Wire(a=NEAR, b="between", a_egress=near), Wire(a=FAR, b="between", a_egress=far)),
    )


def clock_from_now(after_ns: int = 100_000_000) -> Clock:
    """A clock that reads 0 shortly, so that programs on several hosts begin at the same instant."""
    return Clock(time.clock_gettime_ns(time.CLOCK_REALTIME) + after_ns)


def start(emulation: Emulation, programs: Mapping[str, Callable[[], Any]], output: Path) -> dict[str, int]:
    """Start a program on each of some hosts; what HOST's returns is written to `output/HOST.json`."""

    def program_of(host: str) -> Callable[[], None]:
        def program() -> None:
            use_exact_timers()
            write(output / f"{host}.json", programs[host]())

        return program

    return {host: emulation.fork(host, program_of(host)) for host in programs}


def finish(pids: Mapping[str, int]) -> None:
    """Wait for the programs; one that failed fails this one."""
    for host, pid in pids.items():
        _, status = os.waitpid(pid, 0)
        if status:
            raise SystemExit(f"the program on {host} ended with status {os.waitstatus_to_exitcode(status)}")


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
