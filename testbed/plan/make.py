"""Model → NetworkPlan: addressing, forwarding, direct routes and the shaping of every port.

Addresses tell what a host is: 10.1.H.D is device D of home H, 10.2.x.y a compute node, 10.3.x.y a
controller. A host's MAC repeats its address, so that a capture can be read without a table.
"""

from collections import defaultdict
from dataclasses import dataclass

from testbed.model.access import Access, Subscription
from testbed.model.base import UPSTREAM
from testbed.model.network import Egress, Network, Role
from testbed.model.pon import Pon, PonModel
from testbed.plan.fabric import FabricPorts, fabric_routes
from testbed.plan.network_plan import (
    DirectRoute,
    ForwardingEntry,
    HostAddress,
    Interface,
    Match,
    Neighbour,
    NetworkPlan,
    PonPlan,
    PonPort,
    Route,
    ShapedClass,
)
from testbed.plan.pon_ports import class_matches, downstream_classes, downstream_port, pon_plan, upstream_port
from testbed.plan.shaping import LINE, UNCLASSIFIED, home_matches, pon_classes, single_rate, unbounded_line
from testbed.plan.tcp_buffers import tcp_buffers

PREFIX_LENGTH = 8
UNLIMITED = Access(
    downstream=Subscription(rate_bps=10**12, committed_bps=0, queue_bytes=4_000_000),
    upstream=Subscription(rate_bps=10**12, committed_bps=0, queue_bytes=4_000_000),
)
"""Homes that may use the whole line: for a topology on its own, without a scenario."""
SHAPED_LINK = Pon(model=PonModel.SHAPED_LINK)
"""A PON that needs no OLT to run it: for a topology on its own, too."""


def make_plan(
    network: Network, access: Access = UNLIMITED, pon: Pon = SHAPED_LINK, *, orders: bool = False
) -> NetworkPlan:
    """Decide everything about a network that the kernel will have to be told.

    With `orders` channels of any rate may be ordered through the API.
    """
    homes = _homes(network)
    ips = _addresses(network, homes)
    in_frames = network.pon is not None and pon.model is PonModel.FRAMES
    assigned = pon_plan(network, access, pon) if in_frames else None
    shaping = _Shaping(network, access, pon, assigned, len(homes))
    fabric_ports = FabricPorts(network.fabric, ips) if network.fabric is not None else None
    interfaces = _interfaces(network, shaping, fabric_ports, ips)
    first: dict[str, Interface] = {}
    for interface in interfaces:
        first.setdefault(interface.station, interface)
    buffers = tcp_buffers(network, access, pon, orders=orders)
    addresses = tuple(
        HostAddress(host=host, ip=ip, mac=first[host].mac, tcp_buffer_bytes=buffers.get(host))
        for host, ip in ips.items()
    )
    by_name = {interface.name: interface for interface in interfaces}
    direct_routes = tuple(
        DirectRoute(
            host=interface.station,
            destination_ip=ips[interface.peer_station],
            interface=interface.name,
            mac=by_name[interface.peer_name].mac,
        )
        for interface in interfaces
        if interface.station in ips and interface.peer_station in ips
    )
    routes: tuple[Route, ...] = ()
    neighbours = _neighbours(network, addresses, first, direct_routes)
    if network.fabric is not None:
        by_host = {address.host: address for address in addresses}
        routes, of_fabric = fabric_routes(network.fabric, interfaces, by_host)
        neighbours += of_fabric
    return NetworkPlan(
        network=network,
        interfaces=interfaces,
        addresses=addresses,
        direct_routes=direct_routes,
        forwarding=_forwarding(network, interfaces, addresses),
        neighbours=neighbours,
        routes=routes,
        pon=assigned,
    )


def _neighbours(
    network: Network,
    addresses: tuple[HostAddress, ...],
    first: dict[str, Interface],
    direct_routes: tuple[DirectRoute, ...],
) -> tuple[Neighbour, ...]:
    """Where every host finds all others: behind its first interface, or over the direct wire to them.

    Two nodes of one fabric find each other over its planes instead.
    """
    direct = {(route.host, route.destination_ip): route for route in direct_routes}
    found = []
    for here in addresses:
        for there in addresses:
            if here is there or (network.fabric is not None and network.fabric.joins(here.host, there.host)):
                continue
            way = direct.get((here.host, there.ip))
            interface, mac = (way.interface, way.mac) if way else (first[here.host].name, there.mac)
            found.append(Neighbour(station=here.host, ip=there.ip, interface=interface, mac=mac))
    return tuple(found)


def _homes(network: Network) -> dict[str, int]:
    """Number the ONUs from 1, in the order of the topology."""
    return {onu.name: number for number, onu in enumerate(network.having(Role.ONU), start=1)}


