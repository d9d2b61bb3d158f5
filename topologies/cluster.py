"""A traditional cluster, to compare a supernode with: racks of servers under an oversubscribed spine.

    mn --custom topologies/cluster.py --topo cluster,servers=16 \\
       --link shaped --switch bridge --controller none

The spine is one switch, as if flows were spread over several without a collision: real ones do worse. The
way to the outside leads through it, and so does that to the controller.
"""

from typing import Annotated

from pydantic import Field

from testbed.model.base import Duration, QueueSize, Rate, Size, Value
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.net.stock import LINKS, switches, topology

SPINE = "spine"
CONTROLLER = "controller"
"""The host of the node scheduler."""


class Parameters(Value):
    """Servers server1, server2, …, `per_rack` to a top-of-rack switch.

    `oversubscription` is what the servers of a rack may send together for each bit/s of its uplink: 3 or 4
    is usual (background knowledge). Delays are those of cable, port and switch, one way: about 1 us each.
    """

    servers: Annotated[int, Field(ge=2, le=1000)] = 32
    """How many there are."""
    per_rack: Annotated[int, Field(ge=1, le=500)] = 8
    """How many of them share a top-of-rack switch."""
    server_rate_bps: Annotated[Rate, Field(ge=1_000_000)] = 100_000_000_000
    """Of a server's port."""
    oversubscription: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 4.0
    """What a rack's servers may send together for each bit/s of its uplink."""
    rack_delay_ns: Duration = 1_000
    """One way, between server and rack switch."""
    spine_delay_ns: Duration = 1_500
    """One way, between rack switch and spine."""
    switch_queue_bytes: QueueSize = 16_000_000
    """What may wait in one port."""
    server_capacity: Annotated[int, Field(ge=1)] = 10
    """The weight of jobs that a server carries."""
    controller_ns: Duration = 50_000
    """One way, between spine and controller."""
    cluster_mtu_bytes: Annotated[Size, Field(ge=576, le=65_535)] = 9_000
    """The largest IP packet in the cluster."""


def network(parameters: Parameters) -> Network:
    """The servers, their switches and the controller."""
    racks = -(-parameters.servers // parameters.per_rack)
    port = _egress(parameters, parameters.rack_delay_ns, parameters.server_rate_bps)
    stations = [Station(name=SPINE, role=Role.SWITCH), Station(name=CONTROLLER, role=Role.CONTROL)]
    control = Egress(delay_ns=parameters.controller_ns)
    wires = [Wire(a=SPINE, b=CONTROLLER, a_egress=control, b_egress=control)]
    for rack in range(1, racks + 1):
        first = (rack - 1) * parameters.per_rack + 1
        last = min(rack * parameters.per_rack, parameters.servers)
        uplink_bps = round((last - first + 1) * parameters.server_rate_bps / parameters.oversubscription)
        uplink = _egress(parameters, parameters.spine_delay_ns, uplink_bps)
        switch = f"tor{rack}"
        stations.append(Station(name=switch, role=Role.SWITCH))
        wires.append(
            Wire(a=SPINE, b=switch, a_egress=uplink, b_egress=uplink, mtu_bytes=parameters.cluster_mtu_bytes)
        )
        for number in range(first, last + 1):
            server = f"server{number}"
            stations.append(
                Station(
                    name=server, role=Role.COMPUTE, capacity=parameters.server_capacity, domain=f"rack{rack}"
                )
            )
            wires.append(
                Wire(a=switch, b=server, a_egress=port, b_egress=port, mtu_bytes=parameters.cluster_mtu_bytes)
            )
    return Network(name="cluster", stations=tuple(stations), wires=tuple(wires))


def _egress(parameters: Parameters, delay_ns: int, rate_bps: int) -> Egress:
    return Egress(delay_ns=delay_ns, rate_bps=rate_bps, queue_bytes=parameters.switch_queue_bytes)


topos = {"cluster": topology(Parameters, network)}
__all__ = ["CONTROLLER", "LINKS", "SPINE", "Parameters", "network", "switches", "topos"]
