"""How much TCP of each host may hold, so that its windows do not hold up a fast, far flow. Pure.

What a way carries in a round trip, its slowest port's rate times the delays of both directions, has to fit a
window. The kernel counts a packet's memory, about twice its payload, and keeps what came after a lost packet
until it is sent again, a further round trip: four times the product is room for both. A host has the largest
that any of its ways needs, in either direction, and no less than the kernel gives by itself.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping

from testbed.model.access import Access
from testbed.model.base import Direction
from testbed.model.network import Egress, Network, Role
from testbed.model.pon import Pon

_TIMES = 4
KERNEL_BYTES = 4 * 2**20
"""The lesser of Linux's own two limits, of tcp_wmem and tcp_rmem, with half a GiB of memory or more."""
_UNBOUNDED_BPS = 2**62
"""Of a way without any port that has a rate: nothing follows from it."""
_NS = 10**9

_Most = Mapping[Direction, int]
_Ways = dict[str, tuple[int, int]]
"""By destination: the delay, and the rate of the slowest port."""


def tcp_buffers(network: Network, access: Access, pon: Pon, *, orders: bool) -> Mapping[str, int]:
    """The limit in bytes of each host that needs more than the kernel gives; others are not in it.

    With `orders` a home may be given all of the PON's line, beyond its subscription, through the API.
    """
    most = {direction: _most_bps(access, pon, direction, orders) for direction in Direction}
    like = _like(network)
    ways = {host: _ways(network, host, most) for host in set(like.values())}
    held = dict.fromkeys(ways, 0)
    for here, reached in ways.items():
        for there, (delay_ns, rate_bps) in reached.items():
            other = like.get(there)
            if other is None or rate_bps == _UNBOUNDED_BPS:
                continue
            back_ns = delay_ns if other == here else ways[other][here][0]
            way_bytes = rate_bps * (delay_ns + back_ns) // (8 * _NS)
            held[here], held[other] = max(held[here], way_bytes), max(held[other], way_bytes)
    over_planes = _over_planes(network)
    needed = {host: _TIMES * max(held[like[host]], over_planes.get(host, 0)) for host in like}
    return {host: needed_bytes for host, needed_bytes in needed.items() if needed_bytes > KERNEL_BYTES}


def _like(network: Network) -> dict[str, str]:
    """For each host the first one that is wired alike: what holds for its ways holds for those of all."""
    wired: dict[str, list[tuple[str, Egress, Egress]]] = defaultdict(list)
    for wire in network.wires:
        wired[wire.a].append((wire.b, wire.a_egress, wire.b_egress))
        wired[wire.b].append((wire.a, wire.b_egress, wire.a_egress))
    first: dict[object, str] = {}
    return {
        station.name: first.setdefault(
            frozenset(end for end in wired[station.name] if not _is_plane(network, end[0])), station.name
        )
        for station in network.stations
        if station.role.is_host
    }


def _is_plane(network: Network, name: str) -> bool:
    return network.station(name).role is Role.PLANE


def _most_bps(access: Access, pon: Pon, direction: Direction, orders: bool) -> int:
    """The most that a home can have in a direction: of its subscription, or of a class of traffic."""
    rates = [access.towards(direction).rate_bps]
    for given in pon.tconts.values():
        upstream = direction is Direction.UPSTREAM
        rates.append(given.most_bps if upstream else given.downstream.rate_bps or _UNBOUNDED_BPS)
    return _UNBOUNDED_BPS if orders else max(rates)


def _rate_bps(egress: Egress, most: _Most) -> int:
    rate_bps = egress.rate_bps or _UNBOUNDED_BPS
    return rate_bps if egress.pon is None else min(rate_bps, most[egress.pon])


def _ways(network: Network, source: str, most: _Most) -> _Ways:
    """The ways from a host to all stations that it reaches over wires, as `testbed.plan.paths` has them."""
    reached: _Ways = {}
    todo = [(0, source, _UNBOUNDED_BPS)]
    while todo:
        so_far_ns, here, rate_bps = heapq.heappop(todo)
        if here in reached:
            continue
        reached[here] = so_far_ns, rate_bps
        if here != source and not network.station(here).role.is_bridge:
            continue
        for there, egress in network.neighbours(here):
            if there not in reached:
                slowest_bps = min(rate_bps, _rate_bps(egress, most))
                heapq.heappush(todo, (so_far_ns + egress.delay_ns, there, slowest_bps))
    del reached[source]
    # A wire of their own, however long, is the way of two hosts.
    return reached | {
        there: (egress.delay_ns, _rate_bps(egress, most)) for there, egress in network.neighbours(source)
    }


def _over_planes(network: Network) -> dict[str, int]:
    """What a fabric's planes hold in a round trip from each of its nodes: a flow takes one of them."""
    fabric, held = network.fabric, dict[str, int]()
    if fabric is None:
        return held
    for node, delays_ns in zip(fabric.nodes, fabric.delays_ns, strict=True):
        rates = [egress.rate_bps or 0 for there, egress in network.neighbours(node) if there in fabric.planes]
        held[node] = max(rates) * 2 * max(delays_ns) // (8 * _NS)
    return held
