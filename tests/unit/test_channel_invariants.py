"""What holds for the channel controller under any sequence of events."""

from collections import Counter
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.channel import (
    ChannelState,
    Close,
    Decision,
    Demand,
    Event,
    Link,
    Load,
    Open,
    Output,
    Release,
    Request,
    Resize,
    Tick,
    decide,
)
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRange, ChannelRequest

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
    return ChannelRange(
        committed_bps=committed_bps,
        peak_bps=max(1, committed_bps + draw(st.integers(0, 900))),
        queue_bytes=1000,
    )


@cache
def demands(session: str) -> st.SearchStrategy[Demand]:
    load = st.builds(Load, mean_bps=st.integers(0, 1200), burst_bytes=st.just(0), burst=st.just("nothing"))
    return st.builds(Demand, session=st.just(session), scene=st.just("s"), downstream=load, upstream=load)


@cache
@st.composite
def requests(draw: st.DrawFn, session: str) -> Request:
    channel = ChannelRequest(
        downstream=draw(ranges()),
        upstream=draw(ranges()),
        serialisation_ns=1,
        hold_ns=draw(st.integers(0, 50)),
    )
    links = draw(st.sampled_from([("pon", "node1"), ("pon", "node2")]))
    return Request(session=session, channel=channel, links=links, demand=draw(st.none() | demands(session)))


@cache
def words_of(session: str) -> st.SearchStrategy[Event]:
    """What the holder of a channel may say."""
    return demands(session) | st.just(Tick()) | st.just(Release(session=session, reason="end"))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, Event]]:
    """Events of callers that keep to the life cycle, at instants that never fall."""
    state = ChannelState(links=LINKS)
    history: list[tuple[int, Event]] = []
    now_ns = 0
    for _ in range(draw(st.integers(0, 30))):
        now_ns += draw(st.integers(0, 30))
        session = draw(st.sampled_from(SESSIONS))
        event = draw(words_of(session) if state.has(session) else requests(session))
        history.append((now_ns, event))
        state, _ = decide(state, event, now_ns)
    return history


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
def test_no_link_is_oversold_after_any_single_action(history: list[tuple[int, Event]]) -> None:
    state = ChannelState(links=LINKS)
    rates: dict[tuple[str, Direction], int] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for now_ns, event in history:
        if isinstance(event, Request):
            paths[event.session] = event.links
        state, outputs = decide(state, event, now_ns)
        for output in outputs:
            rates_after(rates, output)
            for link in LINKS:
                used = [
                    rate
                    for (session, direction), rate in rates.items()
                    if direction is link.direction and link.name in paths[session]
                ]
                assert sum(used) + link.committed_bps <= link.capacity_bps
    assert rates == {
        (channel.session, lane.direction): lane.rate_bps
        for channel in state.channels
        for lane in channel.lanes
    }


@REPEATABLE
@given(histories())
def test_rates_stay_between_committed_and_peak(history: list[tuple[int, Event]]) -> None:
    state = ChannelState(links=LINKS)
    for now_ns, event in history:
        state, _ = decide(state, event, now_ns)
        for channel in state.channels:
            for lane in channel.lanes:
                bounds = channel.request.towards(lane.direction)
                assert bounds.committed_bps <= lane.rate_bps <= bounds.peak_bps


@REPEATABLE
@given(histories())
def test_whoever_has_less_than_it_needs_is_stopped_by_a_link_with_less_than_a_bit_a_lane_left(
    history: list[tuple[int, Event]],
) -> None:
    state = ChannelState(links=LINKS)
    for now_ns, event in history:
        state, _ = decide(state, event, now_ns)
        for direction in Direction:
            lanes = state.lanes(direction)
            for lane in lanes:
                full = [
                    link.name
                    for link in state.path(lane.links, direction)
                    if sum(each.rate_bps for each in lanes if link.name in each.links) == link.channels_bps
                ]
                assert lane.rate_bps >= lane.need.rate_bps or full


@REPEATABLE
@given(histories())
def test_an_event_resizes_a_lane_once_at_most_and_a_repeated_tick_never(
    history: list[tuple[int, Event]],
) -> None:
    state = ChannelState(links=LINKS)
    for now_ns, event in history:
        state, outputs = decide(state, event, now_ns)
        changes = Counter((each.session, each.direction) for each in outputs if isinstance(each, Resize))
        assert max(changes.values(), default=0) <= 1
        assert decide(state, Tick(), now_ns) == (state, [])


@REPEATABLE
@given(histories())
def test_every_action_but_close_follows_its_decision_with_a_reason(history: list[tuple[int, Event]]) -> None:
    state = ChannelState(links=LINKS)
    for now_ns, event in history:
        state, outputs = decide(state, event, now_ns)
        for before, output in zip([None, *outputs], outputs, strict=False):
            if isinstance(output, Resize):
                assert isinstance(before, Decision)
                assert before.fields["to_bps"] == output.to_bps
                assert before.fields["reason"]


@REPEATABLE
@given(histories())
def test_a_history_replays_to_the_same_decisions(history: list[tuple[int, Event]]) -> None:
    def run() -> list[Output]:
        state, said = ChannelState(links=LINKS), list[Output]()
        for now_ns, event in history:
            state, outputs = decide(state, event, now_ns)
            said += outputs
        return said

    assert run() == run()


@REPEATABLE
@given(
    changes=st.lists(st.tuples(st.integers(0, 40), demands("a")), min_size=1, max_size=40),
    hold_ns=st.integers(0, 60),
)
def test_alone_a_channel_follows_the_maximum_of_its_demand_over_the_hold_time(
    changes: list[tuple[int, Demand]], hold_ns: int
) -> None:
    bounds = ChannelRange(committed_bps=100, peak_bps=1000, queue_bytes=1)
    request = ChannelRequest(downstream=bounds, upstream=bounds, serialisation_ns=1, hold_ns=hold_ns)
    links = tuple(Link(name="pon", direction=direction, capacity_bps=10_000) for direction in Direction)
    state, _ = decide(ChannelState(links=links), Request(session="a", channel=request, links=("pon",)), 0)
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
