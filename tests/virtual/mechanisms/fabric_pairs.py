"""Runs inside the embedded kernel: `fabric_pairs.py OUTPUT CASE`, delays over a fabric from node to node.

CASE is one of `CASES`. Writes `pairs.json`: for each packet the two nodes, the plane, the delay configured
and the delay measured, in ns by the kernel's receive stamps; null for one that did not arrive. One process
has a socket in each plane on each node.
"""

import csv
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from testbed.host.clock import Clock, use_exact_timers
from testbed.host.datagrams import NUMBER, Datagrams
from testbed.model.network import Network
from testbed.net.emulation import Emulation
from testbed.net.namespaces import unshare
from testbed.plan.fabric import plane_ip
from testbed.plan.make import make_plan
from topologies import supernode

PORT = 5000
INTERVAL_NS = 100_003
"""From packet to packet; no multiple of anything in the kernel, so that no phase is preferred."""
KM_M = 1_000


def tiers(**changes: object) -> Network:
    """384 nodes, two in a device, eight in a chassis, a third of them at a site 10 km away."""
    sites = {"here": {"nodes": 256}, "there": {"nodes": 128, "x_m": 10 * KM_M}}
    return supernode.network(
        supernode.Parameters.model_validate({"nodes": 384, "per_device": 2, "sites": sites, **changes})
    )


def table(output: Path) -> Network:
    """16 nodes on two planes, with a delay of its own for each pair in a CSV file."""
    random, nodes = Random("matrix"), range(16)
    drawn_ns = {(a, b): random.randrange(200, 2_000_000) for a in nodes for b in nodes if a < b}
    path = output / "matrix.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [f"{drawn_ns.get((min(a, b), max(a, b)), 0)} ns" for b in nodes] for a in nodes
        )
    return supernode.network(supernode.Parameters(nodes=16, planes=2, matrix=str(path)))


CASES: dict[str, Callable[[Path], Network]] = {
    "tiers": lambda _output: tiers(),
    "matrix": table,
    "no_distance": lambda _output: supernode.network(
        supernode.Parameters(nodes=16, same_chassis_ns=0, other_chassis_ns=0, same_device_ns=0)
    ),
}


def measure(network: Network, packets: int) -> list[tuple[str, str, int, int, int | None]]:
    """Send packets between pairs drawn by seed; nodes, plane, delay configured and delay measured of each."""
    assert network.fabric is not None
    plan, fabric, random = make_plan(network), network.fabric, Random("pairs")
    with Emulation(plan) as emulation:
        clock = Clock(-(-(time.clock_gettime_ns(time.CLOCK_REALTIME) + 2 * 10**9) // 10**9) * 10**9)
        ips = {node: plan.address(node).ip for node in fabric.nodes}
        sockets = {}
        for node, ip in ips.items():
            with emulation.inside(node):
                for plane in range(len(fabric.planes)):
                    sockets[node, plane] = Datagrams(clock, plane_ip(plane, ip), PORT)
        drawn = [
            (*random.sample(fabric.nodes, 2), random.randrange(len(fabric.planes))) for _ in range(packets)
        ]
        sent_at_ns = []
        for number, (here, there, plane) in enumerate(drawn):
            clock.sleep_until(number * INTERVAL_NS)
            sent_at_ns.append(clock.now_ns())
            sockets[here, plane].send_to(NUMBER.pack(number), plane_ip(plane, ips[there]), PORT)
        clock.sleep_until(packets * INTERVAL_NS + 10**9)
        measured = {}
        for (node, plane), datagrams in sockets.items():
            for number, _, at_ns in datagrams.waiting_numbers():
                assert drawn[number][1:] == (node, plane)
                measured[number] = at_ns - sent_at_ns[number]
        return [
            (here, there, plane, fabric.delay_ns(here, there), measured.get(number))
            for number, (here, there, plane) in enumerate(drawn)
        ]


def main(output: Path, case: str) -> None:
    use_exact_timers()
    unshare()
    (output / "pairs.json").write_text(json.dumps(measure(CASES[case](output), 1_000)))


main(Path(sys.argv[1]), sys.argv[2])
