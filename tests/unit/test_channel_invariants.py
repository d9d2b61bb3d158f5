"""What holds for the channel controller under any sequence of events."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.channel import (
    Channel,
    ChannelState,
    ClassCounters,
    Close,
    CounterReadings,
    Decision,
    Event,
    Extend,
    Link,
    OfferedLoad,
    Open,
    Output,
    Release,
    RequestChannel,
    Resize,
    SceneDemand,
    Tick,
    decide,
)
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy

# The same examples on every machine and every run: a failure here must be a change of ours.
REPEATABLE = settings(max_examples=50, deadline=None, derandomize=True)

SESSIONS = ("a", "b", "c", "d")
LINKS = (
    Link(name="pon", direction=DOWNSTREAM, capacity_bps=1000, committed_bps=100),
    Link(name="pon", direction=UPSTREAM, capacity_bps=500),
    Link(name="node1", direction=DOWNSTREAM, capacity_bps=600),
    Link(name="node2", direction=DOWNSTREAM, capacity_bps=800),
    Link(name="node2", direction=UPSTREAM, capacity_bps=200, committed_bps=50),
)


# Strategies are made once each: making one anew for every draw took most of these tests' time.
@cache
@st.composite
def ranges(draw: st.DrawFn) -> ChannelRange:
    committed_bps = draw(st.integers(0, 400))
    # Not checked: small numbers show a rounding that the rates of real classes would hide.
    return ChannelRange.model_construct(
        committed_bps=committed_bps,
        peak_bps=max(1, committed_bps + draw(st.integers(0, 900))),
        queue_bytes=1000,
    )


@cache
def demands(session: str) -> st.SearchStrategy[SceneDemand]:
    load = st.builds(
        OfferedLoad, mean_bps=st.integers(0, 1200), burst_bytes=st.just(0), burst=st.just("nothing")
    )
    return st.builds(
        SceneDemand, session=st.just(session), scene=st.just("s"), downstream=load, upstream=load
    )


@cache
@st.composite
def requests(draw: st.DrawFn, session: str) -> RequestChannel:
    channel = ChannelRequest(
        policy=draw(st.sampled_from(ResizePolicy)),
        downstream=draw(ranges()),
        upstream=draw(ranges()),
        serialisation_ns=draw(st.sampled_from([1, 10**9])),
        hold_ns=draw(st.integers(0, 50)),
        priority=draw(st.integers(1, 3)),
        weight=draw(st.integers(1, 4)),
        preempts=draw(st.booleans()),
        lifetime_ns=draw(st.none() | st.integers(1, 100)),
    )
    links = draw(st.sampled_from([("pon", "node1"), ("pon", "node2")]))
    return RequestChannel(
        session=session, channel=channel, links=links, demand=draw(st.none() | demands(session))
    )


@cache
def words_of(session: str) -> st.SearchStrategy[Event]:
    """What may be said of a session that has a channel, or does not know that it has none."""
    extension = st.builds(Extend, session=st.just(session), lifetime_ns=st.integers(1, 100))
    release = st.just(Release(session=session, reason="end"))
    return demands(session) | st.just(Tick()) | release | extension | observations(session)


@cache
def observations(session: str) -> st.SearchStrategy[CounterReadings]:
    counted = st.builds(
        ClassCounters,
        interval_ns=st.integers(1, 10**9),
        sent_bytes=st.integers(0, 100),
        backlog_bytes=st.just(0) | st.integers(0, 100),
    )
    return st.builds(CounterReadings, counted=st.fixed_dictionaries({session: st.tuples(counted, counted)}))


@dataclass(frozen=True)
class History:
    """Events, and the state that they begin with."""

    begins: ChannelState
    events: list[tuple[int, Event]]

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        return iter(self.events)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Events of callers that keep to the life cycle, at instants that never fall."""
    begins = state = ChannelState(links=LINKS, provisioning_ns=draw(st.sampled_from([0, 0, 20])))
    history: list[tuple[int, Event]] = []
    now_ns = 0
    for _ in range(draw(st.integers(0, 30))):
        now_ns += draw(st.integers(0, 30))
        session = draw(st.sampled_from(SESSIONS))
        event = draw(said(session, decide(state, Tick(), now_ns)[0]))
        history.append((now_ns, event))
        state, _ = decide(state, event, now_ns)
    return History(begins, history)


