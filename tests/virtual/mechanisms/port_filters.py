"""Runs inside the embedded kernel: `port_filters.py OUTPUT`.

Opens channels for flows with all sorts of ports, sends packets of every kind over the PON's line in both
directions, most of them at the borders of the ports, and looks where each of them went. Writes every packet
that did not go where a comparison of its ports says, and how many belonged to the flow and how many did not.
"""

import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from random import Random

from two_hosts import write

from testbed.api.flow_models import merged
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.net.emulation import Emulation
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Match, Ports
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_SESSION_ORDER, LINE, channel_class
from topologies import elastic_access

TCP, UDP, ICMP, SCTP = 6, 17, 1, 132
DEVICE, SERVERS = "10.1.1.1", "10.2.0.0/31"
PACKETS = 300
"""For each flow and direction."""
EVERY_OTHER: Ports = tuple((port, port) for port in range(1, 1024, 2))


@dataclass(frozen=True)
class Flow:
    """Ports as a client may write them: in any order, and overlapping."""

    at_device: Ports
    at_server: Ports
    udp: bool = False


def flows(random: Random) -> list[Flow]:
    """Those that are known to be hard, and some at random."""

    def some() -> Ports:
        firsts = [random.randrange(65_536) for _ in range(random.choice((1, 2, 7, 60)))]
        return tuple((first, min(first + random.choice((0, 1, 2, 300, 9_000)), 65_535)) for first in firsts)

    return [
        Flow(((1024, 65_535),), ((10_000, 20_000),)),
        Flow(((0, 0), (65_535, 65_535)), ()),
        Flow((), ((0, 65_535),)),
        Flow(((1, 65_534),), ((1, 1), (3, 3), (2, 2)), udp=True),
        Flow(EVERY_OTHER, tuple((port + 40_000, port + 40_000) for port, _ in EVERY_OTHER)),
        *(Flow(some(), some()) for _ in range(6)),
    ]


@dataclass(frozen=True)
class Packet:
    """What matters of a packet between a device and a server; `fragment` is its offset in units of 8 B."""

    device: str
    server: str
    protocol: int
    device_port: int
    server_port: int
    options: int
    fragment: int

    def belongs(self, flow: Flow) -> bool:
        """Whether it is of a flow, by what the documentation says."""
        protocols = (UDP,) if flow.udp else (UDP, TCP)
        return (
            self.device == DEVICE
            and IPv4Address(self.server) in IPv4Network(SERVERS)
            and self.protocol in protocols
            and self.fragment == 0
            and is_one_of(self.device_port, flow.at_device)
            and is_one_of(self.server_port, flow.at_server)
        )

    def frame(self, direction: Direction) -> bytes:
        """The Ethernet frame, to an address that nobody has."""
        ends = (self.device, self.device_port), (self.server, self.server_port)
        (source, source_port), (destination, destination_port) = ends if direction is UPSTREAM else ends[::-1]
        ports = struct.pack("!HH", source_port, destination_port)
        body = bytes([1]) * (4 * self.options) + ports + bytes(60)
        fragment = self.fragment or more_fragments(self.device_port)
        header = struct.pack(
            "!BBHHHBBH4s4s", 0x45 + self.options, 0, 20 + len(body), 7, fragment, 64, self.protocol, 0,
            IPv4Address(source).packed, IPv4Address(destination).packed,
        )  # fmt: skip
        return bytes.fromhex("02ffffffffff 02fffffffffe 0800") + header + body


def more_fragments(port: int) -> int:
    """Every second packet says that more of it follows: it is a first fragment, and has ports."""
    return 0x2000 if port % 2 else 0


def is_one_of(port: int, ports: Ports) -> bool:
    return not ports or any(first <= port <= last for first, last in ports)


def packets(random: Random, flow: Flow) -> list[Packet]:
    def near(ports: Ports) -> int:
        if not ports or not random.randrange(8):
            return random.randrange(65_536)
        return min(max(random.choice(random.choice(ports)) + random.choice((-1, 0, 0, 1)), 0), 65_535)

    return [
        Packet(
            device=random.choice((DEVICE,) * 9 + ("10.1.1.2",)),
            server=random.choice(("10.2.0.0", "10.2.0.1") * 5 + ("10.2.0.2",)),
            protocol=random.choice((TCP, UDP) * 5 + (ICMP, SCTP)),
            device_port=near(flow.at_device),
            server_port=near(flow.at_server),
            options=random.choice((0, 0, 1, 10)),
            fragment=random.choice((0,) * 9 + (1, 0x1FFF)),
        )
        for _ in range(PACKETS)
    ]


def match_of(flow: Flow, direction: Direction) -> Match:
    at_device, at_server = merged(flow.at_device), merged(flow.at_server)
    ends = (DEVICE, at_device), (SERVERS, at_server)
    (source, source_ports), (destination, destination_ports) = ends if direction is UPSTREAM else ends[::-1]
    return Match(
        order=FIRST_SESSION_ORDER,
        minor=FIRST_CHANNEL,
        source=source,
        destination=destination,
        source_ports=source_ports,
        destination_ports=destination_ports,
        udp=flow.udp,
    )


def main(output: Path) -> None:
    plan = make_plan(elastic_access.network(elastic_access.Parameters(onus=2)))
    random = Random("port filters")
    wrong, belonged, others, after_removal = [], 0, 0, 0
    with Emulation(plan) as emulation:

        def taken(direction: Direction) -> int:
            counted = emulation.counters(direction)[FIRST_CHANNEL]
            return counted.sent_packets + counted.backlog_packets

        for direction in (DOWNSTREAM, UPSTREAM):
            line = next(shaped for shaped in plan.pon_port(direction).classes if shaped.minor == LINE)
            channel = channel_class(line, 0, 10**9, 10**6, "channel")
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as port:
                port.bind((plan.pon_port(direction).name, 0))
                for number, flow in enumerate(flows(random)):
                    match = match_of(flow, direction)
                    emulation.open(direction, channel, [match])
                    before = taken(direction)
                    for packet in packets(random, flow):
                        port.send(packet.frame(direction))
                        after = taken(direction)
                        if (after > before) != packet.belongs(flow):
                            wrong.append(f"{direction} flow {number}: {packet}")
                        belonged += packet.belongs(flow)
                        others += not packet.belongs(flow)
                        before = after
                    emulation.unmatch(direction, match.order)
                    for packet in packets(random, flow)[:10]:
                        port.send(packet.frame(direction))
                    after_removal += taken(direction) - before
                    emulation.remove(direction, channel)
    write(
        output / "told.json",
        {"wrong": wrong, "belonged": belonged, "others": others, "after_removal": after_removal},
    )


main(Path(sys.argv[1]))
