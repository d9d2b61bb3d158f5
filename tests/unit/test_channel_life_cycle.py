"""How a channel comes and goes: provisioning, lifetime, extension, delay budget, and its share."""

import pytest
from channel_play import MS, G, M, S, demand, fields, network, play, request, told

from testbed.channel import (
    ChannelState,
    ClassCounters,
    CounterReadings,
    Decision,
    Event,
    Extend,
    Link,
    Release,
    Resize,
    Tick,
)
from testbed.errors import InvariantError
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.channel import ResizePolicy
from testbed.pon import PonStandard, capacity_bps

# Provisioning


def test_a_channel_opens_when_it_is_provisioned_and_not_before() -> None:
    state, outputs = play(network(provisioning_ns=180 * S), (5, request("a")))
    assert told(outputs) == ["channel.admit a"]
    assert state.wake_at_ns == 5 + 180 * S
    state, outputs = play(state, (5 + 180 * S - 1, Tick()))
    assert outputs == []
    state, outputs = play(state, (5 + 180 * S, Tick()))
    assert told(outputs) == ["channel.active a", "open a downstream 100", "open a upstream 10"]
    assert state.wake_at_ns is None


def test_without_provisioning_it_opens_with_its_admission() -> None:
    _, outputs = play(network(), (5, request("a")))
    assert told(outputs) == [
        "channel.admit a",
        "channel.active a",
        "open a downstream 100",
        "open a upstream 10",
    ]
    assert fields(outputs, "channel.admit")["rates"] == {"downstream": 100 * M, "upstream": 10 * M}


def test_admission_says_when_it_opens() -> None:
    _, outputs = play(network(provisioning_ns=180 * S), (5, request("a")))
    assert fields(outputs, "channel.admit")["reason"] == (
        "downstream 100 Mbit/s and upstream 10 Mbit/s committed, which fits; opens in 3 min"
    )


def test_what_is_admitted_holds_its_committed_rate_before_it_opens() -> None:
    _, outputs = play(network(provisioning_ns=S), (0, request("a", 600 * M)), (1, request("b", 500 * M)))
    assert told(outputs) == ["channel.refuse b"]
    assert fields(outputs, "channel.refuse")["fits"] == {"downstream": 400 * M, "upstream": 990 * M}


def test_others_give_way_at_the_admission_and_not_only_at_the_opening() -> None:
    state, _ = play(network(provisioning_ns=S), (0, request("a")), (S, Tick()), (S, demand("a", 900 * M)))
    _, outputs = play(state, (S, request("b", 300 * M)))
    assert told(outputs) == ["channel.resize a", "resize a 900 700", "channel.admit b"]
    assert fields(outputs, "channel.resize")["reason"] == "gives way on pon to the committed rate of b"


def test_a_demand_before_the_opening_resizes_nothing_and_sets_the_opening_rate() -> None:
    state, outputs = play(network(provisioning_ns=S), (0, request("a")), (1, demand("a", 800 * M)))
    assert outputs == []
    _, outputs = play(state, (S, Tick()))
    assert told(outputs)[1] == "open a downstream 800"


def test_a_need_that_was_lower_for_the_hold_time_before_the_opening_does_not_count_at_it() -> None:
    _, outputs = play(
        network(provisioning_ns=S),
        (0, request("a")),
        (1, demand("a", 800 * M)),
        (2, demand("a", 0)),
        (S, Tick()),
    )
    assert told(outputs)[1] == "open a downstream 100"


def test_a_channel_given_back_before_it_opens_leaves_no_class_to_remove() -> None:
    state, outputs = play(
        network(provisioning_ns=S), (0, request("a")), (1, Release(session="a", reason="end"))
    )
    assert told(outputs) == ["channel.release a"]
    assert state.wake_at_ns is None
    assert play(state, (S, Tick()))[1] == []


def test_released_at_the_instant_of_its_opening_it_never_opens() -> None:
    _, outputs = play(network(provisioning_ns=S), (0, request("a")), (S, Release(session="a", reason="end")))
    assert told(outputs) == ["channel.release a"]


def test_classes_that_do_not_exist_yet_cannot_have_been_read() -> None:
    seen = ClassCounters(interval_ns=1, sent_bytes=0, backlog_bytes=0)
    with pytest.raises(InvariantError, match="has none before it opens"):
        play(network(provisioning_ns=S), (0, request("a")), (1, CounterReadings(counted={"a": (seen, seen)})))


