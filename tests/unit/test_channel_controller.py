"""The channel controller: feed events, compare what it decides and does."""

import pytest

from testbed.channel import (
    ChannelState,
    Close,
    Decision,
    Event,
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
from testbed.errors import InvariantError
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy

M = 1_000_000
MS = 1_000_000
HOLD_NS = 500 * MS


def request(
    session: str = "game",
    *,
    committed_bps: int = 100 * M,
    peak_bps: int = 2000 * M,
    policy: ResizePolicy = ResizePolicy.SIGNALLED,
    demand: SceneDemand | None = None,
) -> RequestChannel:
    down = ChannelRange(committed_bps=committed_bps, peak_bps=peak_bps, queue_bytes=500_000)
    up = ChannelRange(committed_bps=10 * M, peak_bps=50 * M, queue_bytes=20_000)
    channel = ChannelRequest(
        policy=policy, downstream=down, upstream=up, serialisation_ns=1 * MS, hold_ns=HOLD_NS
    )
    return RequestChannel(session=session, channel=channel, links=("pon",), demand=demand)


def demand(session: str = "game", *, downstream_bps: int, scene: str = "4k") -> SceneDemand:
    """A scene whose largest frame needs this rate downstream, and little upstream."""
    frame_bytes = downstream_bps // 8000
    return SceneDemand(
        session=session,
        scene=scene,
        downstream=OfferedLoad(mean_bps=0, burst_bytes=frame_bytes, burst="a frame"),
        upstream=OfferedLoad(mean_bps=0, burst_bytes=100, burst="a command"),
    )


def pon(downstream_bps: int = 2000 * M, upstream_bps: int = 1000 * M, committed_bps: int = 0) -> ChannelState:
    return ChannelState(
        links=(
            Link(name="pon", direction=DOWNSTREAM, capacity_bps=downstream_bps, committed_bps=committed_bps),
            Link(name="pon", direction=UPSTREAM, capacity_bps=upstream_bps),
        )
    )


def play(state: ChannelState, *events: tuple[int, Event]) -> tuple[ChannelState, list[Output]]:
    """The state after all events, and what the last of them brought about."""
    outputs: list[Output] = []
    for now_ns, event in events:
        state, outputs = decide(state, event, now_ns)
    return state, outputs


def actions(outputs: list[Output]) -> list[Output]:
    return [output for output in outputs if not isinstance(output, Decision)]


def resize(session: str, from_bps: int, to_bps: int) -> Resize:
    return Resize(session=session, direction=DOWNSTREAM, from_bps=from_bps, to_bps=to_bps)


def test_a_channel_opens_at_the_rate_of_its_first_scene() -> None:
    state, outputs = play(pon(), (5, request(demand=demand(downstream_bps=1125 * M))))
    reason = (
        "downstream scene 4k: a frame within 1 ms needs 1.125 Gbit/s; "
        "upstream scene 4k: a command within 1 ms needs 800 kbit/s, the committed rate is 10 Mbit/s"
    )
    assert outputs == [
        Decision(
            kind="channel.admit",
            fields={
                "session": "game",
                "rates": {"downstream": 100 * M, "upstream": 10 * M},
                "reason": "downstream 100 Mbit/s and upstream 10 Mbit/s committed, which fits",
            },
        ),
        Decision(
            kind="channel.active",
            fields={
                "session": "game",
                "rates": {"downstream": 1125 * M, "upstream": 10 * M},
                "reason": reason,
            },
        ),
        Open(session="game", direction=DOWNSTREAM, rate_bps=1125 * M, queue_bytes=500_000),
        Open(session="game", direction=UPSTREAM, rate_bps=10 * M, queue_bytes=20_000),
    ]
    assert state.wake_at_ns is None


def test_without_a_demand_a_channel_opens_at_its_committed_rate() -> None:
    _, outputs = play(pon(), (0, request()))
    assert actions(outputs)[0] == Open(
        session="game", direction=DOWNSTREAM, rate_bps=100 * M, queue_bytes=500_000
    )


def test_growth_is_immediate_and_says_why() -> None:
    _, outputs = play(pon(), (0, request()), (7, demand(downstream_bps=1125 * M)))
    assert outputs == [
        Decision(
            kind="channel.resize",
            fields={
                "session": "game",
                "direction": "downstream",
                "from_bps": 100 * M,
                "to_bps": 1125 * M,
                "reason": "scene 4k: a frame within 1 ms needs 1.125 Gbit/s",
            },
        ),
        resize("game", 100 * M, 1125 * M),
    ]


def test_shrinking_waits_until_the_demand_has_been_lower_for_the_hold_time() -> None:
    state, outputs = play(
        pon(),
        (0, request(demand=demand(downstream_bps=1000 * M))),
        (10, demand(downstream_bps=300 * M, scene="hall")),
    )
    assert outputs == []
    assert state.wake_at_ns == 10 + HOLD_NS
    state, outputs = play(state, (10 + HOLD_NS - 1, Tick()))
    assert outputs == []
    state, outputs = play(state, (10 + HOLD_NS, Tick()))
    assert actions(outputs) == [resize("game", 1000 * M, 300 * M)]
    assert isinstance(outputs[0], Decision)
    assert outputs[0].fields["reason"] == (
        "demand lower for 500 ms; scene hall: a frame within 1 ms needs 300 Mbit/s"
    )
    assert state.wake_at_ns is None


def test_a_dip_shorter_than_the_hold_time_costs_nothing() -> None:
    state = play(pon(), (0, request(demand=demand(downstream_bps=1000 * M))))[0]
    for cycle in range(10):
        at_ns = cycle * 600 * MS
        state, outputs = decide(state, demand(downstream_bps=200 * M), at_ns)
        assert outputs == []
        state, outputs = decide(state, demand(downstream_bps=1000 * M), at_ns + 400 * MS)
        assert outputs == []
        assert state.wake_at_ns is None


def test_falling_in_steps_shrinks_in_steps_each_held() -> None:
    state = play(
        pon(),
        (0, request(demand=demand(downstream_bps=1000 * M))),
        (10 * MS, demand(downstream_bps=600 * M)),
        (200 * MS, demand(downstream_bps=300 * M)),
    )[0]
    assert state.wake_at_ns == 510 * MS
    state, outputs = play(state, (510 * MS, Tick()))
    assert actions(outputs) == [resize("game", 1000 * M, 600 * M)]
    assert state.wake_at_ns == 700 * MS
    state, outputs = play(state, (700 * MS, Tick()))
    assert actions(outputs) == [resize("game", 600 * M, 300 * M)]


def test_the_static_policy_never_resizes() -> None:
    state, outputs = play(
        pon(),
        (0, request(policy=ResizePolicy.STATIC)),
        (1, demand(downstream_bps=1000 * M)),
        (10**12, Tick()),
    )
    assert outputs == []
    assert state.wake_at_ns is None


def test_a_committed_rate_that_does_not_fit_is_refused_with_the_rate_that_would() -> None:
    state, outputs = play(pon(committed_bps=500 * M), (0, request(committed_bps=1800 * M)))
    assert outputs == [
        Decision(
            kind="channel.refuse",
            fields={
                "session": "game",
                "reason": "downstream 1.8 Gbit/s does not fit pon: of 2 Gbit/s, 500 Mbit/s is committed; "
                "1.5 Gbit/s would fit",
                "fits": {"downstream": 1500 * M, "upstream": 1000 * M},
            },
        )
    ]
    assert state.channels == ()
    _, outputs = play(state, (1, request(committed_bps=1500 * M)))
    assert isinstance(actions(outputs)[0], Open)


def test_upstream_counts_as_much_as_downstream() -> None:
    _, outputs = play(pon(upstream_bps=9 * M), (0, request()))
    assert isinstance(outputs[0], Decision)
    assert outputs[0].kind == "channel.refuse"
    assert str(outputs[0].fields["reason"]).startswith("upstream 10 Mbit/s does not fit pon")


def test_a_refused_session_is_not_answered_again_until_it_asks_again() -> None:
    refused = play(
        pon(), (0, request(committed_bps=1800 * M)), (1, request("other", committed_bps=1800 * M))
    )[0]
    state, outputs = play(
        refused, (2, demand("other", downstream_bps=1 * M)), (3, Release(session="other", reason="end"))
    )
    assert outputs == []
    assert state.refused == frozenset()


def test_a_shrink_that_is_due_happens_with_whatever_event_comes_first() -> None:
    _, outputs = play(
        pon(),
        (0, request(demand=demand(downstream_bps=1000 * M))),
        (1, demand(downstream_bps=300 * M)),
        (1 + HOLD_NS, request("too-much", committed_bps=1950 * M)),
    )
    assert isinstance(outputs[0], Decision)
    assert outputs[0].kind == "channel.refuse"
    assert actions(outputs) == [resize("game", 1000 * M, 300 * M)]


def test_growth_gets_at_most_what_is_left_and_says_so() -> None:
    _, outputs = play(
        pon(),
        (0, request("first", committed_bps=1500 * M)),
        (1, request()),
        (2, demand(downstream_bps=800 * M)),
    )
    assert actions(outputs) == [resize("game", 100 * M, 500 * M)]
    assert isinstance(outputs[0], Decision)
    assert str(outputs[0].fields["reason"]).endswith(
        "needs 800 Mbit/s, of which pon has only 500 Mbit/s left"
    )


def test_growth_that_gets_nothing_is_a_warning() -> None:
    _, outputs = play(
        pon(),
        (0, request("first", committed_bps=1900 * M)),
        (1, request()),
        (2, demand(downstream_bps=800 * M)),
    )
    assert [output.kind for output in outputs if isinstance(output, Decision)] == ["warning"]
    assert actions(outputs) == []


def test_what_is_released_goes_to_those_who_still_need_more() -> None:
    _, outputs = play(
        pon(),
        (0, request("first", committed_bps=1500 * M)),
        (1, request(demand=demand(downstream_bps=800 * M))),
        (2, Release(session="first", reason="session ended")),
    )
    assert outputs[:2] == [
        Decision(kind="channel.release", fields={"session": "first", "reason": "session ended"}),
        Close(session="first"),
    ]
    assert actions(outputs)[1:] == [resize("game", 500 * M, 800 * M)]


def test_a_newcomers_committed_rate_makes_others_give_way_before_it_opens() -> None:
    _, outputs = play(
        pon(),
        (0, request("first", demand=demand("first", downstream_bps=900 * M))),
        (1, request("second", demand=demand("second", downstream_bps=1100 * M))),
        (2, request("third", committed_bps=400 * M)),
    )
    # 1400 Mbit/s are left above what is committed: 700 for each of the two.
    assert actions(outputs) == [
        resize("first", 900 * M, 800 * M),
        resize("second", 1100 * M, 800 * M),
        Open(session="third", direction=DOWNSTREAM, rate_bps=400 * M, queue_bytes=500_000),
        Open(session="third", direction=UPSTREAM, rate_bps=10 * M, queue_bytes=20_000),
    ]
    assert isinstance(outputs[0], Decision)
    assert outputs[0].fields["reason"] == "gives way on pon to the committed rate of third"


def test_a_link_known_in_one_direction_only_does_not_bound_the_other() -> None:
    state = ChannelState(links=(Link(name="pon", direction=UPSTREAM, capacity_bps=10 * M),))
    _, outputs = play(state, (0, request(demand=demand(downstream_bps=2000 * M))))
    assert actions(outputs)[0] == Open(
        session="game", direction=DOWNSTREAM, rate_bps=2000 * M, queue_bytes=500_000
    )


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([(0, request()), (1, request())], "has one; release it first"),
        ([(0, demand(downstream_bps=1))], "session game has no channel"),
        ([(0, Release(session="game", reason="end"))], "session game has no channel"),
        ([(5, Tick()), (4, Tick())], "after the controller has seen 5 ns"),
    ],
)
def test_a_confused_caller_is_told_so(events: list[tuple[int, Event]], says: str) -> None:
    with pytest.raises(InvariantError, match=says):
        play(pon(), *events)


def test_a_path_over_an_unknown_link_is_told_so() -> None:
    with pytest.raises(InvariantError, match="no link is called pon"):
        play(ChannelState(links=()), (0, request()))


def test_links_must_be_told_apart_and_not_be_oversold_from_the_start() -> None:
    link = Link(name="pon", direction=UPSTREAM, capacity_bps=1)
    with pytest.raises(ValueError, match="same name and direction"):
        ChannelState(links=(link, link))
    with pytest.raises(ValueError, match="oversold before any channel"):
        Link(name="pon", direction=UPSTREAM, capacity_bps=1, committed_bps=2)
