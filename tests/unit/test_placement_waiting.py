"""Jobs that wait, make others wait, or may not all be in one place; and what each policy prefers."""

import pytest

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement import (
    Evicted,
    JobPlacement,
    JobRequest,
    Node,
    PairDelays,
    Phase,
    Queued,
    Refused,
    Scheduler,
)


def scheduler(
    *nodes: Node, policy: str = "supernode", delays: dict[tuple[str, str], int] | None = None
) -> Scheduler:
    placement = Placement(policy=PlacementPolicy(policy), backup=False)
    return Scheduler(nodes, PairDelays(delays or {}), placement)


def job(name: str, weight: int = 1, **wanted: object) -> JobRequest:
    return JobRequest(name=name, weight=weight, **wanted)  # type: ignore[arg-type]


def test_queued_jobs_are_tried_again_by_priority_and_then_as_they_came() -> None:
    core = scheduler(Node(name="a", capacity=2))
    core.place(job("first", 2))
    for name, priority in (("low", 0), ("high", 5), ("late", 5)):
        assert isinstance(core.submit(job(name, priority=priority))[-1], Queued)
    assert core.retry() == []
    core.complete("first")
    assert [outcome.job for outcome in core.retry()] == ["high", "late"]
    assert [task.job.name for task in core.in_phase(Phase.QUEUED)] == ["low"]


def test_what_is_refused_and_not_queued_is_not_tried_again() -> None:
    """The control of the queue."""
    core = scheduler(Node(name="a", capacity=2))
    core.place(job("first", 2))
    assert isinstance(core.place(job("second"))[-1], Refused)
    core.complete("first")
    assert core.retry() == []


def test_a_job_that_waits_beyond_its_deadline_is_refused_for_good() -> None:
    core = scheduler(Node(name="a", capacity=1))
    core.place(job("first"))
    core.submit(job("second", deadline_ns=100))
    assert core.expire(100) == []
    [refused] = core.expire(101)
    assert isinstance(refused, Refused)
    assert "deadline" in refused.reason
    core.complete("first")
    assert core.retry() == []


def test_a_higher_priority_takes_the_place_that_costs_least() -> None:
    core = scheduler(Node(name="a", capacity=4), Node(name="b", capacity=4))
    core.place(job("big", 4, priority=1))
    core.place(job("small", 4, priority=0))
    evicted, placed = core.place(job("urgent", 2, priority=9, preempts=True))
    assert isinstance(evicted, Evicted)
    assert isinstance(placed, JobPlacement)
    assert (evicted.job, placed.node) == ("small", evicted.failed)
    assert core.tasks["small"].phase is Phase.EVICTED


@pytest.mark.parametrize("wanted", [{"preempts": False, "priority": 9}, {"preempts": True, "priority": 0}])
def test_without_the_right_or_the_priority_nobody_is_evicted(wanted: dict[str, object]) -> None:
    core = scheduler(Node(name="a", capacity=4))
    core.place(job("first", 4))
    assert [type(each) for each in core.place(job("second", 2, **wanted))] == [Refused]
    assert core.tasks["first"].phase is Phase.RUNNING


def test_nobody_is_evicted_for_a_job_that_would_not_fit_all_the_same() -> None:
    core = scheduler(Node(name="a", capacity=4))
    core.place(job("first", 4))
    urgent = job("urgent", 2, priority=9, preempts=True, resources={"gpu": 1})
    assert [type(each) for each in core.place(urgent)] == [Refused]
    assert core.tasks["first"].phase is Phase.RUNNING


def test_a_group_is_spread_over_failure_domains_its_backups_too() -> None:
    nodes = [Node(name=f"n{each}", capacity=9, domain=f"d{each // 2}") for each in range(6)]
    delays = {(a.name, b.name): 10 for a in nodes for b in nodes if a.name < b.name}
    core = Scheduler(nodes, PairDelays(delays), Placement())
    for number in range(3):
        core.place(job(f"j{number}", group="ring", spread=1, backup=number == 0))
    domains = [core.tasks[f"j{number}"].node for number in range(3)]
    assert domains[2] is None, "two domains are taken by the first and its backup, one by the second"
    assert len({core.fleet.domain[core.fleet.index[node]] for node in domains[:2] if node}) == 2


def test_resources_beside_the_weight_are_counted_and_given_back() -> None:
    core = scheduler(Node(name="a", capacity=9, resources={"gpu": 1}), Node(name="b", capacity=9))
    [placed] = core.place(job("first", resources={"gpu": 1}))
    assert isinstance(placed, JobPlacement)
    assert placed.node == "a"
    [refused] = core.place(job("second", resources={"gpu": 1}))
    assert isinstance(refused, Refused)
    assert refused.rejected == {"a": "needs 1 of gpu, 0 of 1 free", "b": "needs 1 of gpu, 0 of 0 free"}
    core.complete("first")
    assert isinstance(core.place(job("second", resources={"gpu": 1}))[-1], JobPlacement)


NEAR_AND_FAR = {("near", "home"): 10, ("far", "home"): 1_000, ("near", "far"): 990}


@pytest.mark.parametrize(
    ("policy", "node"),
    [("nearest", "near"), ("affinity", "near"), ("least_loaded", "far"), ("best_fit", "near")],
)
def test_each_policy_has_its_own_preference(policy: str, node: str) -> None:
    """Near is small and half full, far is large and empty; each policy is the others' control."""
    core = scheduler(
        Node(name="near", capacity=4), Node(name="far", capacity=10), policy=policy, delays=NEAR_AND_FAR
    )
    core._holdings.run(core._holdings.task_of(job("before", 2)), 0)
    assert core.would_choose(job("next", partners={"home": 1.0})) == node


def test_affinity_looks_at_all_partners_by_traffic_and_nearest_at_the_greatest() -> None:
    delays = {
        ("a", "x"): 0, ("a", "y"): 100, ("a", "z"): 100, ("b", "x"): 90, ("b", "y"): 10, ("b", "z"): 10,
        ("a", "b"): 50,
    }  # fmt: skip
    asked = job("next", partners={"x": 4.0, "y": 3.0, "z": 3.0})
    nodes = Node(name="a", capacity=9), Node(name="b", capacity=9)
    assert scheduler(*nodes, policy="nearest", delays=delays).would_choose(asked) == "a"
    assert scheduler(*nodes, policy="affinity", delays=delays).would_choose(asked) == "b"


def test_round_robin_goes_round_and_random_draws_differ_by_the_job_alone() -> None:
    nodes = [Node(name=f"n{each}", capacity=99) for each in range(5)]
    core = scheduler(*nodes, policy="round_robin")
    for number in range(7):
        core.place(job(f"j{number}"))
    assert [core.tasks[f"j{number}"].node for number in range(7)] == [f"n{number % 5}" for number in range(7)]
    drawn = [scheduler(*nodes, policy="random").would_choose(job(f"j{number}")) for number in range(40)]
    assert drawn == [
        scheduler(*nodes, policy="random").would_choose(job(f"j{number}")) for number in range(40)
    ]
    assert len(set(drawn)) == 5


def test_the_optimum_places_what_one_after_the_other_could_not() -> None:
    """Greedy puts the small job where only the large one fits; all at once both find a node."""
    nodes = Node(name="large", capacity=4), Node(name="small", capacity=2)
    asked = [job("little", 2), job("big", 4)]
    greedy, best = scheduler(*nodes, policy="least_loaded"), scheduler(*nodes, policy="optimal")
    assert [type(each) for each in greedy.place_all(asked)] == [JobPlacement, Refused]
    assert [type(each) for each in best.place_all(asked)] == [JobPlacement, JobPlacement]
