"""The capacity probe: measures in half a second what this machine carries.

`python -m testbed.venue.capacity_probe` sends packets over a chain of veth pairs and bridges, as from a home
to a node, and waits for timers. It runs in a network namespace of its own, as the trials of `host` do, and
prints one JSON object. It leaves out shaping and the programs' work on a packet, so a run carries less.
"""

import json
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from testbed.errors import KernelError
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.load_watch import watch_timers
from testbed.venue.host import run_bounded

_WIRES = 4
"""From a home to a node: ONU, OLT and metro exchange stand between."""
_ETHERTYPE = 0x88B5
"""For local experiments (IEEE 802): nothing else on the wire has it."""
_FRAME_BYTES = 1414
_BURST = 32
_MEASURE_NS = 300_000_000
_MOST_PACKETS = 30_000
"""A tenth of a second on a fast machine. In virtual time, where none of this takes any, it ends as well."""
_TIMERS, _TIMER_NS = 200, 1_000_000
_LIMIT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one packet costs all processors together on its way, and how late timers are."""

    packet_ns: int
    late_p99_ns: int
    late_max_ns: int


def measured() -> Carried:
    """Measure this machine, in a network namespace made for it.

    Raises:
        KernelError: It could not be measured.
        LimitError: It took far too long.
    """
    command = ["unshare", "--net", sys.executable, "-m", "testbed.venue.capacity_probe"]
    done = run_bounded(command, "measuring what this machine carries", _LIMIT_S)
    if done.returncode:
        raise KernelError(f"cannot measure what this machine carries: {done.stderr.strip()[-500:]}")
    return Carried(**json.loads(done.stdout))


def main() -> None:
    """Build the chain, measure, and print."""
    use_exact_timers()
    subprocess.run(["ip", "-batch", "-"], input="\n".join(_chain()), text=True, check=True)
    late_ns = sorted(watch_timers(Clock(0), _TIMER_NS, _TIMERS))
    found = Carried(
        packet_ns=_packet_ns(),
        late_p99_ns=late_ns[-(-len(late_ns) * 99 // 100) - 1],
        late_max_ns=late_ns[-1],
    )
    print(json.dumps(asdict(found)))


def _chain() -> list[str]:
    """`ip` commands for so many wires in a row with a bridge between two; their ends are a0 and b3."""
    lines = [f"link add name a{wire} type veth peer name b{wire}" for wire in range(_WIRES)]
    for wire in range(_WIRES - 1):
        lines.append(f"link add name br{wire} type bridge")
        lines += [f"link set b{wire} master br{wire}", f"link set a{wire + 1} master br{wire}"]
        lines.append(f"link set br{wire} up")
    lines += [f"link set {end}{wire} up" for wire in range(_WIRES) for end in "ab"]
    return lines


def _packet_ns() -> int:
    """The time from the sending of a packet to its reading, with nothing else going on."""
    with _end("a0") as sender, _end(f"b{_WIRES - 1}") as receiver:
        receiver.settimeout(5.0)
        frame = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + _ETHERTYPE.to_bytes(2, "big")
        frame += bytes(_FRAME_BYTES - len(frame))
        packets, began_ns = 0, time.monotonic_ns()
        while packets < _MOST_PACKETS and time.monotonic_ns() - began_ns < _MEASURE_NS:
            for _ in range(_BURST):
                sender.send(frame)
            for _ in range(_BURST):
                receiver.recv(_FRAME_BYTES)
            packets += _BURST
        return max((time.monotonic_ns() - began_ns) // packets, 1)


def _end(interface: str) -> socket.socket:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    end.bind((interface, _ETHERTYPE))
    return end


if __name__ == "__main__":
    main()
