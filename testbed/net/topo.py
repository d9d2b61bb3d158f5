"""A plan as a Mininet `Topo`: declared here, realised by any Mininet that is given it."""

from collections import defaultdict
from typing import Any

from mininet.topo import Topo

from testbed.model.network import Role
from testbed.net.mininet_nodes import Router
from testbed.plan.make import PREFIX_LENGTH
from testbed.plan.network_plan import ForwardingEntry, Neighbour, NetworkPlan, NextHop, Route


class PlanTopo(Topo):
    """Hosts, switches and links with the names, addresses, ways and shaping of a plan."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        super().__init__()

    def build(self, *_arguments: Any, **_params: Any) -> None:
        """Called by Mininet's constructor."""
        self._add_stations()
        interfaces = {interface.name: interface for interface in self.plan.interfaces}
        seen = set()
        for interface in self.plan.interfaces:
            if interface.name in seen:
                continue
            peer = interfaces[interface.peer_name]
            seen.add(peer.name)
            self.addLink(
                interface.station,
                peer.station,
                intfName1=interface.name,
                intfName2=peer.name,
                addr1=interface.mac,
                addr2=peer.mac,
                mtu_bytes=interface.mtu_bytes,
                params1={"shaping": interface},
                params2={"shaping": peer},
            )

    def _add_stations(self) -> None:
        addresses = {address.host: address for address in self.plan.addresses}
        neighbours: dict[str, list[Neighbour]] = defaultdict(list)
        for neighbour in self.plan.neighbours:
            neighbours[neighbour.station].append(neighbour)
        routes: dict[str, list[Route]] = defaultdict(list)
        for route in (*self.plan.routes, *_direct_routes(self.plan)):
            routes[route.station].append(route)
        forwarding: dict[str, list[ForwardingEntry]] = defaultdict(list)
        for entry in self.plan.forwarding:
            forwarding[entry.bridge].append(entry)
        for station in self.plan.network.stations:
            name = station.name
            ways = {"routes": routes[name], "neighbours": neighbours[name]}
            if name in addresses:
                address = addresses[name]
                self.addHost(
                    name,
                    ip=f"{address.ip}/{PREFIX_LENGTH}",
                    mac=address.mac,
                    tcp_buffer_bytes=address.tcp_buffer_bytes,
                    **ways,
                )
            elif station.role is Role.PLANE:
                self.addSwitch(name, cls=Router, inNamespace=True, **ways)
            else:
                self.addSwitch(name, forwarding=forwarding[name])


def _direct_routes(plan: NetworkPlan) -> list[Route]:
    """The routes over direct wires, with the address that a host has on all of its interfaces."""
    ips = {address.host: address.ip for address in plan.addresses}
    return [
        Route(
            station=direct.host,
            destination=f"{direct.destination_ip}/32",
            hops=(NextHop(direct.interface, None),),
            source=ips[direct.host],
        )
        for direct in plan.direct_routes
    ]