def said(session: str, state: ChannelState) -> st.SearchStrategy[Event]:
    """What a caller that keeps to the life cycle may say."""
    if session in state.refused:
        return requests(session) | words_of(session)
    if not state.has(session):
        return requests(session)
    if state.channel(session).opened_at_ns is None:
        return words_of(session).filter(lambda event: not isinstance(event, CounterReadings))
    return words_of(session)


def open_channels(state: ChannelState) -> list[Channel]:
    return [channel for channel in state.channels if channel.opened_at_ns is not None]


def rates_after(rates: dict[tuple[str, Direction], int], output: Output) -> None:
    """Do to a table of rates what an action does to a kernel, checking that it knows what it changes."""
    match output:
        case Open():
            assert (output.session, output.direction) not in rates
            rates[output.session, output.direction] = output.rate_bps
        case Resize():
            assert rates[output.session, output.direction] == output.from_bps != output.to_bps
            rates[output.session, output.direction] = output.to_bps
        case Close():
            for direction in Direction:
                del rates[output.session, direction]


@REPEATABLE
@given(histories())
def test_no_link_is_oversold_after_any_single_action(history: History) -> None:
    state = history.begins
    rates: dict[tuple[str, Direction], int] = {}
    asked: dict[str, tuple[str, ...]] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for now_ns, event in history:
        if isinstance(event, RequestChannel):
            asked[event.session] = event.links
        state, outputs = decide(state, event, now_ns)
        for output in outputs:
            rates_after(rates, output)
            if isinstance(output, Open):
                # Only from here on: a channel of the same session that has just expired had another path.
                paths[output.session] = asked[output.session]
            for link in LINKS:
                used = [
                    rate
                    for (session, direction), rate in rates.items()
                    if direction is link.direction and link.name in paths[session]
                ]
                assert sum(used) + link.committed_bps <= link.capacity_bps
        assert rates == {
            (channel.session, lane.direction): lane.rate_bps
            for channel in open_channels(state)
            for lane in channel.lanes
        }
        for link in LINKS:
            held = [lane.rate_bps for lane in state.lanes(link.direction) if link.name in lane.links]
            assert sum(held) <= link.channels_bps, "what is admitted and not yet open counts as well"


@REPEATABLE
@given(histories())
def test_rates_stay_between_committed_and_peak(history: History) -> None:
    state = history.begins
    for now_ns, event in history:
        state, _ = decide(state, event, now_ns)
        for channel in state.channels:
            for lane in channel.lanes:
                bounds = channel.request.towards(lane.direction)
                assert bounds.committed_bps <= lane.rate_bps <= bounds.peak_bps
                assert lane.is_open or lane.rate_bps == bounds.committed_bps


@REPEATABLE
@given(histories())
def test_whoever_has_less_than_it_needs_is_stopped_by_a_link_with_less_than_a_bit_a_lane_left(
    history: History,
) -> None:
    state = history.begins
    for now_ns, event in history:
        state, _ = decide(state, event, now_ns)
        for direction in Direction:
            lanes = state.lanes(direction)
            for lane in lanes:
                full = []
                for link in state.path(lane.links, direction):
                    rates = [each.rate_bps for each in lanes if link.name in each.links]
                    if sum(rates) > link.channels_bps - len(rates):
                        full.append(link.name)
                assert lane.rate_bps >= lane.need.rate_bps or full or not lane.is_open


@REPEATABLE
@given(histories())
def test_an_event_resizes_a_lane_once_at_most_and_a_repeated_tick_never(
    history: History,
) -> None:
    state = history.begins
    for now_ns, event in history:
        state, outputs = decide(state, event, now_ns)
        changes = Counter((each.session, each.direction) for each in outputs if isinstance(each, Resize))
        assert max(changes.values(), default=0) <= 1
        assert decide(state, Tick(), now_ns) == (state, [])


@REPEATABLE
@given(histories())
def test_every_action_but_close_follows_its_decision_with_a_reason(history: History) -> None:
    state = history.begins
    for now_ns, event in history:
        state, outputs = decide(state, event, now_ns)
        for before, output in zip([None, *outputs], outputs, strict=False):
            if isinstance(output, Resize):
                assert isinstance(before, Decision)
                assert before.fields["to_bps"] == output.to_bps
                assert before.fields["reason"]
            elif isinstance(output, Close):
                assert isinstance(before, Decision)
                assert before.kind in ("channel.release", "channel.expire", "channel.preempt")
                assert before.fields["session"] == output.session
            elif isinstance(output, Open) and output.direction is DOWNSTREAM:
                assert isinstance(before, Decision)
                assert (before.kind, before.fields["session"]) == ("channel.active", output.session)


