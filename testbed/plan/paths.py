"""Ways through a network: which ports a packet passes from one host to another, and how long the way is."""

import heapq
from dataclasses import dataclass
from itertools import count

from testbed.model.network import Egress, Network


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
    # Among ways of equal delay the first found wins; the count also keeps hops out of the comparison.
    order = count()
    todo: list[tuple[int, int, str, tuple[Hop, ...]]] = [(0, next(order), source, ())]
    done = set()
    while todo:
        delay_ns, _, here, hops = heapq.heappop(todo)
        if here == destination:
            return hops
        if here in done or (here != source and not network.station(here).role.is_bridge):
            continue
        done.add(here)
        for there, egress in network.neighbours(here):
            step = (delay_ns + egress.delay_ns, next(order), there, (*hops, Hop(here, there, egress)))
            heapq.heappush(todo, step)
    raise ValueError(f"there is no way from {source} to {destination} in network {network.name}")


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


def mtu_bytes(network: Network, a: str, b: str) -> int:
    """The largest IP packet that two hosts can send each other whole."""
    if network.fabric is not None and network.fabric.joins(a, b):
        pairs = {frozenset((node, plane)) for node in (a, b) for plane in network.fabric.planes}
    else:
        pairs = {frozenset((hop.here, hop.there)) for hop in way(network, a, b)}
    wires = [wire for wire in network.wires if frozenset((wire.a, wire.b)) in pairs]
    return min(wire.mtu_bytes or network.mtu_bytes for wire in wires)
