"""How channels share the links: none below committed, no link above capacity, no needless change.

The rule, for each direction: a channel keeps what it has unless it needs less; where a newcomer's
committed rate finds no room, those above their own committed rate give way, the last admitted first;
what is then left goes to those who need more, the first admitted first. Applying the rule twice changes
nothing, so nothing oscillates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from testbed.channel.state import Lane, Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a lane gets; `limit` is the link that kept it from more, `gave_way` the one it made room on."""

    lane: Lane
    limit: Link | None = None
    gave_way: Link | None = None


def left_bps(link: Link, lanes: Sequence[Lane]) -> int:
    """What the lanes leave of a link; negative if together they have more than it holds."""
    return link.channels_bps - sum(lane.rate_bps for lane in lanes if link.name in lane.links)


def uncommitted_bps(link: Link, lanes: Sequence[Lane]) -> int:
    """What is promised to nobody on a link: the largest committed rate that could still be admitted."""
    return link.channels_bps - sum(lane.committed_bps for lane in lanes if link.name in lane.links)


def share(links: Sequence[Link], lanes: Sequence[Lane]) -> list[Share]:
    """New rates for all lanes of one direction, in the order of admission, over its links.

    The committed rates must fit together, which is what admission sees to.
    """
    kept = [
        replace(lane, rate_bps=max(lane.committed_bps, min(lane.rate_bps, lane.need.rate_bps)))
        for lane in lanes
    ]
    gave_way = _give_way(links, kept)
    limits = _grow(links, kept)
    return [
        Share(lane=lane, limit=limits.get(index), gave_way=gave_way.get(index))
        for index, lane in enumerate(kept)
    ]


def _give_way(links: Sequence[Link], lanes: list[Lane]) -> dict[int, Link]:
    """Take from `lanes`, in place, whatever a link has too much of; who lost on which link."""
    losers: dict[int, Link] = {}
    for link in links:
        for index in reversed(range(len(lanes))):
            lane = lanes[index]
            excess_bps = -left_bps(link, lanes)
            if excess_bps <= 0:
                break
            spare_bps = lane.rate_bps - lane.committed_bps
            if link.name in lane.links and spare_bps > 0:
                lanes[index] = replace(lane, rate_bps=lane.rate_bps - min(excess_bps, spare_bps))
                losers[index] = link
    return losers


def _grow(links: Sequence[Link], lanes: list[Lane]) -> dict[int, Link]:
    """Give to `lanes`, in place, what they need and the links have left; who was limited by which link."""
    limits: dict[int, Link] = {}
    for index, lane in enumerate(lanes):
        missing_bps = lane.need.rate_bps - lane.rate_bps
        for link in links:
            if link.name in lane.links and left_bps(link, lanes) < missing_bps:
                missing_bps = left_bps(link, lanes)
                limits[index] = link
        lanes[index] = replace(lane, rate_bps=lane.rate_bps + missing_bps)
    return limits