def _addresses(network: Network, homes: dict[str, int]) -> dict[str, str]:
    ips = {}
    devices: dict[int, int] = defaultdict(int)
    nodes = controllers = 0
    for station in network.stations:
        if station.role is Role.HOME:
            onu = next(name for name, _ in network.neighbours(station.name))
            devices[homes[onu]] += 1
            ips[station.name] = f"10.1.{homes[onu]}.{devices[homes[onu]]}"
        elif station.role is Role.COMPUTE:
            nodes += 1
            ips[station.name] = f"10.2.{nodes // 256}.{nodes % 256}"
        elif station.role is Role.CONTROL:
            controllers += 1
            ips[station.name] = f"10.3.{controllers // 256}.{controllers % 256}"
    return ips


def _interfaces(
    network: Network, shaping: "_Shaping", fabric_ports: FabricPorts | None, ips: dict[str, str]
) -> tuple[Interface, ...]:
    ports: dict[str, int] = defaultdict(int)
    interfaces = []
    for wire_number, wire in enumerate(network.wires, start=1):
        names = {}
        for station in (wire.a, wire.b):
            names[station] = f"{station}-eth{ports[station]}"
            ports[station] += 1
        for side, (here, there, egress) in enumerate(wire.ends()):
            address = ips.get(here)
            is_first = names[here].endswith("-eth0")
            mac = _host_mac(address) if address and is_first else _port_mac(wire_number, side)
            in_fabric = fabric_ports.of(here, there, egress) if fabric_ports is not None else None
            fabric, own_address = in_fabric or (None, None)
            classes, matches, default_minor, pon_port = (
                shaping.of(egress) if fabric is None else ((), (), 0, None)
            )
            interfaces.append(
                Interface(
                    name=names[here],
                    station=here,
                    peer_station=there,
                    peer_name=names[there],
                    mac=mac,
                    delay_ns=egress.delay_ns,
                    mtu_bytes=wire.mtu_bytes or network.mtu_bytes,
                    pon=egress.pon,
                    classes=classes,
                    matches=matches,
                    default_minor=default_minor,
                    pon_port=pon_port,
                    fabric=fabric,
                    address=own_address,
                )
            )
    return tuple(interfaces)


@dataclass(frozen=True, slots=True)
class _Shaping:
    """What the queues of every port follow from."""

    network: Network
    access: Access
    pon: Pon
    assigned: PonPlan | None
    homes: int

    def of(self, egress: Egress) -> tuple[tuple[ShapedClass, ...], tuple[Match, ...], int, PonPort | None]:
        """A port's classes, what leads to them, the minor of the one for all the rest, and its PON's line."""
        if egress.pon is None:
            return single_rate(egress), (), LINE if egress.rate_bps else 0, None
        prefixes = {home: f"10.1.{home}.0/24" for home in range(1, self.homes + 1)}
        matches = home_matches(egress.pon, prefixes)
        classes = pon_classes(egress, self.access, egress.pon, self.homes)
        if self.assigned is None:
            return classes, matches, UNCLASSIFIED, None
        upstream = egress.pon is UPSTREAM
        matches = (*class_matches(self.network, self.pon, prefixes, upstream=upstream), *matches)
        if upstream:
            return (), matches, 0, upstream_port(self.network, self.access, self.pon)
        unbounded = unbounded_line(classes)
        extra = downstream_classes(self.network, self.pon, unbounded[0], egress.overhead_bytes)
        port = downstream_port(self.network, self.assigned.tconts)
        return (*unbounded, *extra), matches, UNCLASSIFIED, port


def _host_mac(ip: str) -> str:
    return "02:00:" + ":".join(f"{int(part):02x}" for part in ip.split("."))


def _port_mac(wire_number: int, side: int) -> str:
    number = 2 * wire_number + side
    return f"06:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def _forwarding(
    network: Network, interfaces: tuple[Interface, ...], addresses: tuple[HostAddress, ...]
) -> tuple[ForwardingEntry, ...]:
    """For every bridge, the port towards every host: the bridges form a tree, so there is one way."""
    outward: dict[str, list[Interface]] = defaultdict(list)
    for interface in interfaces:
        outward[interface.station].append(interface)
    is_host = {station.name: station.role.is_host for station in network.stations}
    bridges = [station.name for station in network.stations if station.role.is_bridge]
    return tuple(
        ForwardingEntry(bridge=bridge, mac=address.mac, interface=port.name)
        for bridge in bridges
        for port in outward[bridge]
        for reached in (_hosts_beyond(port, outward, is_host),)
        for address in addresses
        if address.host in reached
    )


def _hosts_beyond(port: Interface, outward: dict[str, list[Interface]], is_host: dict[str, bool]) -> set[str]:
    reached, todo = set(), [(port.peer_station, port.peer_name)]
    while todo:
        station, entered_by = todo.pop()
        if is_host[station]:
            reached.add(station)
            continue
        todo += [(out.peer_station, out.peer_name) for out in outward[station] if out.name != entered_by]
    return reached
