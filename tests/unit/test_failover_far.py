"""Nodes at any distance: healthy ones are never given up, dead ones at the instant that is told."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from failover_world import HEARTBEAT_NS, MISSED, MS, Address, World, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.workload.terms import Way, terms


@pytest.mark.parametrize(("fences", "most"), [(True, 1), (False, 2)])
def test_a_far_node_that_is_heard_no_more_has_stopped_when_another_one_serves(
    fences: bool, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears the last answer long after that heartbeat, and its lease outlives its giving up.

    Without the fence both would serve: the control.
    """
    world = World(tmp_path, monkeypatch, {"a": Way(80 * MS)})
    world.serve("a", 1)
    world.loop.pass_until(303 * MS)
    world.network.mute = {"a"}
    world.loop.pass_until(410 * MS)
    [silent] = [each for each in world.told if each["kind"] == "silent"]
    assert (silent["at_ns"], silent["fence_ns"]) == (410 * MS, 70 * MS)
    world.serve("b", 2, not_before_ns=480 * MS if fences else 0)
    found = []
    for at_ns in range(410 * MS, 600 * MS, MS // 2):
        world.loop.pass_until(at_ns)
        found.append(serving(world))
    assert max(map(len, found)) == most
    assert found[-1] == ["b"]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 300 * MS),
    st.integers(0, 100 * MS),
    st.sampled_from([5 * MS, 10 * MS, 50 * MS]),
    st.integers(2, 5),
    st.randoms(use_true_random=False),
)
def test_a_node_whose_heartbeats_arrive_never_fails_however_far_it_is(
    delay_ns: int, variation_ns: int, heartbeat_ns: int, missed: int, random: Random
) -> None:
    """Whatever the queues on its way add to each packet, up to all that they can."""
    with TemporaryDirectory() as logs, pytest.MonkeyPatch.context() as patch:
        far = Way(delay_ns, variation_ns)
        world = World(Path(logs), patch, {"a": far, "b": far}, heartbeat_ns, missed)
        world.network.longer_ns = lambda: random.choice((0, variation_ns, random.randint(0, variation_ns)))
        world.serve("a", 1)
        # An order that overtakes the answer which gives the node its lease is sent again, a round trip later.
        world.loop.pass_until(5 * (delay_ns + variation_ns) + 40 * heartbeat_ns)
        assert [each["kind"] for each in world.told if "node" in each] == ["serves"]
        world.client.close()


@pytest.mark.parametrize("way_ms", [0, 1, 4, 12, 16, 29, 30, 31, 75, 200])
def test_a_node_that_dies_is_given_up_after_the_missed_heartbeats(
    way_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted from the arrival of its last one, to the nanosecond, however far it is."""
    world = World(tmp_path, monkeypatch, {"a": Way(way_ms * MS)})
    dies_ns = 2 * way_ms * MS + 204 * MS
    world.loop.pass_until(dies_ns)
    world.agents["a"].close()
    world.loop.pass_until(dies_ns + 2 * way_ms * MS + 100 * MS)
    [silent] = [each for each in world.told if each["kind"] == "silent"]
    last_sent_ns = dies_ns // (10 * MS) * 10 * MS
    assert silent["at_ns"] == last_sent_ns + way_ms * MS + MISSED * HEARTBEAT_NS
    assert silent["silent_ns"] == MISSED * HEARTBEAT_NS
    world.client.close()


def test_where_queues_can_add_more_than_the_missed_heartbeats_the_silence_is_longer() -> None:
    assert terms(10 * MS, 3, Way(5 * MS, 10 * MS), Way()).silence_ns == 30 * MS
    assert terms(10 * MS, 3, Way(5 * MS, 54 * MS), Way()).silence_ns == 74 * MS


def test_an_order_to_a_far_node_is_not_given_again_before_it_can_be_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, monkeypatch, {"a": Way(60 * MS)})
    world.loop.pass_until(200 * MS)
    sent: list[bytes] = []
    deliver = world.network.deliver

    def count(payload: bytes, sender: Address, to: Address) -> None:
        if payload[:1] == b"O" and to[0] == "a":
            sent.append(payload)
        deliver(payload, sender, to)

    monkeypatch.setattr(world.network, "deliver", count)
    world.serve("a", 1)
    world.loop.pass_until(500 * MS)
    assert len(sent) == 1
