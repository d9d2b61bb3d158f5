"""Jobs of one instant are decided together with those that wait; preemption evicts no more than it must."""

from itertools import permutations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement import (
    JobPlacement,
    JobRequest,
    Node,
    Outcome,
    PairDelays,
    Phase,
    Queued,
    Refused,
    Scheduler,
    Wanted,
)
from testbed.placement.scoring import mean_delay_ns, micro_score
from testbed.placement.supernode import SuperNodeTaskScheduler

MS = 1_000_000
REPEATABLE = settings(max_examples=60, deadline=None, derandomize=True)


def scheduler(capacities: dict[str, int], policy: str = "optimal") -> Scheduler:
    placement = Placement(policy=PlacementPolicy(policy), backup=False)
    return Scheduler((Node(name=n, capacity=c) for n, c in capacities.items()), PairDelays({}), placement)


def job(name: str, weight: int, **wanted: object) -> JobRequest:
    return JobRequest(name=name, weight=weight, **wanted)  # type: ignore[arg-type]


def ask(core: Scheduler, *jobs: JobRequest, waits: bool = True) -> list[Outcome]:
    return core.settle([Wanted((each,), waits) for each in jobs])


def nodes_of(core: Scheduler) -> dict[str, str | None]:
    return {name: task.node for name, task in core.tasks.items()}


def test_the_jobs_of_one_instant_are_solved_together() -> None:
    """30 and 50 fit on nodes of 31 and 53 in one way only; one after the other does not find it."""
    sizes = {"node1": 53, "node2": 31}
    together, one_by_one = scheduler(sizes), scheduler(sizes, "supernode")
    for core in (together, one_by_one):
        ask(core, job("x", 30), job("y", 50))
    assert nodes_of(together) == {"x": "node2", "y": "node1"}
    assert nodes_of(one_by_one) == {"x": "node1", "y": None}


def test_jobs_that_wait_are_solved_with_those_that_come() -> None:
    core = scheduler({"node1": 53, "node2": 31})
    ask(core, job("before", 53), job("also", 31))
    ask(core, job("x", 30))
    core.complete("before")
    core.complete("also")
    ask(core, job("y", 50))
    assert {name: core.tasks[name].node for name in "xy"} == {"x": "node2", "y": "node1"}


def test_what_waits_is_solved_together_when_room_comes() -> None:
    core = scheduler({"node1": 53, "node2": 31})
    ask(core, job("before", 53), job("also", 31))
    ask(core, job("x", 30), job("y", 50))
    core.complete("before")
    core.complete("also")
    assert [type(each) for each in core.retry()] == [JobPlacement, JobPlacement]


def test_the_tasks_of_the_article_are_solved_together_too() -> None:
    nodes = [Node(name="node1", capacity=53), Node(name="node2", capacity=31)]
    front = SuperNodeTaskScheduler(nodes, PairDelays({}), Placement(policy=PlacementPolicy.OPTIMAL))
    front.add_task("x", 30, backup=False)
    front.add_task("y", 50, backup=False)
    assert [type(each) for each in front.assign_task()] == [JobPlacement, JobPlacement]


def test_a_higher_priority_comes_before_any_number_of_lower_ones() -> None:
    core = scheduler({"node": 10})
    ask(core, job("small", 5), job("little", 5), job("urgent", 6, priority=1))
    assert nodes_of(core) == {"small": None, "little": None, "urgent": "node"}


def test_without_the_priority_as_many_as_can_be_are_placed() -> None:
    """The control of the priority."""
    core = scheduler({"node": 10})
    ask(core, job("small", 5), job("little", 5), job("large", 6))
    assert nodes_of(core) == {"small": "node", "little": "node", "large": None}


def test_by_other_policies_the_highest_priority_goes_first_and_then_who_waits() -> None:
    core = scheduler({"node": 4}, "best_fit")
    ask(core, job("first", 4))
    ask(core, job("waits", 2))
    core.complete("first")
    found = ask(core, job("comes", 2), job("urgent", 2, priority=1))
    assert [each.job for each in found if isinstance(each, JobPlacement)] == ["urgent", "waits"]
    assert [each.job for each in found if isinstance(each, Queued)] == ["comes"]


def test_a_job_that_waits_and_may_preempt_does_so_as_soon_as_that_makes_room() -> None:
    core = scheduler({"node": 10}, "best_fit")
    ask(core, job("high", 6, priority=9), job("urgent", 10, priority=9, preempts=True))
    ask(core, job("low", 4))
    core.complete("high")
    found = core.retry()
    assert [(each.kind, each.job) for each in found] == [("job.evict", "low"), ("job.place", "urgent")]


