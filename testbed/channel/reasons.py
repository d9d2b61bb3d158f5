"""The controller's decisions about rates in words: why a channel has this much, or less than before."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from testbed.channel import rounding
from testbed.channel.interface import Decision
from testbed.channel.state import Channel, Lane
from testbed.model.base import Direction

_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A lane as it was, its rate from now on, and the link that keeps it from more, if any does."""

    lane: Lane
    to_bps: int
    limit: str | None


class Winners:
    """Who takes more of each link than before, which is what those who lose there give way to."""

    def __init__(self, changes: Iterable[Change], newcomers: Iterable[Lane]) -> None:
        self._names: dict[tuple[str, Direction], dict[str, str]] = defaultdict(dict)
        self._told: dict[tuple[str, Direction], str] = {}
        for lane in newcomers:
            if lane.committed_bps:
                self._add(lane, f"the committed rate of {lane.session}")
        for change in changes:
            if change.to_bps > change.lane.rate_bps:
                self._add(change.lane, change.lane.session)

    def on(self, link: str, direction: Direction) -> str:
        """Those who take more of a link, by name if they are few."""
        if (link, direction) not in self._told:
            names = [*self._names[link, direction].values()]
            few = " and ".join(names) or "others"
            self._told[link, direction] = few if len(names) <= _MOST_NAMES else f"{len(names)} channels"
        return self._told[link, direction]

    def _add(self, lane: Lane, words_for: str) -> None:
        for name in lane.links:
            self._names[name, lane.direction][lane.session] = words_for


def why_this_much(change: Change) -> str:
    """Why a lane has what it has."""
    reason = change.lane.need.reason
    if change.limit is None:
        return reason
    return f"{reason}, of which {change.limit} has only {rounding.rate(change.to_bps)} left"


def why_less(change: Change, winners: Winners) -> str:
    """Why a lane has less than before: others took it, or it has needed less for the hold time."""
    lane = change.lane
    if change.limit is not None:
        return f"gives way on {change.limit} to {winners.on(change.limit, lane.direction)}"
    held = f"demand lower for {rounding.duration(lane.hold_ns)}" if lane.hold_ns else "demand fell"
    return f"{held}; {lane.need.reason}"


def starved(change: Change) -> Decision:
    """The warning that a lane whose session asked for more gets nothing for it."""
    lane = change.lane
    stays = f"channel of {lane.session} {lane.direction} stays at {rounding.rate(change.to_bps)}"
    return Decision(kind="warning", fields={"text": f"{stays}: {why_this_much(change)}"})


def admit(channel: Channel, provisioning_ns: int) -> Decision:
    """The decision that a channel's committed rates are held from now on."""
    rates = {lane.direction: lane.committed_bps for lane in channel.lanes}
    reason = " and ".join(f"{direction} {rounding.rate(rate)}" for direction, rate in rates.items())
    reason += " committed, which fits"
    if provisioning_ns:
        reason += f"; opens in {rounding.duration(provisioning_ns)}"
    fields = {"session": channel.session, "rates": rates, "reason": reason}
    return Decision(kind="channel.admit", fields=fields)


def active(session: str, changes: Iterable[Change]) -> Decision:
    """The decision that a channel opens, at which rates and why."""
    rates = {each.lane.direction: each.to_bps for each in changes}
    reason = "; ".join(f"{each.lane.direction} {why_this_much(each)}" for each in changes)
    return Decision(kind="channel.active", fields={"session": session, "rates": rates, "reason": reason})


def expire(channel: Channel) -> Decision:
    """The decision that a channel's lifetime is over."""
    assert channel.lifetime_ns is not None
    reason = f"its lifetime of {rounding.duration(channel.lifetime_ns)} is over"
    return Decision(kind="channel.expire", fields={"session": channel.session, "reason": reason})


def release(session: str, reason: str) -> Decision:
    """The decision that a channel is given back, for the reason that its session gave."""
    return Decision(kind="channel.release", fields={"session": session, "reason": reason})
