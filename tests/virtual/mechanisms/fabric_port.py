"""Runs inside the embedded kernel: `fabric_port.py OUTPUT`. Ports of a fabric of nine nodes, close up.

All sockets are of this process, one on each node and plane; every datagram is stamped by the kernel as it
arrives. Writes {"results": …}: delays of single packets, spacing of bursts, incast, drops, and changes.
"""

import itertools
import socket
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from two_hosts import write

from testbed.model.network import Egress, Fabric, Network, Role, Station, Wire
from testbed.net import fabric_messages
from testbed.net.emulation import Emulation
from testbed.net.mininet_nodes import socket_of
from testbed.plan.fabric import plane_ip
from testbed.plan.make import make_plan
from testbed.plan.network_plan import FabricPort, NetworkPlan

PORT = 5000
HEADERS_BYTES = 14 + 20 + 8
NODES = tuple(f"n{number}" for number in range(1, 10))
SETTLE_S = 0.05


def distance_ns(a: int, b: int) -> int:
    """A distance of its own for each pair, from 218 ns on; two pairs are as far apart as can be told."""
    if a == b:
        return 0
    low, high = sorted((a, b))
    return 218 + 711 * (low * 9 + high) % 40_000 + (4_000_000_000 if (low, high) == (7, 8) else 0)


def network(rate_bps: int, queue_bytes: int, distances: bool = True) -> Network:
    port = Egress(rate_bps=rate_bps, queue_bytes=queue_bytes)
    delays = tuple(tuple(distance_ns(a, b) if distances else 0 for b in range(9)) for a in range(9))
    nodes = [Station(name=name, role=Role.COMPUTE) for name in NODES]
    exchange = [Wire(a="metro", b=name) for name in NODES]
    return Network(
        name="fabric",
        stations=(Station(name="metro", role=Role.METRO), Station(name="plane1", role=Role.PLANE), *nodes),
        wires=(
            *exchange,
            *(Wire(a=name, b="plane1", a_egress=port, b_egress=port, mtu_bytes=65_535) for name in NODES),
        ),
        fabric=Fabric(nodes=NODES, planes=("plane1",), delays_ns=delays),
    )


