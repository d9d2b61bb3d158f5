"""Agents, their monitor and a client on a network in memory: orders, leases, and answers that are fenced."""

from collections import Counter
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from failover_world import MS, SILENCE_NS, WAY_NS, World, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.host import ports
from testbed.workload import node_agent
from testbed.workload.lease import Lease
from testbed.workload.terms import Way


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_an_order_given_before_the_first_heartbeat_is_carried_out(world: World) -> None:
    world.serve("a", 1)
    world.loop.pass_until(20 * MS)
    assert world.kinds("serves", "served") == [("serves", "a"), ("served", "j")]


def test_an_order_that_is_lost_is_given_again(world: World) -> None:
    world.loop.pass_until(20 * MS)
    world.network.cut = {"a"}
    world.serve("a", 1)
    world.loop.pass_until(24 * MS)
    world.network.cut = set()
    world.loop.pass_until(40 * MS)
    assert world.kinds("serves") == [("serves", "a")]


def test_a_node_cut_off_drops_its_jobs_before_it_is_given_up(world: World) -> None:
    world.serve("a", 1)
    world.loop.pass_until(50 * MS)
    world.network.cut = {"a"}
    world.loop.pass_until(200 * MS)
    dropped, silent = (each for each in world.told if each["kind"] in ("dropped", "silent"))
    assert (dropped["kind"], silent["kind"]) == ("dropped", "silent")
    # The heartbeat sent at 50 ms arrived, and its answer did not: the lease is from the one before.
    assert dropped["at_ns"] == 40 * MS + WAY_NS + SILENCE_NS
    assert silent["at_ns"] == 50 * MS + WAY_NS + SILENCE_NS


def test_a_node_mended_in_time_goes_on(world: World) -> None:
    """The control: a short break costs nothing."""
    world.serve("a", 1)
    world.loop.pass_until(53 * MS)
    world.network.cut = {"a"}
    world.loop.pass_until(65 * MS)
    world.network.cut = set()
    world.loop.pass_until(300 * MS)
    assert world.kinds("dropped", "silent", "back") == []


def test_a_node_that_comes_back_is_empty_and_takes_new_orders(world: World) -> None:
    world.serve("a", 1)
    world.loop.pass_until(50 * MS)
    world.network.cut = {"a"}
    world.loop.pass_until(200 * MS)
    world.serve("b", 2)
    world.network.cut = set()
    world.loop.pass_until(250 * MS)
    assert world.kinds("back") == [("back", "a")]
    served = [(each["job"], each["epoch"]) for each in world.told if each["kind"] == "served"]
    assert served == [("j", 1), ("j", 2)]
    world.serve("a", 3)
    world.loop.pass_until(300 * MS)
    assert [each["epoch"] for each in world.told if each["kind"] == "serves"] == [1, 2, 3]


def test_an_order_to_a_life_that_is_over_is_void(world: World) -> None:
    """Given to a node that is cut off and then given up: it is not carried out when the node is back."""
    world.loop.pass_until(50 * MS)
    world.network.cut = {"a"}
    world.serve("a", 1)
    world.loop.pass_until(200 * MS)
    world.network.cut = set()
    world.loop.pass_until(400 * MS)
    assert world.kinds("silent", "back", "serves") == [("silent", "a"), ("back", "a")]


def test_a_node_that_dies_and_is_there_again_at_once_has_failed_all_the_same(world: World) -> None:
    world.serve("a", 1)
    world.loop.pass_until(50 * MS)
    world.agents["a"].close()
    world.agents["a"] = world.agent("a", boot=2)
    world.agents["a"].start()
    world.loop.pass_until(80 * MS)
    assert world.kinds("silent", "back") == [("silent", "a"), ("back", "a")]


def test_requests_to_a_node_without_the_epoch_are_not_answered(world: World) -> None:
    """A client that was told wrongly gets no answer, so that none is served twice over."""
    world.serve("a", 1)
    world.loop.pass_until(50 * MS)
    served = len(world.kinds("served"))
    world.monitor.inform(("client", ports.REQUESTS.first), {"job": "j", "epoch": 2, "ip": "a"})
    world.loop.pass_until(100 * MS)
    assert len(world.kinds("served")) == served == 1


def test_an_order_decided_before_a_failure_was_heard_of_is_void(world: World) -> None:
    world.loop.pass_until(50 * MS)
    world.agents["a"].close()
    world.agents["a"] = world.agent("a", boot=2)
    world.agents["a"].start()
    world.loop.pass_until(80 * MS)
    world.serve("a", 1, failures=0)
    world.loop.pass_until(120 * MS)
    assert world.kinds("serves") == []
    world.serve("a", 1, failures=1)
    world.loop.pass_until(150 * MS)
    assert world.kinds("serves") == [("serves", "a")]


def for_good(lease: Lease, _boot: int, _number: int) -> None:
    """A lease that does not end."""
    lease.until_ns = 10**18


def played(
    cuts: list[tuple[int, set[str]]],
    logs: Path,
    *,
    leases: bool = True,
    ways: dict[str, Way] | None = None,
) -> list[list[str]]:
    """Who serves at every half millisecond, while nodes are cut off and mended and a scheduler moves the job.

    The control is a node without a lease: it goes on until somebody tells it to stop.
    """
    found = []
    with pytest.MonkeyPatch.context() as patch:
        world = World(logs, patch, ways)
        if not leases:
            patch.setattr(node_agent.Lease, "answered", for_good)
        epoch, holder, heeded, failures = 1, "a", 0, Counter[str]()
        world.serve(holder, epoch)
        last_ns = sum(after_ns for after_ns, _ in cuts) + 100 * MS
        changes = dict(
            zip(accumulate(after_ns for after_ns, _ in cuts), (cut for _, cut in cuts), strict=True)
        )
        for at_ns in sorted({*range(0, last_ns, MS // 2), *changes}):
            world.network.cut = changes.get(at_ns, world.network.cut)
            world.loop.pass_until(at_ns)
            for news in world.told[heeded:]:
                if news["kind"] == "silent":
                    failures[news["node"]] += 1
                if news["kind"] == "silent" and news["node"] == holder:
                    epoch, holder = epoch + 1, "b" if holder == "a" else "a"
                    world.serve(holder, epoch, failures[holder], news["at_ns"] + news["fence_ns"])
                elif news["kind"] == "back" and news["node"] == holder:
                    epoch += 1
                    world.serve(holder, epoch, failures[holder])
            heeded = len(world.told)
            found.append(serving(world))
        world.client.close()
    return found


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 120 * MS), st.sets(st.sampled_from("ab"))), max_size=8),
    st.dictionaries(st.sampled_from("ab"), st.builds(Way, st.integers(0, 90 * MS))),
)
def test_no_job_is_ever_served_by_two_nodes(cuts: list[tuple[int, set[str]]], ways: dict[str, Way]) -> None:
    with TemporaryDirectory() as logs:
        assert max(map(len, played(cuts, Path(logs), ways=ways))) <= 1


def test_without_leases_it_would_be_served_by_two(tmp_path: Path) -> None:
    """The control: a node that is cut off and heeds no lease serves beside the one that took over."""
    cut_off = [(50 * MS, {"a"}), (200 * MS, set[str]())]
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    assert max(map(len, played(cut_off, tmp_path / "with"))) == 1
    assert max(map(len, played(cut_off, tmp_path / "without", leases=False))) == 2
