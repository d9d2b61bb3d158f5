"""Inside the kernel: a small supernode is built, used as Mininet users would, broken, mended and removed."""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from two_hosts import write

from testbed.errors import KernelError
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from topologies.supernode import Parameters, network

PORT = 5000
FIRST, SECOND, THIRD = "npu1", "npu2", "npu3"
TRIES = 5


def children() -> int:
    parents = [path.read_text().rpartition(")")[2].split()[1] for path in Path("/proc").glob("[0-9]*/stat")]
    return parents.count(str(os.getpid()))


def left() -> dict[str, object]:
    """What is there of interfaces, descriptors and processes."""
    return {
        "interfaces": [name for _, name in socket.if_nameindex()],
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": children(),
    }


def bound(emulation: Emulation, host: str, ip: str) -> socket.socket:
    with emulation.inside(host):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((ip, PORT))
    made.setblocking(False)
    return made


def received(sink: socket.socket) -> list[str]:
    # Longer than any way through the network: what has not come by then does not come.
    time.sleep(0.1)
    senders = []
    while True:
        try:
            senders.append(sink.recvfrom(100)[1][0])
        except BlockingIOError:
            return senders


def faults(emulation: Emulation) -> dict[str, object]:
    """Datagrams over plane 1 while the sender's port is whole, cut (twice), mended (twice) and cut again."""
    port = f"{FIRST}-eth1"
    source = bound(emulation, FIRST, "10.64.0.1")
    sink = bound(emulation, SECOND, "10.64.0.2")
    found: dict[str, object] = {"dropped_before": emulation.dropped(port)}

    def tried(step: str, act: Callable[[list[str]], None] | None) -> None:
        for _ in range(2 if act else 0):
            assert act is not None
            act([port])
        for _ in range(TRIES):
            source.sendto(b"x", ("10.64.0.2", PORT))
        found[step] = [len(received(sink)), emulation.dropped(port)]

    tried("whole", None)
    tried("cut", emulation.cut)
    tried("mended", emulation.mend)
    tried("cut again", emulation.cut)
    emulation.mend([port])
    source.sendto(b"x", ("10.64.0.2", PORT))
    emulation.cut([port])
    found["on the way"] = [len(received(sink)), emulation.dropped(port)]
    source.close()
    sink.close()
    return found


def from_a_child(emulation: Emulation) -> list[str]:
    """A program forked on the first host has sockets on two others, and sends from one to the other."""
    tell, told = os.pipe()

    def program() -> None:
        source = bound(emulation, SECOND, "10.2.0.2")
        sink = bound(emulation, THIRD, "10.2.0.3")
        source.sendto(b"x", ("10.2.0.3", PORT))
        os.write(told, " ".join(received(sink)).encode())

    _, status = os.waitpid(emulation.fork(FIRST, program), 0)
    os.close(told)
    assert status == 0, status
    with os.fdopen(tell) as answer:
        return answer.read().split()


def as_mininet(emulation: Emulation) -> dict[str, object]:
    """Commands and processes on hosts as Mininet has them; no process is there before the first."""
    host = emulation.mininet.get(FIRST)
    before = children()
    shown = host.cmd("cat /proc/net/dev /sys/class/net/npu1-eth1/address").replace("\r", "")
    with host.popen("cat", "/proc/net/dev") as process:
        by_process = process.stdout.read().decode()
    return {
        "processes_before": before,
        "processes_after": children(),
        "by_shell": f"{FIRST}-eth1:" in shown and shown.split()[-1],
        "mac": emulation.mininet.get(FIRST).MAC(f"{FIRST}-eth1"),
        "by_process": f"{FIRST}-eth1:" in by_process,
        "pid": Path(f"/proc/{host.pid}").exists(),
        "is_up": host.intf().isUp(),
    }


def half_way(plan: NetworkPlan) -> str:
    """Build until the kernel refuses an interface: its name is taken by one that is there already."""
    taken = [interface for interface in plan.interfaces if interface.station == "metro"][-2].name
    os.system(f"ip link add {taken} type dummy")
    try:
        with Emulation(plan):
            return "not refused"
    except KernelError as error:
        return str(error)
    finally:
        os.system(f"ip link del {taken}")


def main(output: Path) -> None:
    plan = make_plan(network(Parameters(nodes=8, planes=2)))
    before = left()
    with Emulation(plan) as emulation:
        mininet = as_mininet(emulation)
        write(output / "mininet.json", mininet)
        write(output / "faults.json", faults(emulation))
        write(output / "child.json", from_a_child(emulation))
    write(output / "removed.json", [before, left()])
    refusal = half_way(plan)
    write(output / "half_way.json", {"error": refusal, "left": [before, left()]})


main(Path(sys.argv[1]))
