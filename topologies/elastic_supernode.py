"""A supernode behind an elastic access network: a PON tree, a metro segment, and a mesh of compute nodes.

    mn --custom topologies/elastic_supernode.py --topo elastic_supernode,onus=2,nodes=8 \\
       --link shaped --switch bridge --controller none
"""

from testbed.model.base import Length
from testbed.model.network import Egress, Network, Wire
from testbed.net.stock import LINKS, switches, topology
from testbed.pon import propagation_ns
from topologies import pon_tree, supernode


class Parameters(pon_tree.Parameters, supernode.Parameters):
    """Those of the PON and of the supernode, and the length of the metro segment that joins them."""

    metro_m: Length = 40_000
    """Between the OLT and the metro exchange, at 4.9 µs a km."""


def network(parameters: Parameters) -> Network:
    """The tree and the supernode, joined by the metro segment.

    Raises:
        ValueError: As the tree's and the supernode's own.
    """
    tree = pon_tree.network(parameters)
    mesh = supernode.network(parameters)
    distance = Egress(delay_ns=propagation_ns(parameters.metro_m))
    metro = Wire(a=pon_tree.OLT, b=supernode.METRO, a_egress=distance, b_egress=distance)
    return Network(
        name="elastic_supernode",
        stations=tree.stations + mesh.stations,
        wires=(*tree.wires, metro, *mesh.wires),
        pon=tree.pon,
        fabric=mesh.fabric,
        mtu_bytes=tree.mtu_bytes,
    )


topos = {"elastic_supernode": topology(Parameters, network)}
__all__ = ["LINKS", "Parameters", "network", "switches", "topos"]