@REPEATABLE
@given(st.sampled_from(["optimal", "supernode"]), st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_jobs_that_belong_together_all_get_nodes_or_none_does(policy: str, weights: list[int]) -> None:
    core = scheduler({"a": 4, "b": 3}, policy)
    group = Wanted(tuple(job(f"rank{number}", weight) for number, weight in enumerate(weights)))
    core.settle([group, Wanted((job("other", 2),))])
    placed = {each.node is not None for name, each in core.tasks.items() if name != "other"}
    assert len(placed) == 1
    used = sum(each.job.weight for each in core.in_phase(Phase.RUNNING))
    assert sum(core.fleet.used) == used


def test_a_group_without_room_leaves_no_trace_and_its_room_to_others() -> None:
    core = scheduler({"a": 3}, "round_robin")
    ranks = Wanted((job("rank1", 2), job("rank2", 2)))
    found = core.settle([ranks, Wanted((job("other", 3),))])
    assert [(each.kind, each.job) for each in found] == [
        ("job.refuse", "rank1"),
        ("job.refuse", "rank2"),
        ("job.place", "other"),
    ]
    assert "rank2, which belongs to it, has none: no node can take it" in found[0].fields["reason"]  # type: ignore[operator]
    assert core.tasks["rank1"].epoch == 0


stations = ("n0", "n1", "n2", "home")
pairs = [(a, b) for number, a in enumerate(stations) for b in stations[number + 1 :]]
names = ("j0", "j1", "j2")
asked = st.tuples(
    *(
        st.builds(
            JobRequest,
            name=st.just(name),
            weight=st.integers(1, 6),
            partners=st.dictionaries(
                st.sampled_from([*stations, *(other for other in names if other != name)]),
                st.floats(0.5, 4),
                max_size=2,
            ),
            priority=st.integers(0, 1),
        )
        for name in names
    )
)


@REPEATABLE
@given(
    st.lists(st.integers(0, 9), min_size=3, max_size=3),
    st.lists(st.integers(0, 20), min_size=len(pairs), max_size=len(pairs)),
    asked,
)
def test_no_assignment_is_better_than_the_one_that_is_found(
    capacities: list[int], delays_ms: list[int], jobs: tuple[JobRequest, ...]
) -> None:
    """Against all assignments there are, by the scores that the scheduler itself gives."""
    delays = PairDelays({pair: ms * MS for pair, ms in zip(pairs, delays_ms, strict=True)})
    nodes = [Node(name=f"n{number}", capacity=size) for number, size in enumerate(capacities)]
    core = Scheduler(nodes, delays, Placement(policy=PlacementPolicy.OPTIMAL, backup=False))
    ask(core, *jobs)
    found = tuple(core.tasks[each.name].node for each in jobs)
    best = max(
        value
        for where in product([None, "n0", "n1", "n2"], repeat=len(jobs))
        if (value := worth(where, jobs, nodes, delays)) is not None
    )
    own = worth(found, jobs, nodes, delays)
    assert own is not None
    assert own[0] == best[0]
    all_placed = None not in found
    if all_placed:
        assert own[1] >= best[1] - 1e-3


def worth(
    where: tuple[str | None, ...], jobs: tuple[JobRequest, ...], nodes: list[Node], delays: PairDelays
) -> tuple[tuple[int, int], float] | None:
    """How many jobs of each priority an assignment places, and their weighted scores; None: impossible."""
    used = {node.name: 0 for node in nodes}
    for each, node in zip(jobs, where, strict=True):
        if node is not None:
            used[node] += each.weight
    if any(used[node.name] > node.capacity for node in nodes):
        return None
    at = {each.name: node for each, node in zip(jobs, where, strict=True)}
    capacity = {node.name: node.capacity for node in nodes}
    placed, score = [0, 0], 0.0
    for each, node in zip(jobs, where, strict=True):
        if node is None:
            continue
        placed[each.priority] += 1
        partners = [(at.get(name, name), share) for name, share in each.partners.items()]
        known = [(station, share) for station, share in partners if station is not None]
        far_ns = mean_delay_ns(known, node, delays)
        total = micro_score(used[node], capacity[node], far_ns, delays.longest_ns, Placement())
        score += each.weight * total / 1e6
    return (placed[1], placed[0]), score


lower = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans()), min_size=1, max_size=9)