@REPEATABLE
@given(histories())
def test_whatever_gives_a_rate_up_comes_before_whatever_takes_it(history: History) -> None:
    state = history.begins
    for now_ns, event in history:
        state, outputs = decide(state, event, now_ns)
        takes = [
            isinstance(each, Open) or (isinstance(each, Resize) and each.to_bps > each.from_bps)
            for each in outputs
            if not isinstance(each, Decision)
        ]
        assert takes == sorted(takes)


@REPEATABLE
@given(histories())
def test_nobody_is_short_beside_one_that_has_more_for_its_weight(history: History) -> None:
    """Max-min: on some link of its path, a lane that is short has risen as high as any, but for rounding."""
    state = history.begins
    for now_ns, event in history:
        state, _ = decide(state, event, now_ns)
        for direction in Direction:
            lanes = [lane for lane in state.lanes(direction) if lane.is_open]
            for lane in lanes:
                level = Fraction(lane.rate_bps - lane.committed_bps + 1, lane.weight)
                highest = [
                    all(
                        Fraction(each.rate_bps - each.committed_bps, each.weight) <= level
                        for each in lanes
                        if link.name in each.links
                    )
                    for link in state.path(lane.links, direction)
                ]
                assert lane.rate_bps == lane.need.rate_bps or any(highest)


@REPEATABLE
@given(histories())
def test_what_is_due_has_happened(history: History) -> None:
    state = history.begins
    for now_ns, event in history:
        state, _ = decide(state, event, now_ns)
        for channel in state.channels:
            assert channel.expires_at_ns is None or now_ns < channel.expires_at_ns
            assert channel.opened_at_ns is not None or now_ns < channel.opens_at_ns
        assert state.wake_at_ns is None or state.wake_at_ns > now_ns


@REPEATABLE
@given(histories())
def test_a_history_replays_to_the_same_decisions(history: History) -> None:
    def run() -> list[Output]:
        state, all_outputs = history.begins, list[Output]()
        for now_ns, event in history:
            state, outputs = decide(state, event, now_ns)
            all_outputs += outputs
        return all_outputs

    assert run() == run()


@REPEATABLE
@given(
    changes=st.lists(st.tuples(st.integers(0, 40), demands("a")), min_size=1, max_size=40),
    hold_ns=st.integers(0, 60),
)
def test_alone_a_channel_follows_the_maximum_of_its_demand_over_the_hold_time(
    changes: list[tuple[int, SceneDemand]], hold_ns: int
) -> None:
    bounds = ChannelRange.model_construct(committed_bps=100, peak_bps=1000, queue_bytes=1)
    request = ChannelRequest(downstream=bounds, upstream=bounds, serialisation_ns=1, hold_ns=hold_ns)
    links = tuple(Link(name="pon", direction=direction, capacity_bps=10_000) for direction in Direction)
    state, _ = decide(
        ChannelState(links=links), RequestChannel(session="a", channel=request, links=("pon",)), 0
    )
    began: list[tuple[int, int]] = [(0, 0)]
    now_ns, resizes = 0, 0
    for gap_ns, demand in changes:
        due_ns = now_ns + gap_ns
        while state.wake_at_ns is not None and state.wake_at_ns < due_ns:
            woken_at_ns = state.wake_at_ns
            state, outputs = decide(state, Tick(), woken_at_ns)
            assert state.wake_at_ns is None or state.wake_at_ns > woken_at_ns
            resizes += sum(isinstance(each, Resize) and each.direction is DOWNSTREAM for each in outputs)
        now_ns = due_ns
        state, outputs = decide(state, demand, now_ns)
        resizes += sum(isinstance(each, Resize) and each.direction is DOWNSTREAM for each in outputs)
        began.append((now_ns, demand.downstream.mean_bps))
        ended = [start for start, _ in began[1:]]
        recent = [rate for (_, rate), end in zip(began, ended, strict=False) if end + hold_ns > now_ns]
        expected = min(1000, max(100, *recent, began[-1][1]))
        assert state.channel("a").towards(DOWNSTREAM).rate_bps == expected
    assert resizes <= 2 * len(changes)
