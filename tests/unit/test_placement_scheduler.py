"""The node scheduler: which node a job gets, why, and what is said of the others."""

import pytest

from testbed.model.placement import Placement
from testbed.placement import (
    BadJobError,
    Completed,
    DuplicateJobError,
    JobPlacement,
    JobRequest,
    Node,
    PairDelays,
    Phase,
    Refused,
    Scheduler,
    UnknownJobError,
)

MS = 1_000_000
NEAR_AND_FAR_NS = {
    ("home1", "near"): 2 * MS,
    ("home1", "middle"): 4 * MS,
    ("home1", "far"): 20 * MS,
    ("near", "middle"): 3 * MS,
    ("near", "far"): 19 * MS,
    ("middle", "far"): 16 * MS,
}


def scheduler(policy: Placement | None = None, **capacities: int) -> Scheduler:
    nodes = [Node(name=name, capacity=capacity) for name, capacity in capacities.items()]
    return Scheduler(nodes, PairDelays(NEAR_AND_FAR_NS), policy)


def render(name: str = "render1", weight: int = 1, *, backup: bool = True) -> JobRequest:
    return JobRequest(name=name, weight=weight, partners={"home1": 1.0}, backup=backup)


def placed(core: Scheduler, job: JobRequest) -> JobPlacement:
    (outcome,) = core.place(job)
    assert isinstance(outcome, JobPlacement)
    return outcome


def test_the_score_is_sixty_of_load_and_forty_of_delay() -> None:
    core = scheduler(near=4, far=10)
    outcome = placed(core, render(weight=1))
    # near: load 100 * (1 - 1/4) = 75, delay 100 * (1 - 2/20) = 90; far: load 90, delay 100 * (1 - 20/20) = 0.
    assert outcome.fields == {
        "job": "render1",
        "node": "near",
        "backup": "far",
        "reason": "near scores 81.0 (load 75.0 x 60, delay 90.0 x 40: 2.000 ms away), "
        "ahead of far with 54.0 (load 90.0 x 60, delay 0.0 x 40: 20.000 ms away); "
        "backup far, 19.000 ms from it",
        "scores": {"near": 81.0, "far": 54.0},
    }
    assert (outcome.kind, core.tasks["render1"].phase) == ("job.place", Phase.RUNNING)


def test_without_weight_on_the_delay_the_emptier_node_wins_however_far() -> None:
    outcome = placed(scheduler(Placement(load_weight=60, delay_weight=0), near=4, far=10), render())
    assert outcome.node == "far"
    assert "delay not counted" in outcome.reason


def test_load_is_scored_as_it_will_be_with_the_job_placed() -> None:
    # Both are empty now; with the job on it, the small one would be full: 40 * 0.9 is all that it gets.
    outcome = placed(scheduler(near=2, middle=8), render(weight=2))
    assert outcome.scores == {"near": 36.0, "middle": 60 * 0.75 + 40 * 0.8}
    assert outcome.node == "middle"


def test_only_the_jobs_own_partners_count_each_by_its_traffic() -> None:
    delays = PairDelays(
        {
            ("home1", "a"): 0,
            ("home1", "b"): 10,
            ("home2", "a"): 10,
            ("home2", "b"): 0,
            ("home3", "a"): 10,
            ("a", "b"): 1,
        }
    )
    core = Scheduler([Node(name=name, capacity=10) for name in "ab"], delays, Placement(load_weight=0))
    job = JobRequest(name="j", weight=1, partners={"home1": 1.0, "home2": 3.0, "home3": 0.0})
    outcome = placed(core, job)
    assert (outcome.node, outcome.scores) == ("b", {"a": 25.0, "b": 75.0})


def test_a_partner_that_is_a_job_counts_by_where_it_runs() -> None:
    core = scheduler(Placement(load_weight=0), near=4, middle=4, far=4)
    first = placed(core, JobRequest(name="first", weight=1, partners={"far": 1.0}, backup=False))
    second = placed(core, JobRequest(name="second", weight=1, partners={"first": 1.0}, backup=False))
    assert first.node == second.node == "far"
    core.complete("first")
    # Now nobody is there to be near to: what is over has no place.
    third = placed(core, JobRequest(name="third", weight=1, partners={"first": 1.0}, backup=False))
    assert set(third.scores.values()) == {100.0}