# Lifetime


def test_a_lifetime_counts_from_the_opening_and_ends_the_channel() -> None:
    state, _ = play(network(provisioning_ns=S), (0, request("a", lifetime_ns=2 * S)), (S, Tick()))
    assert state.wake_at_ns == 3 * S
    assert play(state, (3 * S - 1, Tick()))[1] == []
    state, outputs = play(state, (3 * S, Tick()))
    assert told(outputs) == ["channel.expire a", "close a"]
    assert fields(outputs, "channel.expire")["reason"] == "its lifetime of 2 s is over"
    assert not state.has("a")
    assert state.promised_bps[("pon", DOWNSTREAM)] == 0


def test_without_a_lifetime_a_channel_stays() -> None:
    state, outputs = play(network(), (0, request("a")), (10**18, Tick()))
    assert outputs == []
    assert state.has("a")


def test_an_extension_moves_the_end() -> None:
    state, outputs = play(
        network(), (0, request("a", lifetime_ns=2 * S)), (S, Extend(session="a", lifetime_ns=5 * S))
    )
    assert outputs == []
    assert state.wake_at_ns == 5 * S
    assert told(play(state, (5 * S, Tick()))[1]) == ["channel.expire a", "close a"]


def test_an_extension_before_the_opening_counts_from_the_opening_too() -> None:
    state, _ = play(
        network(provisioning_ns=S),
        (0, request("a")),
        (1, Extend(session="a", lifetime_ns=5 * S)),
        (S, Tick()),
    )
    assert state.wake_at_ns == 6 * S


def test_shortened_to_what_has_passed_already_it_ends_at_once() -> None:
    _, outputs = play(
        network(), (0, request("a", lifetime_ns=9 * S)), (5 * S, Extend(session="a", lifetime_ns=4 * S))
    )
    assert told(outputs) == ["channel.expire a", "close a"]


def test_what_expires_makes_room_for_a_request_at_the_same_instant() -> None:
    _, outputs = play(network(), (0, request("a", 900 * M, lifetime_ns=S)), (S, request("b", 900 * M)))
    assert told(outputs)[:4] == ["channel.expire a", "close a", "channel.admit b", "channel.active b"]


def test_a_session_whose_channel_has_expired_may_not_know_it_and_may_ask_again() -> None:
    state, _ = play(network(), (0, request("a", lifetime_ns=S)), (S, Tick()))
    seen = ClassCounters(interval_ns=1, sent_bytes=0, backlog_bytes=0)
    late: list[Event] = [
        demand("a", 900 * M),
        Extend(session="a", lifetime_ns=9 * S),
        CounterReadings(counted={"a": (seen, seen)}),
    ]
    for event in late:
        assert play(state, (2 * S, event))[1] == []
    again, outputs = play(state, (2 * S, request("a")))
    assert told(outputs)[0] == "channel.admit a"
    assert again.refused == frozenset()
    released, outputs = play(state, (2 * S, Release(session="a", reason="end")))
    assert outputs == []
    with pytest.raises(InvariantError, match="session a has no channel"):
        play(released, (2 * S, Release(session="a", reason="end")))


# The delay budget, and every link in both directions


def test_a_path_that_is_too_long_is_refused_with_both_figures() -> None:
    _, outputs = play(network(), (0, request("a", delay_budget_ns=2 * MS, delay_ns=3 * MS)))
    assert fields(outputs, "channel.refuse") == {
        "session": "a",
        "reason": "the path alone takes 3 ms, more than the delay budget of 2 ms",
        "fits": {"downstream": 1 * G, "upstream": 1 * G},
    }


@pytest.mark.parametrize("budget_ns", [None, 3 * MS])
def test_a_path_within_the_budget_or_without_one_is_admitted(budget_ns: int | None) -> None:
    _, outputs = play(network(), (0, request("a", delay_budget_ns=budget_ns, delay_ns=3 * MS)))
    assert told(outputs)[0] == "channel.admit a"


