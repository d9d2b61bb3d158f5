"""A campus: the homes of one PON, and compute nodes in a row, each a cable's length behind the one before."""

from typing import Annotated

from pydantic import Field

from testbed.model.base import Duration, Length
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.pon import propagation_ns
from topologies import pon_tree


class Parameters(pon_tree.Parameters):
    """Those of the PON, and how many nodes stand how far apart."""

    rooms: Annotated[int, Field(ge=1, le=20)] = 2
    """How many compute nodes there are: room1, room2, …"""
    cable_m: Length = 1_000
    """From the OLT to the first, and from each to the next."""
    switch_ns: Duration = 10_000
    """What a switch takes for a packet, one way; the first node is behind one, the second behind two."""


def network(parameters: Parameters) -> Network:
    """The tree, and a switch with its node for each room.

    Raises:
        ValueError: As the tree's own.
    """
    tree = pon_tree.network(parameters)
    stations, wires = [*tree.stations], [*tree.wires]
    hop = Egress(delay_ns=propagation_ns(parameters.cable_m) + parameters.switch_ns)
    behind = pon_tree.OLT
    for number in range(1, parameters.rooms + 1):
        switch, node = f"switch{number}", f"room{number}"
        stations.append(Station(name=switch, role=Role.SWITCH))
        stations.append(Station(name=node, role=Role.COMPUTE, capacity=10))
        wires.append(Wire(a=behind, b=switch, a_egress=hop, b_egress=hop))
        wires.append(Wire(a=switch, b=node))
        behind = switch
    return Network(
        name="campus", stations=tuple(stations), wires=tuple(wires), pon=tree.pon, mtu_bytes=tree.mtu_bytes
    )
