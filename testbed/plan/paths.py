"""Ways through a network: which ports a packet passes from one host to another, and how long the way is."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from testbed.model.access import Access
from testbed.model.base import DOWNSTREAM
from testbed.model.network import Egress, Network

_UDP_HEADERS_BYTES = 28
"""IPv4 and UDP."""
_GRANTS_NS = 2_000_000
"""Until a home that was silent has its assured rate again upstream (the target of G.9807.1 C.7)."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One port on a way: the station that a packet leaves, the next one, and what the port does to it."""

    here: str
    there: str
    egress: Egress


def way(network: Network, source: str, destination: str) -> tuple[Hop, ...]:
    """The way of least delay over wires; hosts do not forward, so only the ends are hosts.

    Two hosts with a wire between them use it, however long it is: so do their routes. The planes of a
    fabric lead to its nodes only, each at a distance of its own, and are not part of any way here.

    Raises:
        ValueError: There is none.
    """
    for there, egress in network.neighbours(source):
        if there == destination:
            return (Hop(source, there, egress),)
    for station, hops in ways(network, source):
        if station == destination:
            return hops
    raise ValueError(f"there is no way from {source} to {destination} in network {network.name}")


def ways(network: Network, source: str) -> Iterator[tuple[str, tuple[Hop, ...]]]:
    """The way of least delay to each station that can be reached over bridges, in the order of delay."""
    # Among ways of equal delay the first found wins; the count also keeps hops out of the comparison.
    order = count()
    todo: list[tuple[int, int, str, tuple[Hop, ...]]] = [(0, next(order), source, ())]
    done = set()
    while todo:
        delay_ns, _, here, hops = heapq.heappop(todo)
        if here in done:
            continue
        done.add(here)
        yield here, hops
        if here != source and not network.station(here).role.is_bridge:
            continue
        for there, egress in network.neighbours(here):
            step = (delay_ns + egress.delay_ns, next(order), there, (*hops, Hop(here, there, egress)))
            heapq.heappush(todo, step)


def delays_from_ns(network: Network, source: str) -> dict[str, int]:
    """The distance from a host to every station that it reaches over wires; `delay_ns` has one of them."""
    reached = {source: 0}
    todo = [(0, source)]
    while todo:
        so_far_ns, here = heapq.heappop(todo)
        if so_far_ns > reached[here] or (here != source and not network.station(here).role.is_bridge):
            continue
        for there, egress in network.neighbours(here):
            step_ns = so_far_ns + egress.delay_ns
            if step_ns < reached.get(there, step_ns + 1):
                reached[there] = step_ns
                heapq.heappush(todo, (step_ns, there))
    return reached


def delay_ns(network: Network, source: str, destination: str) -> int:
    """The distance from one host to another: what an empty network's queues add nothing to."""
    if source == destination:
        return 0
    if network.fabric is not None and network.fabric.joins(source, destination):
        return network.fabric.delay_ns(source, destination)
    return sum(hop.egress.delay_ns for hop in way(network, source, destination))


def farthest_ns(network: Network, source: str, others: Iterable[str]) -> int:
    """How far it is from a host to the farthest of some others, over wires or over the planes of a fabric."""
    fabric = network.fabric
    away_ns: dict[str, int] = {}
    if fabric is not None and source in fabric.nodes:
        away_ns |= zip(fabric.nodes, fabric.delays_ns[fabric.nodes.index(source)], strict=True)
    wired = [other for other in others if other not in away_ns]
    if wired:
        # A direct wire is used, however long it is.
        direct_ns = {there: egress.delay_ns for there, egress in network.neighbours(source)}
        away_ns = delays_from_ns(network, source) | direct_ns | away_ns
    return max((away_ns[other] for other in others if other in away_ns), default=0)


def delay_and_variation_ns(
    network: Network, access: Access, source: str, destination: str
) -> tuple[int, int]:
    """How far it is from one host to another, and what full queues on the way can add.

    A home's queue empties at its committed rate at least, or without one at its rate; upstream it waits for
    its grants besides. Over a fabric a packet waits at its sender's port and at the plane's, whichever it is.
    """
    if source == destination:
        return 0, 0
    fabric = network.fabric
    if fabric is not None and fabric.joins(source, destination):
        plane = fabric.planes[0]
        ports = [dict(network.neighbours(source))[plane], dict(network.neighbours(plane))[destination]]
        return fabric.delay_ns(source, destination), sum(_waits_ns(port, access) for port in ports)
    hops = way(network, source, destination)
    return sum(hop.egress.delay_ns for hop in hops), sum(_waits_ns(hop.egress, access) for hop in hops)


def _waits_ns(egress: Egress, access: Access) -> int:
    if egress.pon is not None:
        line = access.downstream if egress.pon is DOWNSTREAM else access.upstream
        grants_ns = 0 if egress.pon is DOWNSTREAM else _GRANTS_NS
        rate_bps = int(line.committed_bps or line.rate_bps)
        return int(line.queue_bytes) * 8 * 10**9 // rate_bps + grants_ns
    if egress.rate_bps is None or egress.queue_bytes is None:
        return 0
    return egress.queue_bytes * 8 * 10**9 // egress.rate_bps


def payload_bytes(network: Network, a: str, b: str) -> int:
    """The largest payload of UDP that two hosts can send each other in one packet."""
    return mtu_bytes(network, a, b) - _UDP_HEADERS_BYTES


def mtu_bytes(network: Network, a: str, b: str) -> int:
    """The largest IP packet that two hosts can send each other whole."""
    if network.fabric is not None and network.fabric.joins(a, b):
        pairs = {frozenset((node, plane)) for node in (a, b) for plane in network.fabric.planes}
    else:
        pairs = {frozenset((hop.here, hop.there)) for hop in way(network, a, b)}
    wires = [wire for wire in network.wires if frozenset((wire.a, wire.b)) in pairs]
    return min(wire.mtu_bytes or network.mtu_bytes for wire in wires)
