"""Pre-emption by priority: who goes, who is spared, and how it is told."""

from typing import Any

from channel_play import MS, G, M, S, fields, network, play, request, told

from testbed.channel import ChannelState, Decision, Output, Release, RequestChannel


def crowd(*channels: tuple[str, int, int], links: tuple[str, ...] = ("pon",), **keys: Any) -> ChannelState:
    """A network with channels of these names, committed rates in Mbit/s and priorities."""
    state = network(names=("pon", "node1", "node2"), **keys)
    for name, committed, priority in channels:
        state, _ = play(state, (0, request(name, committed * M, priority=priority, links=links)))
    return state


def urgent(committed: int, priority: int = 1, **keys: Any) -> RequestChannel:
    return request("vip", committed * M, priority=priority, preempts=True, **keys)


def evicted(outputs: list[Output]) -> list[str]:
    return [
        str(each.fields["session"])
        for each in outputs
        if isinstance(each, Decision) and each.kind == "channel.preempt"
    ]


def test_a_preemption_is_a_decision_and_comes_before_the_newcomer() -> None:
    state, outputs = play(crowd(("a", 900, 50)), (1, urgent(500)))
    assert told(outputs) == [
        "channel.preempt a",
        "close a",
        "channel.admit vip",
        "channel.active vip",
        "open vip downstream 500",
        "open vip upstream 10",
    ]
    assert fields(outputs, "channel.preempt") == {
        "session": "a",
        "by": "vip",
        "link": "pon",
        "reason": "priority 50 gives way to priority 1: "
        "downstream 500 Mbit/s committed to vip did not fit pon",
    }
    assert state.refused == {"a"}
    assert play(state, (2, Release(session="a", reason="end")))[1] == []


def test_without_asking_for_it_nobody_is_preempted() -> None:
    asked = request("vip", 500 * M, priority=1)
    assert told(play(crowd(("a", 900, 50)), (1, asked))[1]) == ["channel.refuse vip"]


def test_what_fits_preempts_nobody() -> None:
    assert evicted(play(crowd(("a", 400, 50)), (1, urgent(500)))[1]) == []


def test_only_a_strictly_lower_priority_is_preempted() -> None:
    state = crowd(("a", 900, 5))
    assert evicted(play(state, (1, urgent(500, priority=4)))[1]) == ["a"]
    assert told(play(state, (1, urgent(500, priority=5)))[1]) == ["channel.refuse vip"]
    assert told(play(state, (1, urgent(500, priority=6)))[1]) == ["channel.refuse vip"]


def test_the_lowest_priority_goes_first_and_then_the_last_admitted() -> None:
    state = crowd(("a", 200, 60), ("b", 200, 50), ("c", 200, 60), ("d", 200, 50))
    assert evicted(play(state, (1, urgent(400)))[1]) == ["c"]
    assert evicted(play(state, (1, urgent(600)))[1]) == ["c", "a"]
    assert evicted(play(state, (1, urgent(800)))[1]) == ["c", "a", "d"]


def test_whoever_turns_out_not_to_be_needed_is_spared() -> None:
    """300 are missing: the low one gives 100, the next 400, after which the first need not go."""
    state = crowd(("big", 400, 50), ("small", 100, 60), ("other", 300, 1))
    assert evicted(play(state, (1, urgent(500)))[1]) == ["big"]


def test_only_who_is_on_a_link_that_lacks_room_is_preempted() -> None:
    state = network(names=("pon", "node1", "node2"), down_bps=1 * G)
    state, _ = play(
        state,
        (0, request("here", 600 * M, priority=50, links=("node1",))),
        (0, request("elsewhere", 600 * M, priority=90, links=("node2",))),
    )
    assert evicted(play(state, (1, urgent(500, links=("node1",))))[1]) == ["here"]


def test_if_all_together_are_not_enough_nobody_goes() -> None:
    state = crowd(("a", 300, 50), ("b", 500, 1))
    after, outputs = play(state, (1, urgent(600)))
    assert told(outputs) == ["channel.refuse vip"]
    assert after.has("a")
    refused = fields(outputs, "channel.refuse")
    assert refused["fits"] == {"downstream": 500 * M, "upstream": 990 * M}
    assert refused["reason"].endswith(
        "200 Mbit/s would fit; not even without all channels of a lower priority"
    )
    # What it was told would fit does fit.
    assert told(play(after, (2, urgent(500)))[1])[0] == "channel.preempt a"


def test_a_path_that_is_too_long_preempts_nobody() -> None:
    asked = urgent(500, delay_budget_ns=MS, delay_ns=2 * MS)
    assert told(play(crowd(("a", 900, 50)), (1, asked))[1]) == ["channel.refuse vip"]


def test_a_channel_that_is_not_open_is_preempted_without_a_class_to_remove() -> None:
    _, outputs = play(crowd(("a", 900, 50), provisioning_ns=S), (1, urgent(500)))
    assert told(outputs) == ["channel.preempt a", "channel.admit vip"]


def test_preemption_frees_the_scarce_direction() -> None:
    state = network(down_bps=10 * G, up_bps=100 * M)
    state, _ = play(state, (0, request("a", up_bps=80 * M)), (0, request("b", up_bps=10 * M)))
    _, outputs = play(state, (1, urgent(100, up_bps=50 * M)))
    assert evicted(outputs) == ["a"]
    assert "upstream 50 Mbit/s" in fields(outputs, "channel.preempt")["reason"]
