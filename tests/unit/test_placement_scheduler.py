"""The node scheduler: which node a job gets, why, and what is said of the others."""

import pytest

from testbed.model.scenario import Placement
from testbed.placement import (
    BadJobError,
    Completed,
    Delays,
    DuplicateJobError,
    JobRequest,
    Node,
    Phase,
    Placed,
    PlacementState,
    Refused,
    Status,
    UnknownJobError,
    complete,
    place,
)

MS = 1_000_000
NEAR_AND_FAR = Delays(
    {
        ("home1", "near"): 2 * MS,
        ("home1", "middle"): 4 * MS,
        ("home1", "far"): 20 * MS,
        ("near", "middle"): 3 * MS,
        ("near", "far"): 19 * MS,
        ("middle", "far"): 16 * MS,
    }
)


def nodes(**capacities: int) -> tuple[Node, ...]:
    return tuple(Node(name=name, capacity=capacity) for name, capacity in capacities.items())


def render(name: str = "render1", weight: int = 1, *, backup: bool = True) -> JobRequest:
    return JobRequest(name=name, weight=weight, partners={"home1": 1.0}, backup=backup)


def test_the_score_is_sixty_of_load_and_forty_of_delay() -> None:
    state = PlacementState(nodes=nodes(near=4, far=10))
    state, placed = place(state, render(weight=1), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    # near: load 100 * (1 - 1/4) = 75, delay 100 * (1 - 2/20) = 90; far: load 90, delay 100 * (1 - 20/20) = 0.
    assert placed.fields == {
        "job": "render1",
        "node": "near",
        "backup": "far",
        "reason": "near scores 81.0 (load 75.0 x 60, delay 90.0 x 40: 2.000 ms away), "
        "ahead of far with 54.0 (load 90.0 x 60, delay 0.0 x 40: 20.000 ms away); "
        "backup far, 19.000 ms from it",
        "scores": {"near": 81.0, "far": 54.0},
    }
    assert (placed.kind, state.tasks["render1"].phase) == ("job.place", Phase.RUNNING)


def test_without_weight_on_the_delay_the_emptier_node_wins_however_far() -> None:
    policy = Placement(load_weight=60, delay_weight=0)
    _, placed = place(PlacementState(nodes=nodes(near=4, far=10), policy=policy), render(), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert placed.node == "far"
    assert "delay not counted" in placed.reason


def test_load_is_scored_as_it_will_be_with_the_job_placed() -> None:
    # Both are empty now; with the job on it, the small one would be full.
    _, placed = place(PlacementState(nodes=nodes(near=2, middle=8)), render(weight=2), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert (placed.scores["near"].load, placed.scores["middle"].load) == (0.0, 75.0)
    assert placed.node == "middle"


def test_only_the_jobs_own_partners_count_each_by_its_traffic() -> None:
    delays = Delays(
        {
            ("home1", "a"): 0,
            ("home1", "b"): 10,
            ("home2", "a"): 10,
            ("home2", "b"): 0,
            ("home3", "a"): 10,
            ("a", "b"): 1,
        }
    )
    job = JobRequest(name="j", weight=1, partners={"home1": 1.0, "home2": 3.0, "home3": 0.0})
    _, placed = place(PlacementState(nodes=nodes(a=10, b=10)), job, delays)
    assert isinstance(placed, Placed)
    assert (placed.scores["a"].delay, placed.scores["b"].delay) == (25.0, 75.0)
    assert placed.node == "b"


def test_the_delay_scale_does_not_depend_on_which_nodes_have_room() -> None:
    everyone = place(PlacementState(nodes=nodes(near=4, middle=4, far=4)), render(), NEAR_AND_FAR)[1]
    without_far = place(PlacementState(nodes=nodes(near=4, middle=4, far=0)), render(), NEAR_AND_FAR)[1]
    assert isinstance(everyone, Placed)
    assert isinstance(without_far, Placed)
    assert everyone.scores["near"] == without_far.scores["near"]


def test_a_failed_node_is_neither_chosen_nor_a_backup() -> None:
    dead = Node(name="near", capacity=100, healthy=False)
    _, placed = place(PlacementState(nodes=(dead, *nodes(middle=4, far=4))), render(), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert (placed.node, placed.backup) == ("middle", "far")
    assert placed.rejected == {"near": "failed"}


def test_a_backup_is_the_nearest_to_the_primary_with_room() -> None:
    _, placed = place(PlacementState(nodes=nodes(near=9, middle=4, far=9)), render(weight=4), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert (placed.node, placed.backup) == ("near", "middle")
    _, placed = place(PlacementState(nodes=nodes(near=9, middle=3, far=9)), render(weight=4), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert (placed.node, placed.backup) == ("near", "far")


def test_equally_near_backups_draw_lots_too() -> None:
    spare = tuple(Node(name=f"n{i}", capacity=1) for i in range(8))
    all_near = Delays({("n8", node.name): MS for node in spare})
    job = JobRequest(name="j", weight=1)

    def backup(seed: int) -> str | None:
        state = PlacementState(nodes=(*spare, Node(name="n8", capacity=99)), seed=seed)
        placed = place(state, job, all_near)[1]
        assert isinstance(placed, Placed)
        assert placed.node == "n8"
        return placed.backup

    assert backup(7) == backup(7)
    assert len({backup(seed) for seed in range(40)}) > 4


def test_a_backup_stands_in_another_failure_domain() -> None:
    rack = tuple(Node(name=name, capacity=9, failure_domain="rack1") for name in ("near", "middle"))
    state = PlacementState(nodes=(*rack, Node(name="far", capacity=9, failure_domain="rack2")))
    _, placed = place(state, render(), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert (placed.node, placed.backup) == ("near", "far")


def test_a_reserved_backup_takes_room_from_others() -> None:
    state = PlacementState(nodes=nodes(near=4, middle=4))
    state, _ = place(state, render("first", weight=3), NEAR_AND_FAR)
    state, refused = place(state, render("second", weight=2), NEAR_AND_FAR)
    assert refused == Refused(
        job="second",
        reason="no node can take it: near: needs 2, 1 of 4 free; middle: needs 2, 1 of 4 free",
        rejected={"near": "needs 2, 1 of 4 free", "middle": "needs 2, 1 of 4 free"},
    )
    assert state.tasks["second"].phase is Phase.REFUSED


def test_a_job_runs_without_a_backup_where_none_is_possible_and_says_so() -> None:
    state, placed = place(PlacementState(nodes=nodes(near=4, far=1)), render(weight=2), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert placed.backup is None
    assert placed.reason.endswith(
        "the only node that can; no backup: no other healthy node with room for 2 at a known delay"
    )
    assert state.status().reserved_weight == 0


def test_a_job_that_wants_no_backup_reserves_none() -> None:
    state, placed = place(PlacementState(nodes=nodes(near=4, far=4)), render(backup=False), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert placed.reason.endswith("; no backup wanted")
    assert (placed.backup, state.status().reserved_weight) == (None, 0)


def test_a_node_at_an_unknown_delay_is_rejected_unless_delay_does_not_count() -> None:
    delays = Delays({("home1", "near"): 1})
    state = PlacementState(nodes=nodes(near=4, island=4))
    _, placed = place(state, render(), delays)
    assert isinstance(placed, Placed)
    assert placed.rejected == {"island": "delay to home1 is unknown"}
    indifferent = PlacementState(nodes=state.nodes, policy=Placement(delay_weight=0))
    _, placed = place(indifferent, render(), delays)
    assert isinstance(placed, Placed)
    assert placed.rejected == {}


def test_completing_a_job_frees_its_node_and_its_backup() -> None:
    state = PlacementState(nodes=nodes(near=2, middle=2))
    state, _ = place(state, render("first", weight=2), NEAR_AND_FAR)
    state, refused = place(state, render("second", weight=2), NEAR_AND_FAR)
    assert isinstance(refused, Refused)
    state, completed = complete(state, "first")
    assert completed == Completed(job="first")
    state, placed = place(state, render("second", weight=2), NEAR_AND_FAR)
    assert isinstance(placed, Placed)
    assert state.status() == Status(
        nodes=2,
        healthy_nodes=2,
        capacity=4,
        running_weight=2,
        reserved_weight=2,
        refused_jobs=0,
        running_jobs=1,
        completed_jobs=1,
    )


def test_completing_a_job_twice_changes_nothing() -> None:
    state, _ = place(PlacementState(nodes=nodes(near=2)), render(), NEAR_AND_FAR)
    once, _ = complete(state, "render1")
    assert complete(once, "render1")[0] == once


def test_only_a_job_that_ran_can_be_completed() -> None:
    state, _ = place(PlacementState(nodes=nodes(near=1)), render(weight=2), NEAR_AND_FAR)
    with pytest.raises(UnknownJobError, match="was refused and never ran"):
        complete(state, "render1")
    with pytest.raises(UnknownJobError, match="was never placed"):
        complete(state, "render9")


def test_a_name_in_use_or_used_up_is_rejected() -> None:
    state, _ = place(PlacementState(nodes=nodes(near=9)), render(), NEAR_AND_FAR)
    with pytest.raises(DuplicateJobError, match="job render1 is running on near"):
        place(state, render(), NEAR_AND_FAR)
    done, _ = complete(state, "render1")
    with pytest.raises(DuplicateJobError, match="job render1 is completed on near"):
        place(done, render(), NEAR_AND_FAR)


@pytest.mark.parametrize("weight", [0, -1, 1.5, True, "2"])
def test_a_weight_that_is_no_whole_number_from_one_up_is_rejected(weight: object) -> None:
    with pytest.raises(BadJobError, match="it must be a whole number from 1 up"):
        JobRequest(name="j", weight=weight)  # type: ignore[arg-type]


@pytest.mark.parametrize("traffic", [-1.0, float("nan"), float("inf"), 0.0])
def test_traffic_that_weighs_nothing_is_rejected(traffic: float) -> None:
    with pytest.raises(BadJobError, match="traffic"):
        JobRequest(name="j", weight=1, partners={"home1": traffic})


@pytest.mark.parametrize(
    ("between", "says"),
    [
        ({("a", "b"): -1}, "at least 0 ns"),
        ({("a", "a"): 1}, "to itself"),
        ({("a", "b"): 1, ("b", "a"): 2}, "takes 1 ns and back 2 ns"),
    ],
)
def test_delays_that_cannot_be_are_rejected(between: dict[tuple[str, str], int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Delays(between)


def test_a_delay_holds_both_ways_and_an_unknown_one_is_not_zero() -> None:
    delays = Delays({("a", "b"): 7})
    assert (delays.get("a", "b"), delays.get("b", "a"), delays.get("a", "a"), delays.get("a", "c")) == (
        7,
        7,
        0,
        None,
    )


def test_nodes_of_one_name_are_rejected() -> None:
    with pytest.raises(ValueError, match="more than one node is called near"):
        PlacementState(nodes=(*nodes(near=1), *nodes(near=2)))


def test_a_long_refusal_names_some_nodes_and_counts_the_rest() -> None:
    state = PlacementState(nodes=tuple(Node(name=f"n{i}", capacity=0) for i in range(384)))
    _, refused = place(state, render(), NEAR_AND_FAR)
    assert isinstance(refused, Refused)
    assert refused.reason.endswith("n7: needs 1, 0 of 0 free; and 376 more")
    assert len(refused.rejected) == 384


def test_equal_nodes_draw_lots_and_the_seed_decides() -> None:
    equal = PlacementState(nodes=tuple(Node(name=f"n{i}", capacity=4) for i in range(8)))
    job = JobRequest(name="j", weight=1, backup=False)

    def chosen(seed: int) -> str:
        placed = place(PlacementState(nodes=equal.nodes, seed=seed), job, Delays({}))[1]
        assert isinstance(placed, Placed)
        assert "the seed decides" in placed.reason
        return placed.node

    assert chosen(7) == chosen(7)
    assert len({chosen(seed) for seed in range(40)}) > 4
