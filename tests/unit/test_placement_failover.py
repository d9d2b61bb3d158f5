"""What becomes of jobs when nodes fail and return, in any order, and who may serve afterwards."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from testbed.placement import (
    BackupChosen,
    Delays,
    Evicted,
    JobRequest,
    Node,
    Phase,
    PlacementState,
    Promoted,
    UnknownJobError,
    UnknownNodeError,
    cancel,
    complete,
    fail_node,
    may_serve,
    place,
    return_node,
)

NAMES = tuple(f"n{i}" for i in range(5))
MESH = Delays({(a, b): 1000 * (i + 1) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]})
JOBS = tuple(f"j{i}" for i in range(8))


def cluster(*capacities: int, domains: tuple[str | None, ...] = (None,) * 5) -> PlacementState:
    return PlacementState(
        nodes=tuple(
            Node(name=name, capacity=capacity, failure_domain=domain)
            for name, capacity, domain in zip(NAMES, capacities, domains, strict=False)
        )
    )


def running(*capacities: int, backup: bool = True) -> tuple[PlacementState, str, str | None]:
    """A state with job j0 of weight 2, its node and its backup."""
    state, _ = place(cluster(*capacities), JobRequest(name="j0", weight=2, backup=backup), MESH)
    task = state.tasks["j0"]
    assert task.node is not None
    return state, task.node, task.backup


def test_a_job_moves_to_its_backup_and_gets_a_new_one() -> None:
    state, node, backup = running(2, 2, 2)
    assert backup is not None
    third = ({"n0", "n1", "n2"} - {node, backup}).pop()
    state, outcomes = fail_node(state, node, MESH)
    assert outcomes[0] == Promoted(job="j0", failed=node, node=backup, epoch=2)
    assert isinstance(outcomes[1], BackupChosen)
    assert outcomes[1].backup == third == state.tasks["j0"].backup
    assert fail_node(state, node, MESH) == (state, [])


def test_without_a_backup_the_job_waits_and_can_be_placed_again() -> None:
    """The control: it is the backup that keeps a job running."""
    state, node, _ = running(2, 2, backup=False)
    state, outcomes = fail_node(state, node, MESH)
    assert outcomes == [Evicted(job="j0", failed=node)]
    assert state.status().evicted_jobs == 1
    with pytest.raises(UnknownJobError, match="it is evicted"):
        complete(state, "j0")
    state, _ = place(state, JobRequest(name="j0", weight=2, backup=False), MESH)
    assert (state.tasks["j0"].phase, state.tasks["j0"].epoch) == (Phase.RUNNING, 2)


def test_a_lost_backup_that_cannot_be_replaced_is_said_and_made_good_on_return() -> None:
    state, node, backup = running(2, 2)
    assert backup is not None
    state, outcomes = fail_node(state, backup, MESH)
    assert [(type(each), getattr(each, "backup", "")) for each in outcomes] == [(BackupChosen, None)]
    state, outcomes = return_node(state, backup, MESH)
    assert (state.tasks["j0"].node, state.tasks["j0"].backup) == (node, backup)
    assert return_node(state, backup, MESH) == (state, [])


def test_an_old_primary_that_returns_may_not_serve() -> None:
    before, node, backup = running(2, 2, 2)
    assert backup is not None
    assert may_serve(before, "j0", node, 1)
    after, _ = return_node(fail_node(before, node, MESH)[0], node, MESH)
    assert not may_serve(after, "j0", node, 1)
    assert may_serve(after, "j0", backup, 2)
    # Nor may it when the job is back on it: the new lease has another number.
    again, _ = fail_node(after, backup, MESH)
    lease = again.tasks["j0"]
    assert lease.node is not None
    assert may_serve(again, "j0", lease.node, 3)
    assert not may_serve(again, "j0", lease.node, 1)


def test_a_cancelled_job_holds_nothing_and_may_not_serve() -> None:
    state, node, _ = running(2, 2)
    state = cancel(state, "j0")
    assert not may_serve(state, "j0", node, 1)
    assert all(each.total == 0 for each in state.occupancy().values())
    assert cancel(state, "j0") == state
    with pytest.raises(UnknownJobError, match="never asked for"):
        cancel(state, "j9")


def test_a_node_that_is_not_there_can_neither_fail_nor_return() -> None:
    for change in (fail_node, return_node):
        with pytest.raises(UnknownNodeError, match="there is no such node"):
            change(cluster(1), "n9", MESH)


class AnyOrder(RuleBasedStateMachine):
    """Jobs come and go while nodes fail and return."""

    @initialize(
        capacities=st.lists(st.integers(2, 9), min_size=5, max_size=5),
        domains=st.tuples(*[st.sampled_from([None, "rack1", "rack2"])] * 5),
    )
    def build(self, capacities: list[int], domains: tuple[str | None, ...]) -> None:
        self.state = cluster(*capacities, domains=domains)
        self.asked: set[str] = set()
        self.down: set[str] = set()
        self.given: dict[tuple[str, int], str] = {}

    @rule(name=st.sampled_from(JOBS), weight=st.integers(1, 5), backup=st.booleans())
    def ask(self, name: str, weight: int, backup: bool) -> None:
        known = self.state.tasks.get(name)
        if known is None or known.phase.waits:
            job = JobRequest(name=name, weight=weight, backup=backup)
            self.state, _ = place(self.state, job, MESH)
            self.asked.add(name)

    @rule(name=st.sampled_from(JOBS), finish=st.booleans())
    def end(self, name: str, finish: bool) -> None:
        task = self.state.tasks.get(name)
        if task is not None and finish and task.phase is Phase.RUNNING:
            self.state, _ = complete(self.state, name)
        elif task is not None and not finish:
            self.state = cancel(self.state, name)

    @rule(name=st.sampled_from(NAMES))
    def fail(self, name: str) -> None:
        before = self.state
        self.state, outcomes = fail_node(before, name, MESH)
        self.down.add(name)
        assert (self.state, outcomes) == fail_node(before, name, MESH)

    @rule(name=st.sampled_from(NAMES))
    def repair(self, name: str) -> None:
        self.state, _ = return_node(self.state, name, MESH)
        self.down.discard(name)

    @invariant()
    def load_is_what_was_placed_and_fits(self) -> None:
        occupancy = self.state.occupancy()
        tasks = self.state.in_phase(Phase.RUNNING)
        assert sum(each.running for each in occupancy.values()) == sum(task.job.weight for task in tasks)
        assert all(occupancy[node.name].total <= node.capacity for node in self.state.nodes)

    @invariant()
    def jobs_and_backups_are_apart_and_on_healthy_nodes(self) -> None:
        nodes = {node.name: node for node in self.state.nodes}
        assert {node.name for node in self.state.nodes if not node.healthy} == self.down
        for task in self.state.in_phase(Phase.RUNNING):
            assert task.node is not None
            assert nodes[task.node].healthy
            if task.backup is not None:
                assert nodes[task.backup].healthy
                assert not nodes[task.node].may_fail_with(nodes[task.backup])

    @invariant()
    def every_job_is_in_exactly_one_phase(self) -> None:
        assert self.state.tasks.keys() == self.asked
        assert sum(len(self.state.in_phase(phase)) for phase in Phase) == len(self.asked)

    @invariant()
    def no_lease_is_given_twice_and_only_the_present_one_serves(self) -> None:
        for task in self.state.in_phase(Phase.RUNNING):
            assert task.node is not None
            assert self.given.setdefault((task.job.name, task.epoch), task.node) == task.node
        serving = [
            job for (job, epoch), node in self.given.items() if may_serve(self.state, job, node, epoch)
        ]
        assert sorted(serving) == sorted(task.job.name for task in self.state.in_phase(Phase.RUNNING))


AnyOrder.TestCase.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, derandomize=True
)
TestAnyOrderOfFailuresAndRepairsKeepsTheInvariants = AnyOrder.TestCase
