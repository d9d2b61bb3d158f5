"""What a fabric adds to a plan: addresses of its nodes in every plane, ports, routes and neighbours.

A node keeps its address of the access network, 10.2.x.y, and has 10.(64+p).x.y in plane p as well: who
sends there chooses the plane, who sends to 10.2.x.y leaves it to the kernel, flow by flow. The last two
parts of every address are the node's number, by which its ports find the distance.
"""

from collections.abc import Iterable, Mapping, Sequence

from testbed.model.network import Egress, Fabric
from testbed.plan.network_plan import (
    FabricPort,
    HostAddress,
    Interface,
    Neighbour,
    NetworkPlan,
    NextHop,
    Route,
)

FIRST_PLANE = 64
NODES_PREFIX = "10.2.0.0/16"
"""The addresses of compute nodes in the access network."""


def plane_ip(plane: int, node_ip: str) -> str:
    """A node's address in a plane, counted from 0, by its address in the access network."""
    return f"10.{FIRST_PLANE + plane}." + node_ip.split(".", 2)[2]


def gateway_ip(plane: int) -> str:
    """The address of a plane itself, which forwards for its nodes."""
    return f"10.{FIRST_PLANE + plane}.255.254"


def addresses_towards(plan: NetworkPlan, node: str, others: Sequence[str]) -> tuple[str, ...]:
    """A node's addresses in all planes of the fabric that joins it with the others; else its only one."""
    fabric, ip = plan.network.fabric, plan.address(node).ip
    if fabric is None or not all(fabric.joins(node, other) for other in others):
        return (ip,)
    return tuple(plane_ip(plane, ip) for plane in range(len(fabric.planes)))


class FabricPorts:
    """The ports between a fabric's nodes and its planes."""

    def __init__(self, fabric: Fabric, ips: Mapping[str, str]) -> None:
        self._planes = {plane: number for number, plane in enumerate(fabric.planes)}
        self._ips = ips
        self._first_number = _number(ips[fabric.nodes[0]])
        self._delays_ns = dict(zip(fabric.nodes, fabric.delays_ns, strict=True))

    def of(self, here: str, there: str, egress: Egress) -> tuple[FabricPort, str] | None:
        """The port of a station towards a neighbour, and its address; None if it is not of the fabric."""
        if here in self._planes:
            return self._port(egress, ()), gateway_ip(self._planes[here])
        if there in self._planes:
            return self._port(egress, self._delays_ns[here]), plane_ip(self._planes[there], self._ips[here])
        return None

    def _port(self, egress: Egress, delays_ns: tuple[int, ...]) -> FabricPort:
        assert egress.rate_bps is not None
        assert egress.queue_bytes is not None
        return FabricPort(
            rate_bps=egress.rate_bps,
            queue_bytes=egress.queue_bytes,
            overhead_bytes=egress.overhead_bytes,
            cut_through=not delays_ns,
            first_number=self._first_number,
            delays_ns=delays_ns,
        )


def _number(ip: str) -> int:
    high, low = ip.split(".")[2:]
    return int(high) * 256 + int(low)


def fabric_routes(
    fabric: Fabric, interfaces: Iterable[Interface], addresses: Mapping[str, HostAddress]
) -> tuple[tuple[Route, ...], tuple[Neighbour, ...]]:
    """Routes and neighbours of nodes and planes.

    A plane has a route for each address of each node. A node has one for every plane, and one over all of
    them to the nodes' own addresses.
    """
    planes = {plane: number for number, plane in enumerate(fabric.planes)}
    by_name = {interface.name: interface for interface in interfaces}
    routes: list[Route] = []
    neighbours: list[Neighbour] = []
    hops: dict[str, list[NextHop]] = {node: [] for node in fabric.nodes}
    for port in by_name.values():
        if port.station not in planes:
            continue
        plane, node, far = planes[port.station], port.peer_station, by_name[port.peer_name]
        ip = plane_ip(plane, addresses[node].ip)
        neighbours += [
            Neighbour(station=port.station, ip=ip, interface=port.name, mac=far.mac),
            Neighbour(station=node, ip=gateway_ip(plane), interface=far.name, mac=port.mac),
        ]
        hops[node].append(NextHop(far.name, gateway_ip(plane)))
        routes += [
            Route(station=port.station, destination=f"{ip}/32", hops=(NextHop(port.name, None),)),
            Route(
                station=port.station,
                destination=f"{addresses[node].ip}/32",
                hops=(NextHop(port.name, ip),),
            ),
            Route(
                station=node,
                destination=f"10.{FIRST_PLANE + plane}.0.0/16",
                hops=(hops[node][-1],),
                source=ip,
            ),
        ]
    routes += [
        Route(station=node, destination=NODES_PREFIX, hops=tuple(hops[node]), source=addresses[node].ip)
        for node in fabric.nodes
    ]
    return tuple(routes), tuple(neighbours)