@REPEATABLE
@given(lower, st.integers(1, 10), st.integers(1, 3), st.sampled_from([None, 1, 2]))
def test_no_evicted_job_could_have_stayed(
    there: list[tuple[int, int, bool]], weight: int, priority: int, spread: int | None
) -> None:
    """And no other choice of victims, on any node, spares more of the highest priorities."""
    nodes = [Node(name=f"n{number}", capacity=10, resources={"gpu": 2}) for number in range(2)]
    core = Scheduler(nodes, PairDelays({}), Placement(policy=PlacementPolicy.BEST_FIT, backup=False))
    for number, (size, own, has_gpu) in enumerate(there):
        resources = {"gpu": 1} if has_gpu else {}
        core.place(job(f"j{number}", size, priority=own, resources=resources, group="ring"))
    before = {name: task.node for name, task in core.tasks.items() if task.node is not None}
    new = job(
        "new", weight, priority=priority, preempts=True, resources={"gpu": 1}, group="ring", spread=spread
    )
    fits_somewhere = any(core.fleet.obstacle(number, new) is None for number in range(2))
    possible = [victims for node in ("n0", "n1") for victims in choices(core, new, node)]
    outcomes = core.place(new)
    evicted = {each.job for each in outcomes if each.kind == "job.evict"}
    if fits_somewhere or not possible:
        assert evicted == set()
        return
    placed = outcomes[-1]
    assert isinstance(placed, JobPlacement)
    assert {before[name] for name in evicted} == {placed.node}
    assert frozenset(evicted) in possible, "the new job fits without them"
    assert cost(core, evicted) == min(cost(core, victims) for victims in possible)
    assert not any(victims < evicted for victims in possible), "one of them could have stayed"


def choices(core: Scheduler, new: JobRequest, node: str) -> list[frozenset[str]]:
    """All sets of less important jobs on a node without which a job fits there."""
    number = core.fleet.index[node]
    there = [
        task.job for task in core.tasks.values() if task.node == node and task.job.priority < new.priority
    ]
    return [
        frozenset(each.name for each in going)
        for keep in product([False, True], repeat=len(there))
        if core.fleet.fits_without(
            number, new, going := [each for each, stays in zip(there, keep, strict=True) if not stays]
        )
    ]


def cost(core: Scheduler, victims: set[str] | frozenset[str]) -> tuple[int, ...]:
    return tuple(sorted((core.tasks[name].job.priority for name in victims), reverse=True))


def evicted_by(capacity: int, there: list[tuple[str, int, int]], weight: int, priority: int) -> list[str]:
    core = Scheduler([Node(name="node", capacity=capacity)], PairDelays({}), Placement(backup=False))
    for name, size, own in there:
        core.place(job(name, size, priority=own))
    found = core.place(job("new", weight, priority=priority, preempts=True))
    return [each.job for each in found if each.kind == "job.evict"]


def test_who_need_not_go_is_given_back() -> None:
    assert evicted_by(8, [("p1", 2, 1), ("p2", 4, 2), ("p3", 2, 3)], 4, 4) == ["p2"]
    assert evicted_by(10, [("a", 4, 0), ("b", 3, 1), ("c", 3, 2)], 3, 9) == ["a"]


def test_of_equal_priority_the_fewest_go_and_then_the_lightest() -> None:
    assert evicted_by(10, [("p", 6, 1), ("q", 2, 1), ("r", 2, 1)], 4, 2) == ["p"]
    for order in permutations([("light", 2, 1), ("heavy", 6, 1)]):
        assert evicted_by(8, [*order], 2, 2) == ["light"]


def test_a_node_with_one_victim_is_preferred_to_one_with_many() -> None:
    core = scheduler({"n1": 10, "n2": 10}, "best_fit")
    for number in range(5):
        core.place(job(f"small{number}", 2, priority=1))
    core.place(job("big", 10, priority=1))
    found = core.place(job("new", 10, priority=9, preempts=True))
    assert [each.job for each in found if each.kind == "job.evict"] == ["big"]


def test_an_equal_priority_is_never_evicted() -> None:
    assert evicted_by(10, [("a", 10, 5)], 10, 5) == []
    assert evicted_by(10, [("a", 10, 5)], 10, 6) == ["a"]


def test_the_solver_is_not_asked_about_a_single_job() -> None:
    core = scheduler({"node": 4})
    [placed] = ask(core, job("only", 2))
    assert isinstance(placed, JobPlacement)
    assert "solver" not in placed.reason
    [refused] = ask(core, job("large", 3), waits=False)
    assert isinstance(refused, Refused)
