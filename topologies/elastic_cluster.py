"""A traditional cluster behind an elastic access network: a PON tree, a metro segment, and racks of servers.

    mn --custom topologies/elastic_cluster.py --topo elastic_cluster,onus=2,servers=8 \\
       --link shaped --switch bridge --controller none
"""

from testbed.model.base import Length
from testbed.model.network import Egress, Network, Wire
from testbed.net.stock import LINKS, switches, topology
from testbed.pon import propagation_ns
from topologies import cluster, pon_tree


class Parameters(pon_tree.Parameters, cluster.Parameters):
    """Those of the PON and of the cluster, and the length of the metro segment that joins them."""

    metro_m: Length = 40_000
    """Between the OLT and the spine, at 4.9 µs a km."""


def network(parameters: Parameters) -> Network:
    """The tree and the cluster, joined by the metro segment.

    Raises:
        ValueError: As the tree's own.
    """
    tree = pon_tree.network(parameters)
    servers = cluster.network(parameters)
    distance = Egress(delay_ns=propagation_ns(parameters.metro_m))
    metro = Wire(a=pon_tree.OLT, b=cluster.SPINE, a_egress=distance, b_egress=distance)
    return Network(
        name="elastic_cluster",
        stations=tree.stations + servers.stations,
        wires=(*tree.wires, metro, *servers.wires),
        pon=tree.pon,
        mtu_bytes=tree.mtu_bytes,
    )


topos = {"elastic_cluster": topology(Parameters, network)}
__all__ = ["LINKS", "Parameters", "network", "switches", "topos"]