class Bench:
    """A running fabric with a socket on every node."""

    def __init__(self, emulation: Emulation, plan: NetworkPlan) -> None:
        self.emulation, self.plan = emulation, plan
        self.ips = [plane_ip(0, plan.address(node).ip) for node in NODES]
        self.sockets = []
        for node, ip in zip(NODES, self.ips, strict=True):
            with emulation.inside(node):
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, 35, 1)
            opened.setsockopt(socket.SOL_SOCKET, 33, 64_000_000)
            opened.setsockopt(socket.SOL_SOCKET, 32, 64_000_000)
            opened.bind((ip, PORT))
            self.sockets.append(opened)
        time.sleep(SETTLE_S)

    def send(self, a: int, b: int, frame_bytes: int) -> int:
        """Send a frame of this size; the instant at which the kernel was asked to."""
        payload = bytes(frame_bytes - HEADERS_BYTES)
        now_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self.sockets[a].sendto(payload, (self.ips[b], PORT))
        return now_ns

    def arrivals(self, b: int) -> list[int]:
        """When the waiting datagrams of a node arrived."""
        found = []
        while True:
            try:
                _, [(_, _, stamp)], _, _ = self.sockets[b].recvmsg(70_000, 64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            seconds, nanoseconds = struct.unpack("=qq", stamp)
            found.append(seconds * 10**9 + nanoseconds)

    def port(self, name: str) -> FabricPort:
        return next(each.fabric for each in self.plan.interfaces if each.name == name)

    def index(self, name: str) -> tuple[Any, int]:
        station = next(each.station for each in self.plan.interfaces if each.name == name)
        node = self.emulation.mininet.get(station)
        return socket_of(node), node.nameToIntf[name].index

    def counters(self, name: str) -> list[int]:
        """Held packets and bytes, strangers, overflows of a port."""
        netlink, index = self.index(name)
        found = [
            fabric_messages.port_counters(each, index) for each in netlink.dump(fabric_messages.port_dump())
        ]
        return next(list(each) for each in found if each is not None)

    def change(self, name: str, **values: Any) -> None:
        netlink, index = self.index(name)
        changed = replace(self.port(name), **values)
        netlink.ask([fabric_messages.fabric(index, 4 << 16, 0xFFFFFFFF, changed, change=True)])


def single_packets(bench: Bench) -> list[tuple[int, int, int]]:
    """(expected distance, measured delay, frame) of one packet at a time, over all pairs both ways."""
    found = []
    for a, b in itertools.permutations(range(9), 2):
        sent_ns = bench.send(a, b, 100)
        time.sleep(0.001 + distance_ns(a, b) / 1e9)
        [arrived_ns] = bench.arrivals(b)
        found.append((distance_ns(a, b), arrived_ns - sent_ns, 100))
    return found


def burst(bench: Bench, count: int, frame_bytes: int) -> list[int]:
    """Arrivals of a burst from the first node at the second, from its sending on."""
    sent_ns = [bench.send(0, 1, frame_bytes) for _ in range(count)]
    time.sleep(SETTLE_S)
    return [arrived_ns - sent_ns[0] for arrived_ns in bench.arrivals(1)]


def incast(bench: Bench, frame_bytes: int) -> dict[str, Any]:
    """A frame from each of eight nodes to the ninth, sent so that all would arrive at one instant."""
    farthest_ns = max(distance_ns(a, 8) for a in range(7))
    begin_ns = time.clock_gettime_ns(time.CLOCK_REALTIME) + 1_000_000
    for a in sorted(range(7), key=lambda a: -distance_ns(a, 8)):
        at_ns = begin_ns + farthest_ns - distance_ns(a, 8)
        time.sleep((at_ns - time.clock_gettime_ns(time.CLOCK_REALTIME)) / 1e9)
        bench.send(a, 8, frame_bytes)
    time.sleep(SETTLE_S)
    return {"last_ns": farthest_ns, "arrivals": [at - begin_ns for at in bench.arrivals(8)]}


def overtaking(bench: Bench) -> list[str]:
    """In which order a far and then a near destination get their packets."""
    far, near = (
        max(range(1, 8), key=lambda b: distance_ns(0, b)),
        min(range(1, 8), key=lambda b: distance_ns(0, b)),
    )
    bench.send(0, far, 100)
    bench.send(0, near, 100)
    time.sleep(SETTLE_S)
    arrivals = [(bench.arrivals(far)[0], "far"), (bench.arrivals(near)[0], "near")]
    return [which for _, which in sorted(arrivals)]


def slow(bench: Bench) -> dict[str, Any]:
    """At 8 Mbit/s: what does not fit is dropped and counted, and a change keeps what waits."""
    counters = [bench.counters("n1-eth1")]
    for _ in range(20):
        bench.send(0, 1, 1000)
    counters.append(bench.counters("n1-eth1"))
    for name in ("n1-eth1", "plane1-eth1"):
        bench.change(name, rate_bps=80_000_000)
    counters.append(bench.counters("n1-eth1"))
    time.sleep(SETTLE_S)
    gaps = []
    for _ in range(2):
        arrivals = bench.arrivals(1)
        gaps.append([after - before for before, after in itertools.pairwise(arrivals)])
        for _ in range(5):
            bench.send(0, 1, 1000)
        time.sleep(SETTLE_S)
    return {"counters": counters, "gaps": gaps}


def strangers(bench: Bench) -> dict[str, Any]:
    """To an address of the plane that no node has, and to one below the first."""
    for address in ("10.64.0.10", "10.64.0.0", "10.64.7.7"):
        bench.sockets[0].sendto(b"x", (address, PORT))
    time.sleep(SETTLE_S)
    bench.change("n1-eth1", delays_ns=(0, 77_000))
    sent_ns = bench.send(0, 1, 100)
    bench.send(0, 2, 100)
    time.sleep(SETTLE_S)
    return {"counters": bench.counters("n1-eth1"), "moved": [at - sent_ns for at in bench.arrivals(1)]}


def run(rate_bps: int, queue_bytes: int, *looks: Any, distances: bool = True) -> list[Any]:
    plan = make_plan(network(rate_bps, queue_bytes, distances))
    with Emulation(plan) as emulation:
        bench = Bench(emulation, plan)
        return [look(bench) for look in looks]


def main(output: Path) -> None:
    names = ("single", "burst_400g", "incast", "overtaking", "strangers")
    fast = run(
        400_000_000_000, 16_000_000, single_packets,
        lambda bench: burst(bench, 50, 60_000), lambda bench: incast(bench, 60_000), overtaking, strangers,
    )  # fmt: skip
    results = dict(zip(names, fast, strict=True))
    [results["burst_3t"]] = run(3_136_000_000_000, 16_000_000, lambda bench: burst(bench, 100, 60_000))
    [results["slow"]] = run(8_000_000, 10_000, slow)
    [results["no_distance"]] = run(400_000_000_000, 16_000_000, _nowhere_apart, distances=False)
    write(output / "results.json", results)


def _nowhere_apart(bench: Bench) -> list[int]:
    sent_ns = bench.send(0, 1, 100)
    time.sleep(SETTLE_S)
    return [arrived_ns - sent_ns for arrived_ns in bench.arrivals(1)]


main(Path(sys.argv[1]))
