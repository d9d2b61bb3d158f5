"""What holds for the node scheduler under any sequence of jobs."""

from collections import Counter
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.model.scenario import Placement
from testbed.placement import (
    Delays,
    JobRequest,
    Node,
    Phase,
    Placed,
    PlacementState,
    Refused,
    complete,
    place,
)

REPEATABLE = settings(max_examples=100, deadline=None, derandomize=True)

NODES = tuple(f"n{i}" for i in range(5))
HOMES = ("h1", "h2")
Step = JobRequest | str
"""A job to place, or the name of one to complete."""


@st.composite
def networks(draw: st.DrawFn) -> tuple[PlacementState, Delays]:
    nodes = tuple(
        Node(
            name=name,
            capacity=draw(st.integers(0, 12)),
            healthy=draw(st.booleans()) or draw(st.booleans()),
            failure_domain=draw(st.sampled_from([None, "rack1", "rack2"])),
        )
        for name in NODES
    )
    stations = (*HOMES, *NODES)
    between = {
        (a, b): draw(st.integers(0, 30_000_000)) for i, a in enumerate(stations) for b in stations[i + 1 :]
    }
    weights = draw(st.sampled_from([(60, 40), (60, 0), (0, 40), (1, 99.5)]))
    policy = Placement(load_weight=weights[0], delay_weight=weights[1])
    return PlacementState(nodes=nodes, policy=policy, seed=draw(st.integers(0, 3))), Delays(between)


PARTNERS = st.dictionaries(st.sampled_from((*HOMES, *NODES)), st.floats(0.1, 10), max_size=3)


@cache  # making a strategy anew for every draw would take most of these tests' time
@st.composite
def jobs(draw: st.DrawFn, name: str) -> JobRequest:
    return JobRequest(
        name=name, weight=draw(st.integers(1, 8)), partners=draw(PARTNERS), backup=draw(st.booleans())
    )


@st.composite
def workloads(draw: st.DrawFn) -> list[Step]:
    """Jobs come under new names; any earlier one may be completed, placed or not."""
    steps: list[Step] = []
    for number in range(draw(st.integers(0, 12))):
        steps.append(draw(jobs(f"j{number}")))
        if draw(st.booleans()):
            steps.append(f"j{draw(st.integers(0, number))}")
    return steps


def after(state: PlacementState, delays: Delays, steps: list[Step]) -> list[tuple[PlacementState, object]]:
    """Every state on the way, with the outcome that led to it."""
    history: list[tuple[PlacementState, object]] = []
    for step in steps:
        outcome: object
        if isinstance(step, JobRequest):
            state, outcome = place(state, step, delays)
        elif state.tasks[step].phase is not Phase.REFUSED:
            state, outcome = complete(state, step)
        else:
            continue
        history.append((state, outcome))
    return history


@REPEATABLE
@given(networks(), workloads())
def test_no_node_carries_more_than_it_can_and_all_weight_is_accounted_for(
    network: tuple[PlacementState, Delays], steps: list[Step]
) -> None:
    for state, _ in after(*network, steps):
        occupancy = state.occupancy()
        for node in state.nodes:
            assert 0 <= occupancy[node.name].total <= node.capacity
        running = state.in_phase(Phase.RUNNING)
        status = state.status()
        assert status.running_weight == sum(task.job.weight for task in running)
        assert status.reserved_weight == sum(task.job.weight for task in running if task.backup)


@REPEATABLE
@given(networks(), workloads())
def test_a_running_job_and_its_backup_are_apart_and_on_healthy_nodes(
    network: tuple[PlacementState, Delays], steps: list[Step]
) -> None:
    nodes = {node.name: node for node in network[0].nodes}
    for state, _ in after(*network, steps):
        for task in state.in_phase(Phase.RUNNING):
            assert task.node is not None
            assert nodes[task.node].healthy
            if task.backup is not None:
                assert task.job.backup
                assert nodes[task.backup].healthy
                assert not nodes[task.node].may_fail_with(nodes[task.backup])


@REPEATABLE
@given(networks(), workloads())
def test_every_job_that_was_ever_asked_for_is_in_exactly_one_phase(
    network: tuple[PlacementState, Delays], steps: list[Step]
) -> None:
    asked = 0
    for state, outcome in after(*network, steps):
        asked += isinstance(outcome, Placed | Refused)
        phases = Counter(task.phase for task in state.tasks.values())
        status = state.status()
        assert phases.total() == asked == status.refused_jobs + status.running_jobs + status.completed_jobs


@REPEATABLE
@given(networks(), workloads())
def test_the_chosen_node_has_the_highest_score_and_every_node_has_its_say(
    network: tuple[PlacementState, Delays], steps: list[Step]
) -> None:
    for _, outcome in after(*network, steps):
        if isinstance(outcome, Placed):
            assert outcome.scores[outcome.node].total == max(each.total for each in outcome.scores.values())
            assert {*outcome.scores, *outcome.rejected} == set(NODES)
            assert not outcome.scores.keys() & outcome.rejected.keys()
            for each in outcome.scores.values():
                assert all(0 <= part <= 100 for part in (each.total, each.load, each.delay))
        if isinstance(outcome, Refused):
            assert outcome.rejected.keys() == set(NODES)
            assert all(outcome.rejected.values())


@REPEATABLE
@given(networks(), workloads(), st.permutations(range(len(NODES))))
def test_placements_depend_on_the_seed_and_not_on_the_order_of_the_nodes(
    network: tuple[PlacementState, Delays], steps: list[Step], order: list[int]
) -> None:
    state, delays = network
    shuffled = PlacementState(
        nodes=tuple(state.nodes[index] for index in order), policy=state.policy, seed=state.seed
    )

    def placements(start: PlacementState) -> list[tuple[str, str, str | None]]:
        outcomes = [outcome for _, outcome in after(start, delays, steps)]
        return [(each.job, each.node, each.backup) for each in outcomes if isinstance(each, Placed)]

    assert placements(state) == placements(state) == placements(shuffled)


@REPEATABLE
@given(networks(), workloads())
def test_when_all_jobs_are_completed_all_capacity_is_free(
    network: tuple[PlacementState, Delays], steps: list[Step]
) -> None:
    state = ([network[0]] + [state for state, _ in after(*network, steps)])[-1]
    for task in state.in_phase(Phase.RUNNING):
        state, _ = complete(state, task.job.name)
    assert all(each.total == 0 for each in state.occupancy().values())