def test_a_partner_that_is_expected_is_left_out_and_any_other_stranger_is_unknown() -> None:
    nodes = [Node(name="near", capacity=4)]
    job = JobRequest(name="j", weight=1, partners={"later": 1.0})
    waiting = Scheduler(nodes, PairDelays({}), expected=["later"])
    assert placed(waiting, job).node == "near"
    (refused,) = Scheduler(nodes, PairDelays({})).place(job)
    assert isinstance(refused, Refused)
    assert refused.rejected == {"near": "delay to later is unknown"}


def test_the_delay_scale_does_not_depend_on_which_nodes_have_room() -> None:
    everyone = placed(scheduler(near=4, middle=4, far=4), render())
    without_far = placed(scheduler(near=4, middle=4, far=0), render())
    assert everyone.scores["near"] == without_far.scores["near"]


def test_a_measured_delay_replaces_the_known_one_and_the_scale_stays() -> None:
    core = scheduler(near=4, middle=4)
    before = placed(core, render("before", backup=False))
    core.delays.measured("near", "home1", 40 * MS)
    after = placed(core, render("after", backup=False))
    assert (before.node, after.node) == ("near", "middle")
    assert core.delays.longest_ns == 20 * MS
    # Farther than the end of the scale is as bad as the end: only the load counts, half of it used.
    assert after.scores["near"] == 30.0


def test_a_failed_node_is_neither_chosen_nor_a_backup() -> None:
    nodes = [
        Node(name="near", capacity=100, healthy=False),
        *(Node(name=name, capacity=4) for name in ("middle", "far")),
    ]
    outcome = placed(Scheduler(nodes, PairDelays(NEAR_AND_FAR_NS)), render())
    assert (outcome.node, outcome.backup) == ("middle", "far")
    assert outcome.rejected == {"near": "failed"}


def test_a_backup_is_the_nearest_to_the_primary_with_room() -> None:
    outcome = placed(scheduler(near=9, middle=4, far=9), render(weight=4))
    assert (outcome.node, outcome.backup) == ("near", "middle")
    outcome = placed(scheduler(near=9, middle=3, far=9), render(weight=4))
    assert (outcome.node, outcome.backup) == ("near", "far")


def test_equally_near_backups_draw_lots_too() -> None:
    spare = tuple(Node(name=f"n{i}", capacity=1) for i in range(8))
    all_near = PairDelays({("n8", node.name): MS for node in spare})

    def backup(seed: int) -> str | None:
        core = Scheduler((*spare, Node(name="n8", capacity=99)), all_near, seed=seed)
        outcome = placed(core, JobRequest(name="j", weight=1))
        assert outcome.node == "n8"
        return outcome.backup

    assert backup(7) == backup(7)
    assert len({backup(seed) for seed in range(40)}) > 4


def test_a_backup_stands_in_another_failure_domain() -> None:
    rack = [Node(name=name, capacity=9, domain="rack1") for name in ("near", "middle")]
    nodes = [*rack, Node(name="far", capacity=9, domain="rack2")]
    outcome = placed(Scheduler(nodes, PairDelays(NEAR_AND_FAR_NS)), render())
    assert (outcome.node, outcome.backup) == ("near", "far")


def test_a_reserved_backup_takes_room_from_others() -> None:
    core = scheduler(near=4, middle=4)
    placed(core, render("first", weight=3))
    (refused,) = core.place(render("second", weight=2))
    assert refused == Refused(
        job="second",
        reason="no node can take it: near: needs 2, 1 of 4 free; middle: needs 2, 1 of 4 free",
        rejected={"near": "needs 2, 1 of 4 free", "middle": "needs 2, 1 of 4 free"},
    )
    assert core.tasks["second"].phase is Phase.REFUSED


def test_a_job_runs_without_a_backup_where_none_is_possible_and_says_so() -> None:
    core = scheduler(near=4, far=1)
    outcome = placed(core, render(weight=2))
    assert outcome.backup is None
    assert outcome.reason.endswith(
        "the only node that can; no backup: no other healthy node with room for 2 at a known delay"
    )
    assert core.status().reserved_weight == 0


def test_a_job_that_wants_no_backup_reserves_none() -> None:
    core = scheduler(near=4, far=4)
    outcome = placed(core, render(backup=False))
    assert outcome.reason.endswith("; no backup wanted")
    assert (outcome.backup, core.status().reserved_weight) == (None, 0)


