"""Compute nodes behind a metro exchange, and a full mesh of direct links among them.

    mn --custom topologies/compute_mesh.py --topo compute_mesh --link shaped --switch bridge --controller none

Two nodes talk over the direct link between them, and to everybody else through the exchange.
"""

from itertools import combinations
from typing import Annotated

from pydantic import Field

from testbed.model.base import CarriedRate, Duration, Name, Value
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.net.stock import LINKS, switches, topology

METRO = "metro"
CONTROLLER = "controller"
"""The host of the node scheduler, if there is one."""
PORT_QUEUE_BYTES = 16_000_000
"""What a port of a compute node holds: 5 ms at 25 Gbit/s, a deep data-centre switch."""


class Node(Value):
    """A compute node: its distance from the metro exchange, its port, and the job weight that it carries."""

    delay_ns: Duration
    """One way, between metro exchange and node."""
    rate_bps: CarriedRate = 25_000_000_000
    """Of its port, and of its direct links unless the other end is slower."""
    capacity: Annotated[int, Field(ge=1)] = 10
    """The weight of jobs that it carries."""


class Pair(Value):
    """The one-way delay of one direct link."""

    a: Name
    """A compute node."""
    b: Name
    """A compute node."""
    delay_ns: Duration
    """One way."""


def _three_nodes() -> dict[str, Node]:
    return {f"node{number}": Node(delay_ns=500_000 * 2 ** (number - 1)) for number in (1, 2, 3)}


class Parameters(Value):
    """The nodes by name. Direct links have `mesh_delay` unless `pairs` says otherwise.

    With `controller` there is a host of that name, so far from the metro exchange.
    """

    nodes: Annotated[dict[Name, Node], Field(min_length=1, default_factory=_three_nodes)]
    """`node1`, `node2` and `node3`, 500 µs, 1 ms and 2 ms away, unless given."""
    mesh_delay_ns: Duration = 1_000_000
    """One way, of the direct link between any two nodes."""
    pairs: tuple[Pair, ...] = ()
    """Direct links with another delay."""
    controller_ns: Duration | None = None
    """One way, between the metro exchange and a host `controller`, which there is then."""


def network(parameters: Parameters) -> Network:
    """The mesh and its exchange.

    Raises:
        ValueError: A pair names a node that does not exist, or the same pair comes twice.
    """
    delays_ns = _pair_delays_ns(parameters)
    stations = [Station(name=METRO, role=Role.METRO)]
    wires = []
    for name, node in parameters.nodes.items():
        stations.append(Station(name=name, role=Role.COMPUTE, capacity=node.capacity))
        port = Egress(delay_ns=node.delay_ns, rate_bps=node.rate_bps, queue_bytes=PORT_QUEUE_BYTES)
        wires.append(Wire(a=METRO, b=name, a_egress=port, b_egress=port))
    if parameters.controller_ns is not None:
        control = Egress(delay_ns=parameters.controller_ns)
        stations.append(Station(name=CONTROLLER, role=Role.CONTROL))
        wires.append(Wire(a=METRO, b=CONTROLLER, a_egress=control, b_egress=control))
    for a, b in combinations(parameters.nodes, 2):
        rate_bps = min(parameters.nodes[a].rate_bps, parameters.nodes[b].rate_bps)
        delay_ns = delays_ns.get(frozenset((a, b)), parameters.mesh_delay_ns)
        direct = Egress(delay_ns=delay_ns, rate_bps=rate_bps, queue_bytes=PORT_QUEUE_BYTES)
        wires.append(Wire(a=a, b=b, a_egress=direct, b_egress=direct))
    return Network(name="compute_mesh", stations=tuple(stations), wires=tuple(wires))


def _pair_delays_ns(parameters: Parameters) -> dict[frozenset[str], int]:
    delays_ns: dict[frozenset[str], int] = {}
    for pair in parameters.pairs:
        for end in (pair.a, pair.b):
            if end not in parameters.nodes:
                raise ValueError(f"pairs names {end!r}; the nodes are {', '.join(parameters.nodes)}")
        key = frozenset((pair.a, pair.b))
        if len(key) == 1 or key in delays_ns:
            raise ValueError(f"pairs has {pair.a}–{pair.b} twice, or a node with itself")
        delays_ns[key] = pair.delay_ns
    return delays_ns


topos = {"compute_mesh": topology(Parameters, network)}
__all__ = ["CONTROLLER", "LINKS", "METRO", "Parameters", "network", "switches", "topos"]
