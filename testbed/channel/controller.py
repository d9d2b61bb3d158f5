"""The channel controller as one pure function: a state and an event give a state and what is to be done."""

from dataclasses import replace
from typing import Any

from testbed.channel import admission, reasons
from testbed.channel.events import (
    Counted,
    Demand,
    Event,
    Extend,
    Observation,
    Output,
    Release,
    Request,
    Tick,
)
from testbed.channel.policies import policy_called
from testbed.channel.policy import Answer, ChannelPolicy, Told
from testbed.channel.state import DIRECTIONS, Channel, ChannelState, Lane, Want
from testbed.channel.turn import Turn
from testbed.errors import InvariantError
from testbed.model.base import Direction
from testbed.model.channel import ChannelRequest


def decide(state: ChannelState, event: Event, now_ns: int) -> tuple[ChannelState, list[Output]]:
    """Take one event at one instant: the new state, and decisions and actions in the order of their effect.

    Whatever gives a rate up comes before whatever takes it, so that applying the outputs one by one never
    oversells a link. What is due by now happens first. A refusal is an output like any other.

    Raises:
        InvariantError: The caller is confused: time runs backwards, a session that has a channel asks for
            another, or one that never asked speaks.
    """
    if now_ns < state.at_ns:
        raise InvariantError(f"{event} at {now_ns} ns, after the controller has seen {state.at_ns} ns")
    if isinstance(event, Tick) and (state.wake_at_ns is None or now_ns < state.wake_at_ns):
        return replace(state, at_ns=now_ns), []
    turn = Turn(state, now_ns)
    _pass_time(turn, state)
    match event:
        case Request():
            _request(turn, state, event)
        case Demand():
            _demand(turn, event)
        case Observation():
            for session, counted in event.counted.items():
                _observe(turn, session, counted)
        case Extend():
            _extend(turn, event)
        case Release():
            _release(turn, event)
        case Tick():
            pass
    return turn.settle()


def _pass_time(turn: Turn, state: ChannelState) -> None:
    """What is due by now: lifetimes end, channels open, needs that were lower for the hold time count."""
    now_ns = turn.now_ns
    due = [session for session, at_ns in state.due_at_ns.items() if at_ns <= now_ns]
    for session in due:
        _expire_if_due(turn, turn.holders[session])
    for session in due:
        channel = turn.holders.get(session)
        if channel is None:
            continue
        if channel.opened_at_ns is None:
            turn.open(session)
        else:
            down, up = (lane.at(now_ns) for lane in channel.lanes)
            turn.follow(channel, (down, up))


def _expire_if_due(turn: Turn, channel: Channel) -> None:
    expires_at_ns = channel.expires_at_ns
    if expires_at_ns is not None and expires_at_ns <= turn.now_ns:
        turn.remove(channel.session, reasons.expire(channel))
        turn.refused |= {channel.session}


def _request(turn: Turn, state: ChannelState, event: Request) -> None:
    if event.session in turn.holders:
        raise InvariantError(f"session {event.session} asks for a channel and has one; release it first")
    paths = [state.path(event.links, direction) for direction in DIRECTIONS]
    found = admission.rooms(event, paths, turn.promised_bps)
    distance = admission.too_far(event)
    lacks = any(room.lack_bps > 0 for room in found)
    going: list[admission.Victim] | None = None if lacks else []
    if lacks and event.channel.preempts:
        going = admission.victims(event, found, turn.holders.values())
    if distance is not None or going is None:
        turn.say(admission.refusal(event, found, turn.holders.values(), distance))
        turn.refused |= {event.session}
        return
    for victim in going:
        turn.remove(victim.channel.session, admission.preemption(event, victim))
    turn.refused |= {victim.channel.session for victim in going}
    lanes, memories = zip(
        *(
            _new_lane(event, direction, tuple(link.name for link in path), turn.now_ns)
            for direction, path in zip(DIRECTIONS, paths, strict=True)
        ),
        strict=True,
    )
    channel = Channel(
        session=event.session,
        request=event.channel,
        lanes=lanes,
        opens_at_ns=turn.now_ns + state.provisioning_ns,
        lifetime_ns=event.channel.lifetime_ns,
    )
    turn.admit(channel, reasons.admit(channel, state.provisioning_ns))
    turn.keep(event.session, memories)
    if not state.provisioning_ns:
        turn.open(event.session)


