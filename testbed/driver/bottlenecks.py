"""What channels share on their way: the PON's line and every port with a rate, per direction. Pure."""

from collections.abc import Iterable

from testbed.channel import Link
from testbed.driver.classes import home_of, minor_of_channel
from testbed.model.access import Access
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Role
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import Hop, way
from testbed.plan.pon_ports import channel_tcont
from testbed.pon import sure_capacity_bps


def shared_links(plan: NetworkPlan, access: Access, players: Iterable[str]) -> tuple[Link, ...]:
    """Every link on which a player's channel could be oversold, to whichever node.

    A player stands in `players` as often as it may have a channel. On the PON come first what the homes
    are committed, and upstream what its T-CONTs are guaranteed.
    """
    network = plan.network
    players = tuple(players)
    links = {}
    for node in network.having(Role.COMPUTE):
        for player in dict.fromkeys(players):
            for direction in (DOWNSTREAM, UPSTREAM):
                for hop in _hops(plan, player, node.name, direction):
                    name, capacity_bps = _name(hop), hop.egress.rate_bps
                    if capacity_bps is None or (name, direction) in links:
                        continue
                    committed_bps = 0
                    if hop.egress.pon is not None:
                        capacity_bps, committed_bps = _of_pon(plan, access, direction, capacity_bps, players)
                    links[name, direction] = Link(
                        name=name, direction=direction, capacity_bps=capacity_bps, committed_bps=committed_bps
                    )
    return tuple(links.values())


def _of_pon(
    plan: NetworkPlan, access: Access, direction: Direction, capacity_bps: int, players: tuple[str, ...]
) -> tuple[int, int]:
    """What a PON's line can give, and what of it is given already.

    Upstream every channel is one more burst in every frame, whose overhead all of them pay for.
    """
    if plan.pon is None or direction is DOWNSTREAM:
        homes = len(plan.network.having(Role.ONU))
        return capacity_bps, homes * access.towards(direction).committed_bps
    channels = (
        channel_tcont(minor_of_channel(index), home_of(plan, player), 1)
        for index, player in enumerate(players)
    )
    committed_bps = sum(tcont.guaranteed_bps for tcont in plan.pon.tconts)
    return sure_capacity_bps(plan.pon.standard, (*plan.pon.tconts, *channels)), committed_bps


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
