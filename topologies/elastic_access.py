"""The whole elastic access network: a PON tree, a metro segment, and a mesh of compute nodes.

    mn --custom topologies/elastic_access.py --topo elastic_access,onus=2 \\
       --link shaped --switch bridge --controller none
"""

from testbed.model.base import Length
from testbed.model.network import Egress, Network, Wire
from testbed.net.stock import LINKS, switches, topology
from testbed.pon import propagation_ns
from topologies import compute_mesh, pon_tree


class Parameters(pon_tree.Parameters, compute_mesh.Parameters):
    """Those of the PON and of the mesh, and the length of the metro segment that joins them."""

    metro_m: Length = 40_000
    """Between the OLT and the metro exchange, at 4.9 µs a km."""


def network(parameters: Parameters) -> Network:
    """The tree and the mesh, joined by the metro segment.

    Raises:
        ValueError: As the tree's and the mesh's own.
    """
    tree = pon_tree.network(parameters)
    mesh = compute_mesh.network(parameters)
    distance = Egress(delay_ns=propagation_ns(parameters.metro_m))
    metro = Wire(a=pon_tree.OLT, b=compute_mesh.METRO, a_egress=distance, b_egress=distance)
    return Network(
        name="elastic_access",
        stations=tree.stations + mesh.stations,
        wires=(*tree.wires, metro, *mesh.wires),
        pon=tree.pon,
        mtu_bytes=tree.mtu_bytes,
    )


topos = {"elastic_access": topology(Parameters, network)}
__all__ = ["LINKS", "Parameters", "network", "switches", "topos"]