def test_a_node_at_an_unknown_delay_is_rejected_unless_delay_does_not_count() -> None:
    nodes = [Node(name=name, capacity=4) for name in ("near", "island")]
    delays = PairDelays({("home1", "near"): 1})
    assert placed(Scheduler(nodes, delays), render()).rejected == {"island": "delay to home1 is unknown"}
    assert placed(Scheduler(nodes, delays, Placement(delay_weight=0)), render()).rejected == {}


def test_completing_a_job_frees_its_node_and_its_backup() -> None:
    core = scheduler(near=2, middle=2)
    placed(core, render("first", weight=2))
    assert isinstance(core.place(render("second", weight=2))[-1], Refused)
    assert core.complete("first") == [Completed(job="first")]
    placed(core, render("second", weight=2))
    status = core.status()
    assert (status.nodes, status.healthy_nodes, status.capacity) == (2, 2, 4)
    assert (status.running_weight, status.reserved_weight) == (2, 2)
    assert {phase: count for phase, count in status.jobs.items() if count} == {
        Phase.RUNNING: 1,
        Phase.COMPLETED: 1,
    }


def test_completing_a_job_twice_changes_nothing() -> None:
    core = scheduler(near=2)
    placed(core, render())
    core.complete("render1")
    once = core.status()
    core.complete("render1")
    assert core.status() == once


def test_only_a_job_that_ran_can_be_completed() -> None:
    core = scheduler(near=1)
    core.place(render(weight=2))
    with pytest.raises(UnknownJobError, match="was refused and never ran"):
        core.complete("render1")
    with pytest.raises(UnknownJobError, match="was never placed"):
        core.complete("render9")


def test_a_name_in_use_or_used_up_is_rejected() -> None:
    core = scheduler(near=9)
    placed(core, render())
    with pytest.raises(DuplicateJobError, match="job render1 is running on near"):
        core.place(render())
    core.complete("render1")
    with pytest.raises(DuplicateJobError, match="job render1 is completed on near"):
        core.place(render())


def test_several_jobs_of_which_one_has_a_used_name_change_nothing() -> None:
    core = scheduler(near=9)
    placed(core, render("old"))
    for names in (["new", "old"], ["new", "new"]):
        with pytest.raises(DuplicateJobError):
            core.place_all([render(name) for name in names])
        assert core.tasks.keys() == {"old"}


@pytest.mark.parametrize("weight", [0, -1, 1.5, True, "2"])
def test_a_weight_that_is_no_whole_number_from_one_up_is_rejected(weight: object) -> None:
    with pytest.raises(BadJobError, match="it must be a whole number from 1 up"):
        JobRequest(name="j", weight=weight)  # type: ignore[arg-type]


@pytest.mark.parametrize("traffic", [-1.0, float("nan"), float("inf"), 0.0])
def test_traffic_that_weighs_nothing_is_rejected(traffic: float) -> None:
    with pytest.raises(BadJobError, match="traffic"):
        JobRequest(name="j", weight=1, partners={"home1": traffic})


def test_nodes_of_one_name_are_rejected() -> None:
    with pytest.raises(ValueError, match="more than one node is called near"):
        Scheduler([Node(name="near", capacity=each) for each in (1, 2)], PairDelays({}))


def test_a_long_refusal_names_some_nodes_and_counts_the_rest() -> None:
    core = Scheduler([Node(name=f"n{i}", capacity=0) for i in range(384)], PairDelays({}))
    (refused,) = core.place(JobRequest(name="j", weight=1))
    assert isinstance(refused, Refused)
    assert refused.reason.endswith("n7: needs 1, 0 of 0 free; and 376 more")
    assert len(refused.rejected) == 384


def test_equal_nodes_draw_lots_and_the_seed_decides() -> None:
    nodes = [Node(name=f"n{i}", capacity=4) for i in range(8)]

    def chosen(seed: int) -> str:
        outcome = placed(
            Scheduler(nodes, PairDelays({}), seed=seed), JobRequest(name="j", weight=1, backup=False)
        )
        assert "the seed decides" in outcome.reason
        return outcome.node

    assert chosen(7) == chosen(7)
    assert len({chosen(seed) for seed in range(40)}) > 4