def _new_lane(event: Request, direction: Direction, links: tuple[str, ...], now_ns: int) -> tuple[Lane, Any]:
    """A lane with its first need, and what the policy remembers of it."""
    bounds = event.channel.towards(direction)
    policy = policy_called(event.channel.policy)
    told = Told(
        direction=direction,
        committed_bps=bounds.committed_bps,
        peak_bps=bounds.peak_bps,
        serialisation_ns=event.channel.serialisation_ns,
        hold_ns=event.channel.hold_ns,
        now_ns=now_ns,
        rate_bps=bounds.committed_bps,
    )
    if event.demand is not None and policy.hears_scenes:
        told = told._replace(scene=event.demand.scene, load=event.demand.towards(direction))
    need, memory = policy.decide(told)
    lane = Lane(
        session=event.session,
        direction=direction,
        links=links,
        committed_bps=bounds.committed_bps,
        weight=event.channel.weight,
        hold_ns=event.channel.hold_ns,
        wants=(Want(need=need),),
        rate_bps=bounds.committed_bps,
        is_open=False,
    )
    return lane, memory


def _ask(
    policy: ChannelPolicy,
    request: ChannelRequest,
    lane: Lane,
    memory: Any,
    now_ns: int,
    *,
    demand: Demand | None = None,
    counted: Counted | None = None,
) -> Answer:
    """What a policy says about a lane, of which something new is known."""
    bounds = request.towards(lane.direction)
    return policy.decide(
        Told(
            lane.direction,
            bounds.committed_bps,
            bounds.peak_bps,
            request.serialisation_ns,
            lane.hold_ns,
            now_ns,
            lane.rate_bps,
            tuple([want.need.rate_bps for want in lane.wants]),
            None if demand is None else demand.scene,
            None if demand is None else demand.towards(lane.direction),
            counted,
            memory,
        )
    )


def _demand(turn: Turn, event: Demand) -> None:
    if event.session in turn.refused:
        return
    channel = turn.channel(event.session)
    policy = policy_called(channel.request.policy)
    if not policy.hears_scenes:
        return
    turn.speaker = event.session
    answers = [
        _ask(policy, channel.request, lane, memory, turn.now_ns, demand=event)
        for lane, memory in zip(channel.lanes, turn.memories(event.session), strict=True)
    ]
    down, up = (
        lane.wanting(answer.need, turn.now_ns) for lane, answer in zip(channel.lanes, answers, strict=True)
    )
    turn.keep(event.session, (answers[0].memory, answers[1].memory))
    turn.follow(channel, (down, up))


def _observe(turn: Turn, session: str, counted: tuple[Counted, Counted]) -> None:
    if session in turn.refused:
        return
    channel = turn.channel(session)
    if channel.opened_at_ns is None:
        raise InvariantError(f"the classes of session {session} were read, and it has none before it opens")
    policy = policy_called(channel.request.policy)
    if not policy.hears_counters:
        return
    memories = turn.memories(session)
    (down, down_memory), (up, up_memory) = (
        _followed(policy, channel.request, lane, memory, each, turn.now_ns)
        for lane, memory, each in zip(channel.lanes, memories, counted, strict=True)
    )
    turn.keep(session, (down_memory, up_memory))
    turn.follow(channel, (down, up))


def _followed(
    policy: ChannelPolicy, request: ChannelRequest, lane: Lane, memory: Any, counted: Counted, now_ns: int
) -> tuple[Lane, Any]:
    """A lane after one interval, the lane itself if what it wants is the same, and the policy's memory."""
    need, memory = _ask(policy, request, lane, memory, now_ns, counted=counted)
    for want in lane.wants:
        if want.need.rate_bps == need.rate_bps:
            same = want is lane.wants[-1]
            return (lane if same else lane.wanting(want.need, now_ns)), memory
    return lane.wanting(need, now_ns), memory


def _extend(turn: Turn, event: Extend) -> None:
    if event.session in turn.refused:
        return
    changed = replace(turn.channel(event.session), lifetime_ns=event.lifetime_ns)
    turn.put(changed)
    _expire_if_due(turn, changed)


def _release(turn: Turn, event: Release) -> None:
    if event.session in turn.refused:
        turn.refused -= {event.session}
        return
    turn.channel(event.session)  # only who has a channel can give it back
    turn.remove(event.session, reasons.release(event.session, event.reason))
