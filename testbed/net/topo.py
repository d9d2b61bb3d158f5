"""A plan as a Mininet `Topo`: declared here, realised by any Mininet that is given it."""

from typing import Any

from mininet.topo import Topo

from testbed.plan.make import PREFIX_LENGTH
from testbed.plan.network_plan import NetworkPlan


class PlanTopo(Topo):
    """Hosts, switches and links with the names, addresses and shaping of a plan."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        super().__init__()

    def build(self, *_arguments: Any, **_params: Any) -> None:
        """Called by Mininet's constructor."""
        addresses = {address.host: address for address in self.plan.addresses}
        for station in self.plan.network.stations:
            if station.name in addresses:
                address = addresses[station.name]
                self.addHost(station.name, ip=f"{address.ip}/{PREFIX_LENGTH}", mac=address.mac)
            else:
                self.addSwitch(station.name)
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
                mtu_bytes=self.plan.network.mtu_bytes,
                params1={"shaping": interface},
                params2={"shaping": peer},
            )