def test_every_link_of_the_path_counts_in_both_directions() -> None:
    links = (
        Link(name="pon", direction=DOWNSTREAM, capacity_bps=10 * G),
        Link(name="metro", direction=DOWNSTREAM, capacity_bps=800 * M),
        Link(name="node1", direction=UPSTREAM, capacity_bps=5 * M),
        Link(name="node2", direction=UPSTREAM, capacity_bps=1 * M),
    )
    asked = request("a", 900 * M, links=("pon", "metro", "node1"))
    _, outputs = play(ChannelState(links=links), (0, asked))
    assert fields(outputs, "channel.refuse") == {
        "session": "a",
        "reason": "downstream 900 Mbit/s does not fit metro: of 800 Mbit/s, 0 bit/s is committed; "
        "800 Mbit/s would fit; upstream 10 Mbit/s does not fit node1: of 5 Mbit/s, 0 bit/s is committed; "
        "5 Mbit/s would fit",
        "fits": {"downstream": 800 * M, "upstream": 5 * M},
    }


def test_a_25g_channel_fits_50g_pon_once_and_leaves_room_for_no_second() -> None:
    down_bps = capacity_bps(PonStandard.PON_50G, DOWNSTREAM, 4)
    up_bps = capacity_bps(PonStandard.PON_50G, UPSTREAM, 4)
    state, outputs = play(network(down_bps, up_bps), (0, request("a", 25 * G)))
    assert told(outputs)[0] == "channel.admit a"
    _, outputs = play(state, (1, request("b", 25 * G)))
    assert told(outputs) == ["channel.refuse b"]
    fits_bps = fields(outputs, "channel.refuse")["fits"]["downstream"]
    assert fits_bps == down_bps - 25 * G
    assert told(play(state, (1, request("b", fits_bps)))[1])[0] == "channel.admit b"
    assert told(play(state, (1, request("b", fits_bps + 1)))[1]) == ["channel.refuse b"]


# Sharing, as the controller does it


def test_weights_share_what_is_not_committed_among_channels() -> None:
    state, _ = play(
        network(),
        (0, request("a", 100 * M, weight=3)),
        (0, request("b", 100 * M, weight=1)),
        (0, demand("a", 2 * G)),
        (0, demand("b", 2 * G)),
    )
    rates = [channel.towards(DOWNSTREAM).rate_bps for channel in state.channels]
    assert rates == [100 * M + 600 * M, 100 * M + 200 * M]


def test_a_growing_channel_takes_its_share_from_one_that_has_more() -> None:
    _, outputs = play(
        network(), (0, request("a")), (0, request("b")), (0, demand("a", 900 * M)), (1, demand("b", 2 * G))
    )
    assert told(outputs) == ["channel.resize a", "resize a 900 500", "channel.resize b", "resize b 100 500"]
    reasons = [each.fields["reason"] for each in outputs if isinstance(each, Decision)]
    assert reasons == [
        "gives way on pon to b",
        "scene s: a mean load of 2 Gbit/s, of which pon has only 500 Mbit/s left",
    ]


def test_directions_are_separate() -> None:
    _, outputs = play(network(), (0, request("a")), (1, demand("a", 900 * M)))
    assert [each.direction for each in outputs if isinstance(each, Resize)] == [DOWNSTREAM]


@pytest.mark.parametrize("policy", [ResizePolicy.MEASURED, ResizePolicy.PREDICTIVE, ResizePolicy.STATIC])
def test_a_policy_that_does_not_listen_to_scenes_is_not_moved_by_one(policy: ResizePolicy) -> None:
    _, outputs = play(network(), (0, request("a", policy=policy)), (1, demand("a", 900 * M)))
    assert outputs == []


@pytest.mark.parametrize("policy", [ResizePolicy.SIGNALLED, ResizePolicy.STATIC])
def test_a_policy_that_does_not_go_by_counters_is_not_moved_by_them(policy: ResizePolicy) -> None:
    seen = ClassCounters(interval_ns=5 * MS, sent_bytes=10**6, backlog_bytes=10**6)
    event = CounterReadings(counted={"a": (seen, seen)})
    assert play(network(), (0, request("a", policy=policy)), (5 * MS, event))[1] == []
    moved = play(network(), (0, request("a", policy=ResizePolicy.MEASURED)), (5 * MS, event))[1]
    assert told(moved)[1].startswith("resize a 100")
