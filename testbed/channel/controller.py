"""The channel controller as one pure function: a state and an event give a state and what is to be done."""

from dataclasses import replace

from testbed.channel import words
from testbed.channel.demand import need
from testbed.channel.events import (
    Close,
    Decision,
    Demand,
    Event,
    Open,
    Output,
    Release,
    Request,
    Resize,
    Tick,
)
from testbed.channel.sharing import Share, share, uncommitted_bps
from testbed.channel.state import Channel, ChannelState, Lane, Want
from testbed.errors import InvariantError
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction

_DIRECTIONS = (DOWNSTREAM, UPSTREAM)


def decide(state: ChannelState, event: Event, now_ns: int) -> tuple[ChannelState, list[Output]]:
    """Take one event at one instant: the new state, and decisions and actions in the order of their effect.

    Whatever gives a rate up comes before whatever takes it, so that applying the outputs one by one never
    oversells a link. A refusal is an output like any other.

    Raises:
        InvariantError: The caller is confused: time runs backwards, a session that has a channel asks for
            another, or one that never asked speaks.
    """
    if now_ns < state.at_ns:
        raise InvariantError(f"{event} at {now_ns} ns, after the controller has seen {state.at_ns} ns")
    state = replace(state, at_ns=now_ns)
    match event:
        case Request():
            return _request(state, event, now_ns)
        case Demand():
            return _demand(state, event, now_ns)
        case Release():
            return _release(state, event, now_ns)
        case Tick():
            return _settle(state, now_ns)


def _request(state: ChannelState, event: Request, now_ns: int) -> tuple[ChannelState, list[Output]]:
    if state.has(event.session):
        raise InvariantError(f"session {event.session} asks for a channel and has one; release it first")
    refusal = _refusal(state, event)
    if refusal is not None:
        settled, outputs = _settle(replace(state, refused=state.refused | {event.session}), now_ns)
        return settled, [refusal, *outputs]
    lanes = (_new_lane(event, DOWNSTREAM), _new_lane(event, UPSTREAM))
    channel = Channel(session=event.session, request=event.channel, lanes=lanes)
    admitted = replace(state, channels=(*state.channels, channel), refused=state.refused - {event.session})
    settled, outputs = _settle(admitted, now_ns, newcomer=event.session)
    return settled, outputs


def _new_lane(event: Request, direction: Direction) -> Lane:
    bounds = event.channel.towards(direction)
    return Lane(
        session=event.session,
        direction=direction,
        links=event.links,
        committed_bps=bounds.committed_bps,
        hold_ns=event.channel.hold_ns,
        wants=(Want(need=need(event.channel, direction, event.demand)),),
        rate_bps=bounds.committed_bps,
    )


def _refusal(state: ChannelState, event: Request) -> Decision | None:
    """Why the committed rates do not fit, with those that would; None if they do."""
    reasons: list[str] = []
    fits: dict[str, int] = {}
    for direction in _DIRECTIONS:
        committed_bps = event.channel.towards(direction).committed_bps
        lanes = state.lanes(direction)
        for link in state.path(event.links, direction):
            free_bps = uncommitted_bps(link, lanes)
            fits[direction] = min(free_bps, fits.get(direction, free_bps))
            if committed_bps > free_bps:
                reasons.append(
                    f"{direction} {words.rate(committed_bps)} does not fit {link.name}: of "
                    f"{words.rate(link.capacity_bps)}, {words.rate(link.capacity_bps - free_bps)} is "
                    f"committed; {words.rate(free_bps)} would fit"
                )
    if not reasons:
        return None
    return Decision(
        kind="channel.refuse",
        fields={"session": event.session, "reason": "; ".join(reasons), "fits": fits},
    )


def _demand(state: ChannelState, event: Demand, now_ns: int) -> tuple[ChannelState, list[Output]]:
    if event.session in state.refused:
        return _settle(state, now_ns)
    channel = state.channel(event.session)
    down, up = (
        channel.towards(direction).wanting(need(channel.request, direction, event), now_ns)
        for direction in _DIRECTIONS
    )
    channels = tuple(
        replace(each, lanes=(down, up)) if each.session == event.session else each for each in state.channels
    )
    return _settle(replace(state, channels=channels), now_ns, speaker=event.session)


