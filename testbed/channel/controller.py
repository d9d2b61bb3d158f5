"""The channel controller as one pure function: a state and an event give a state and what is to be done."""

from dataclasses import replace
from typing import Any

from testbed.channel import admission, reasons
from testbed.channel.interface import (
    ClassCounters,
    CounterReadings,
    Event,
    Extend,
    Output,
    Release,
    RequestChannel,
    SceneDemand,
    Tick,
)
from testbed.channel.policy import Answer, ChannelPolicy, Observation
from testbed.channel.policy_registry import policy_called
from testbed.channel.state import DIRECTIONS, Channel, ChannelState, Lane, Want
from testbed.channel.transaction import Transaction
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
    transaction = Transaction(state, now_ns)
    _pass_time(transaction, state)
    match event:
        case RequestChannel():
            _request(transaction, state, event)
        case SceneDemand():
            _demand(transaction, event)
        case CounterReadings():
            for session, counted in event.counted.items():
                _observe(transaction, session, counted)
        case Extend():
            _extend(transaction, event)
        case Release():
            _release(transaction, event)
        case Tick():
            pass
    return transaction.commit()


def _pass_time(transaction: Transaction, state: ChannelState) -> None:
    """What is due by now: lifetimes end, channels open, needs that were lower for the hold time count."""
    now_ns = transaction.now_ns
    due = [session for session, at_ns in state.due_at_ns.items() if at_ns <= now_ns]
    for session in due:
        _expire_if_due(transaction, transaction.holders[session])
    for session in due:
        channel = transaction.holders.get(session)
        if channel is None:
            continue
        if channel.opened_at_ns is None:
            transaction.open(session)
        else:
            down, up = (lane.at(now_ns) for lane in channel.lanes)
            transaction.update_lanes(channel, (down, up))


def _expire_if_due(transaction: Transaction, channel: Channel) -> None:
    expires_at_ns = channel.expires_at_ns
    if expires_at_ns is not None and expires_at_ns <= transaction.now_ns:
        transaction.remove(channel.session, reasons.expire(channel))
        transaction.refused |= {channel.session}


def _request(transaction: Transaction, state: ChannelState, event: RequestChannel) -> None:
    if event.session in transaction.holders:
        raise InvariantError(f"session {event.session} asks for a channel and has one; release it first")
    paths = [state.path(event.links, direction) for direction in DIRECTIONS]
    found = admission.rooms(event, paths, transaction.promised_bps)
    distance = admission.too_far(event)
    lacks = any(room.lack_bps > 0 for room in found)
    going: list[admission.Victim] | None = None if lacks else []
    if lacks and event.channel.preempts:
        going = admission.victims(event, found, transaction.holders.values())
    if distance is not None or going is None:
        transaction.emit(admission.refusal(event, found, transaction.holders.values(), distance))
        transaction.refused |= {event.session}
        return
    for victim in going:
        transaction.remove(victim.channel.session, admission.preemption(event, victim))
    transaction.refused |= {victim.channel.session for victim in going}
    lanes, memories = zip(
        *(
            _new_lane(event, direction, tuple(link.name for link in path), transaction.now_ns)
            for direction, path in zip(DIRECTIONS, paths, strict=True)
        ),
        strict=True,
    )
    channel = Channel(
        session=event.session,
        request=event.channel,
        lanes=lanes,
        opens_at_ns=transaction.now_ns + state.provisioning_ns,
        lifetime_ns=event.channel.lifetime_ns,
    )
    transaction.admit(channel, reasons.admit(channel, state.provisioning_ns))
    transaction.remember(event.session, memories)
    if not state.provisioning_ns:
        transaction.open(event.session)


def _new_lane(
    event: RequestChannel, direction: Direction, links: tuple[str, ...], now_ns: int
) -> tuple[Lane, Any]:
    """A lane with its first need, and what the policy remembers of it."""
    bounds = event.channel.towards(direction)
    policy = policy_called(event.channel.policy)
    observation = Observation(
        direction=direction,
        committed_bps=bounds.committed_bps,
        peak_bps=bounds.peak_bps,
        serialisation_ns=event.channel.serialisation_ns,
        hold_ns=event.channel.hold_ns,
        now_ns=now_ns,
        rate_bps=bounds.committed_bps,
    )
    if event.demand is not None and policy.uses_scenes:
        observation = observation._replace(scene=event.demand.scene, load=event.demand.towards(direction))
    need, memory = policy.decide(observation)
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
    demand: SceneDemand | None = None,
    counted: ClassCounters | None = None,
) -> Answer:
    """What a policy says about a lane, of which something new is known."""
    bounds = request.towards(lane.direction)
    return policy.decide(
        Observation(
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


def _demand(transaction: Transaction, event: SceneDemand) -> None:
    if event.session in transaction.refused:
        return
    channel = transaction.channel(event.session)
    policy = policy_called(channel.request.policy)
    if not policy.uses_scenes:
        return
    transaction.asking_session = event.session
    answers = [
        _ask(policy, channel.request, lane, memory, transaction.now_ns, demand=event)
        for lane, memory in zip(channel.lanes, transaction.memories(event.session), strict=True)
    ]
    down, up = (
        lane.wanting(answer.need, transaction.now_ns)
        for lane, answer in zip(channel.lanes, answers, strict=True)
    )
    transaction.remember(event.session, (answers[0].memory, answers[1].memory))
    transaction.update_lanes(channel, (down, up))


def _observe(transaction: Transaction, session: str, counted: tuple[ClassCounters, ClassCounters]) -> None:
    if session in transaction.refused:
        return
    channel = transaction.channel(session)
    if channel.opened_at_ns is None:
        raise InvariantError(f"the classes of session {session} were read, and it has none before it opens")
    policy = policy_called(channel.request.policy)
    if not policy.uses_counters:
        return
    memories = transaction.memories(session)
    (down, down_memory), (up, up_memory) = (
        _followed(policy, channel.request, lane, memory, each, transaction.now_ns)
        for lane, memory, each in zip(channel.lanes, memories, counted, strict=True)
    )
    transaction.remember(session, (down_memory, up_memory))
    transaction.update_lanes(channel, (down, up))


def _followed(
    policy: ChannelPolicy,
    request: ChannelRequest,
    lane: Lane,
    memory: Any,
    counted: ClassCounters,
    now_ns: int,
) -> tuple[Lane, Any]:
    """A lane after one interval, the lane itself if what it wants is the same, and the policy's memory."""
    need, memory = _ask(policy, request, lane, memory, now_ns, counted=counted)
    for want in lane.wants:
        if want.need.rate_bps == need.rate_bps:
            same = want is lane.wants[-1]
            return (lane if same else lane.wanting(want.need, now_ns)), memory
    return lane.wanting(need, now_ns), memory


def _extend(transaction: Transaction, event: Extend) -> None:
    if event.session in transaction.refused:
        return
    changed = replace(transaction.channel(event.session), lifetime_ns=event.lifetime_ns)
    transaction.put(changed)
    _expire_if_due(transaction, changed)


def _release(transaction: Transaction, event: Release) -> None:
    if event.session in transaction.refused:
        transaction.refused -= {event.session}
        return
    transaction.channel(event.session)  # only who has a channel can give it back
    transaction.remove(event.session, reasons.release(event.session, event.reason))
