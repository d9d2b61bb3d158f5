"""Who is admitted: committed rates must fit every link of the path both ways, and the delay its budget.

Pre-emption makes room where a request asks for it: channels of a strictly lower priority go, the lowest
first and among equals the last admitted first, each only if it has a committed rate on a link that lacks
room. Those that turn out not to be needed are spared, the highest priority first. If all of them together
would not be enough, nobody goes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from testbed.channel import rounding
from testbed.channel.interface import Decision, RequestChannel
from testbed.channel.state import DIRECTIONS, Channel, Link
from testbed.model.base import Direction

Key = tuple[str, Direction]
"""The name of a link, and which way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """One link of a requested path: what the request commits on it, and what is promised to nobody."""

    link: Link
    committed_bps: int
    free_bps: int

    @property
    def lack_bps(self) -> int:
        """What is missing; negative if more than enough is free."""
        return self.committed_bps - self.free_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A channel that has to go, and the first link that lacks room on its path."""

    channel: Channel
    link: Link


def rooms(
    request: RequestChannel, paths: Sequence[tuple[Link, ...]], promised_bps: Mapping[Key, int]
) -> tuple[Headroom, ...]:
    """What the request finds on the links of its path, downstream first; `paths` are by direction."""
    return tuple(
        Headroom(
            link=link,
            committed_bps=request.channel.towards(direction).committed_bps,
            free_bps=link.channels_bps - promised_bps.get((link.name, direction), 0),
        )
        for direction, path in zip(DIRECTIONS, paths, strict=True)
        for link in path
    )


def too_far(request: RequestChannel) -> str | None:
    """Why the path takes too long whatever is free on it; None if it does not."""
    budget_ns = request.channel.delay_budget_ns
    if budget_ns is None or request.delay_ns <= budget_ns:
        return None
    takes, budget = rounding.duration(request.delay_ns), rounding.duration(budget_ns)
    return f"the path alone takes {takes}, more than the delay budget of {budget}"


def victims(
    request: RequestChannel, found: Sequence[Headroom], holders: Iterable[Channel]
) -> list[Victim] | None:
    """The channels that have to go for the request; None if even all of a lower priority are not enough."""
    lacking = {(room.link.name, room.link.direction): room for room in found if room.lack_bps > 0}
    lack_bps = {key: room.lack_bps for key, room in lacking.items()}
    chosen: list[tuple[Victim, dict[Key, int]]] = []
    for channel in _by_worth(request, holders):
        if all(lack <= 0 for lack in lack_bps.values()):
            break
        gives_bps = _on(channel, lacking)
        helps = [key for key, given in gives_bps.items() if given > 0 and lack_bps[key] > 0]
        if helps:
            chosen.append((Victim(channel=channel, link=lacking[helps[0]].link), gives_bps))
            _add(lack_bps, gives_bps, -1)
    if any(lack > 0 for lack in lack_bps.values()):
        return None
    for victim, gives_bps in reversed(chosen[:]):
        if all(lack_bps[key] + given <= 0 for key, given in gives_bps.items()):
            _add(lack_bps, gives_bps, 1)
            chosen.remove((victim, gives_bps))
    return [victim for victim, _ in chosen]


def refusal(
    request: RequestChannel, found: Sequence[Headroom], holders: Iterable[Channel], distance: str | None
) -> Decision:
    """The refusal, with its reasons and the committed rates that would have fitted in each direction.

    For a request that pre-empts, those would have fitted that channels of a lower priority make room for.
    """
    reasons = [] if distance is None else [distance]
    reasons += [_does_not_fit(room) for room in found if room.lack_bps > 0]
    freed_bps = dict.fromkeys(((room.link.name, room.link.direction) for room in found), 0)
    if request.channel.preempts:
        for channel in _by_worth(request, holders):
            _add(freed_bps, _on(channel, freed_bps), 1)
        if len(reasons) > (distance is not None):
            reasons.append("not even without all channels of a lower priority")
    fits: dict[str, int] = {}
    for room in found:
        direction = room.link.direction
        free_bps = room.free_bps + freed_bps[room.link.name, direction]
        fits[direction] = min(free_bps, fits.get(direction, free_bps))
    return Decision(
        kind="channel.refuse",
        fields={"session": request.session, "reason": "; ".join(reasons), "fits": fits},
    )


def preemption(request: RequestChannel, victim: Victim) -> Decision:
    """The decision that a channel has to go."""
    own, others = victim.channel.request.priority, request.channel.priority
    direction = victim.link.direction
    committed = rounding.rate(request.channel.towards(direction).committed_bps)
    reason = (
        f"priority {own} gives way to priority {others}: {direction} {committed} committed to "
        f"{request.session} did not fit {victim.link.name}"
    )
    fields = {"session": victim.channel.session, "by": request.session, "link": victim.link.name}
    return Decision(kind="channel.preempt", fields={**fields, "reason": reason})


def _does_not_fit(room: Headroom) -> str:
    link = room.link
    taken_bps = link.capacity_bps - room.free_bps
    return (
        f"{link.direction} {rounding.rate(room.committed_bps)} does not fit {link.name}: of "
        f"{rounding.rate(link.capacity_bps)}, {rounding.rate(taken_bps)} is committed; "
        f"{rounding.rate(room.free_bps)} would fit"
    )


def _by_worth(request: RequestChannel, holders: Iterable[Channel]) -> list[Channel]:
    """The channels of a lower priority, that which goes first in front."""
    lower = [channel for channel in holders if channel.request.priority > request.channel.priority]
    lower.reverse()
    lower.sort(key=lambda channel: -channel.request.priority)
    return lower


def _on(channel: Channel, keys: Iterable[Key]) -> dict[Key, int]:
    """What a channel's committed rates take of some links."""
    gives_bps = {}
    for key in keys:
        name, direction = key
        lane = channel.towards(direction)
        if name in lane.links:
            gives_bps[key] = lane.committed_bps
    return gives_bps


def _add(sums_bps: dict[Key, int], rates_bps: Mapping[Key, int], sign: int) -> None:
    for key, rate_bps in rates_bps.items():
        sums_bps[key] += sign * rate_bps