def _release(state: ChannelState, event: Release, now_ns: int) -> tuple[ChannelState, list[Output]]:
    if event.session in state.refused:
        return _settle(replace(state, refused=state.refused - {event.session}), now_ns)
    released = state.channel(event.session)
    remaining = tuple(channel for channel in state.channels if channel is not released)
    settled, outputs = _settle(replace(state, channels=remaining), now_ns)
    fields = {"session": event.session, "reason": event.reason}
    return settled, [Decision(kind="channel.release", fields=fields), Close(session=event.session), *outputs]


def _settle(
    state: ChannelState, now_ns: int, *, newcomer: str | None = None, speaker: str | None = None
) -> tuple[ChannelState, list[Output]]:
    """Share all links anew and say what changes: first what shrinks, then the newcomer, then what grows.

    `speaker` has just signalled a demand and is warned if it gets nothing for it.
    """
    settled, changes = _reshare(state, now_ns)
    shrinking: list[Output] = []
    opening: list[Output] = []
    growing: list[Output] = []
    for old, new in changes:
        if old.session == newcomer:
            continue
        if new.lane.rate_bps < old.rate_bps:
            shrinking += _resized(old, new, _why_less(old, new, newcomer))
        elif new.lane.rate_bps > old.rate_bps:
            growing += _resized(old, new, _why_this_much(new))
        elif old.session == speaker and new.limit is not None:
            growing.append(_stuck(new))
    if newcomer is not None:
        shares = [new for old, new in changes if old.session == newcomer]
        opening = _opened(settled.channel(newcomer), shares)
    return settled, [*shrinking, *opening, *growing]


def _reshare(state: ChannelState, now_ns: int) -> tuple[ChannelState, list[tuple[Lane, Share]]]:
    """The state after sharing all links anew, and for every lane what it was and what it is."""
    changes: list[tuple[Lane, Share]] = []
    for direction in _DIRECTIONS:
        links = [link for link in state.links if link.direction is direction]
        before = state.lanes(direction)
        changes += zip(before, share(links, [lane.at(now_ns) for lane in before]), strict=True)
    lanes = {(new.lane.session, new.lane.direction): new.lane for _, new in changes}
    channels = tuple(
        replace(each, lanes=(lanes[each.session, DOWNSTREAM], lanes[each.session, UPSTREAM]))
        for each in state.channels
    )
    return replace(state, channels=channels), changes


def _opened(channel: Channel, shares: list[Share]) -> list[Output]:
    rates = {each.lane.direction: each.lane.rate_bps for each in shares}
    reason = "; ".join(f"{each.lane.direction} {_why_this_much(each)}" for each in shares)
    fields = {"session": channel.session, "rates": rates, "reason": reason}
    opens = [
        Open(
            session=channel.session,
            direction=each.lane.direction,
            rate_bps=each.lane.rate_bps,
            queue_bytes=channel.request.towards(each.lane.direction).queue_bytes,
        )
        for each in shares
    ]
    return [Decision(kind="channel.admit", fields=fields), *opens]


def _resized(old: Lane, new: Share, reason: str) -> list[Output]:
    change = Resize(
        session=old.session, direction=old.direction, from_bps=old.rate_bps, to_bps=new.lane.rate_bps
    )
    fields = {
        "session": change.session,
        "direction": change.direction,
        "from_bps": change.from_bps,
        "to_bps": change.to_bps,
        "reason": reason,
    }
    return [Decision(kind="channel.resize", fields=fields), change]


def _why_this_much(new: Share) -> str:
    if new.limit is None:
        return new.lane.need.reason
    return f"{new.lane.need.reason}, of which {new.limit.name} has only {words.rate(new.lane.rate_bps)} left"


def _why_less(old: Lane, new: Share, newcomer: str | None) -> str:
    if new.gave_way is not None:
        return f"gives way on {new.gave_way.name} to the committed rate of {newcomer}"
    held = f"demand lower for {words.duration(old.hold_ns)}" if old.hold_ns else "demand fell"
    return f"{held}; {new.lane.need.reason}"


def _stuck(new: Share) -> Decision:
    lane = new.lane
    stays = f"channel of {lane.session} {lane.direction} stays at {words.rate(lane.rate_bps)}"
    return Decision(kind="warning", fields={"text": f"{stays}: {_why_this_much(new)}"})
