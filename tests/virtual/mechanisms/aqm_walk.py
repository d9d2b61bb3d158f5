"""Runs inside the embedded kernel: `aqm_walk.py OUTPUT`, every queue of a PON with every AQM in turn.

Each network has one home with a session's channel and, frame by frame, a class of traffic. Packets are sent
to each of them until some wait, and then the kernel is asked: for each class what its counters say, and which
qdisc stands below it. The qdiscs are listed and read by pyroute2. No OLT runs, so nothing leaves upstream
where the PON is in frames.
"""

import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from two_hosts import write

from testbed.model.access import Access, Subscription
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.pon import Aqm, Pon, PonModel, TContClass
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Match, NetworkPlan
from testbed.plan.pon_ports import tos_of
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_SESSION_ORDER, LINE, channel_class
from testbed.pon.provision import FIRST_HOME, alloc_id_of
from topologies import elastic_access

HOME, NODE = "home1", "node1"
RATE_BPS, QUEUE_BYTES = 1_000_000, 100_000
PACKETS, PAYLOAD = 8, bytes(1_000)
CHANNEL_PORT, OTHER_PORT = 40_000, 50_000
CLASS = "gold"


def pon_of(model: PonModel, aqm: Aqm) -> Pon:
    downstream = {"rate": "1 Mbit/s", "queue": "100 kB", "aqm": aqm}
    given = {"assured": "1 Mbit/s", "queue": "100 kB", "aqm": aqm, "downstream": downstream}
    in_frames = model is PonModel.FRAMES
    return Pon(model=model, tconts={CLASS: TContClass.model_validate(given)} if in_frames else {})


def plan_of(pon: Pon, aqm: Aqm) -> NetworkPlan:
    offer = Subscription(rate_bps=RATE_BPS, committed_bps=0, queue_bytes=QUEUE_BYTES, aqm=aqm)
    network = elastic_access.network(elastic_access.Parameters(onus=1))
    return make_plan(network, Access(downstream=offer, upstream=offer), pon)


def sinks(emulation: Emulation) -> list[socket.socket]:
    """Where packets go: without them a host would answer each that has arrived by an ICMP message."""
    found = []
    for host in (HOME, NODE):
        with emulation.inside(host):
            for port in (CHANNEL_PORT, OTHER_PORT):
                end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                end.bind(("", port))
                found.append(end)
    return found


def send(emulation: Emulation, direction: Direction, tos: int, port: int) -> None:
    source, destination = (NODE, HOME) if direction is DOWNSTREAM else (HOME, NODE)
    addresses = {each.host: each.ip for each in emulation.plan.addresses}
    with emulation.inside(source):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    for _ in range(PACKETS):
        end.sendto(PAYLOAD, (addresses[destination], port))
    end.close()


def open_channel(emulation: Emulation, direction: Direction) -> None:
    line = next(each for each in emulation.plan.pon_port(DOWNSTREAM).classes if each.minor == LINE)
    ip = emulation.plan.address(HOME).ip
    to_home = direction is DOWNSTREAM
    matches = [
        Match(order=FIRST_SESSION_ORDER, minor=FIRST_CHANNEL, source=None if to_home else ip,
              destination=ip if to_home else None, tos=4 << 2)
    ]  # fmt: skip
    emulation.open(direction, channel_class(line, 0, RATE_BPS, QUEUE_BYTES, "channel"), matches)


def qdiscs_below(interface: str) -> dict[int, tuple[str, int]]:
    """By the minor number of the class above: the kind of a qdisc, and how many packets wait in it."""
    with IPRoute() as routes:
        (index,) = routes.link_lookup(ifname=interface)
        return {
            each["parent"] & 0xFFFF: (
                each.get_attr("TCA_KIND"),
                each.get_attr("TCA_STATS2").get_attr("TCA_STATS_QUEUE")["qlen"],
            )
            for each in routes.get_qdiscs(index=index)
            if each["parent"] != 0xFFFFFFFF
        }


def found(model: PonModel, aqm: Aqm) -> Iterator[dict[str, Any]]:
    pon = pon_of(model, aqm)
    plan = plan_of(pon, aqm)
    minors = {"home": FIRST_HOME + 1, "channel": FIRST_CHANNEL}
    if pon.tconts:
        minors[CLASS] = alloc_id_of(pon, CLASS, 1)
    with Emulation(plan) as emulation:
        receiving = sinks(emulation)
        for direction in (DOWNSTREAM, UPSTREAM):
            open_channel(emulation, direction)
            send(emulation, direction, 0, OTHER_PORT)
            send(emulation, direction, 4 << 2, CHANNEL_PORT)
            if pon.tconts:
                send(emulation, direction, tos_of(pon, CLASS), OTHER_PORT)
        time.sleep(0.02)
        for direction in (DOWNSTREAM, UPSTREAM):
            counters = emulation.counters(direction)
            below = qdiscs_below(plan.pon_port(direction).name)
            for name, minor in minors.items():
                kind, waiting = below[minor]
                counted = counters[minor]
                yield {
                    "model": model, "aqm": aqm, "direction": direction, "class": name, "kind": kind,
                    "waiting": waiting, "class_sent": counted.sent_packets,
                    "class_waiting": counted.backlog_packets,
                    "queue": asdict(emulation.queue_counters(direction, minor)),
                }  # fmt: skip
        for end in receiving:
            end.close()


def main(output: Path) -> None:
    write(output / "walk.json", [each for model in PonModel for aqm in Aqm for each in found(model, aqm)])


main(Path(sys.argv[1]))
