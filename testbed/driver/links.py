"""What channels share on their way: the PON's line and every port with a rate, per direction. Pure."""

from collections.abc import Iterable

from testbed.channel import Link
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Role
from testbed.model.scenario import Access
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import Hop, way


def shared_links(plan: NetworkPlan, access: Access, players: Iterable[str]) -> tuple[Link, ...]:
    """Every link on which a player's channel could be oversold, to whichever node.

    On the PON the homes' committed rates come first.
    """
    network = plan.network
    homes = len(network.having(Role.ONU))
    links = {}
    for node in network.having(Role.COMPUTE):
        for player in dict.fromkeys(players):
            for direction in (DOWNSTREAM, UPSTREAM):
                for hop in _hops(plan, player, node.name, direction):
                    name, capacity_bps = _name(hop), hop.egress.rate_bps
                    if capacity_bps is None:
                        continue
                    on_pon = hop.egress.pon is not None
                    committed_bps = homes * access.towards(direction).committed_bps if on_pon else 0
                    links[name, direction] = Link(
                        name=name, direction=direction, capacity_bps=capacity_bps, committed_bps=committed_bps
                    )
    return tuple(links.values())


def links_between(plan: NetworkPlan, player: str, node: str) -> tuple[str, ...]:
    """The names of the shared links between a player and a node."""
    names = {
        _name(hop): None
        for direction in (DOWNSTREAM, UPSTREAM)
        for hop in _hops(plan, player, node, direction)
        if hop.egress.rate_bps is not None
    }
    return tuple(names)


def _hops(plan: NetworkPlan, home: str, node: str, direction: Direction) -> tuple[Hop, ...]:
    ends = (node, home) if direction is DOWNSTREAM else (home, node)
    return way(plan.network, *ends)


def _name(hop: Hop) -> str:
    """The two ends in alphabetical order, so that both directions of a link have one name."""
    return "–".join(sorted((hop.here, hop.there)))
