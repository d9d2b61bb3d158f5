"""What becomes of jobs when nodes fail and return, and who may serve afterwards."""

import pytest

from testbed.model.placement import Placement, Reservation
from testbed.placement import (
    BackupChosen,
    Evicted,
    JobRequest,
    Node,
    PairDelays,
    Phase,
    Promoted,
    Scheduler,
    UnknownJobError,
    UnknownNodeError,
)

NAMES = tuple(f"n{i}" for i in range(5))
MESH_NS = {(a, b): 1000 * (i + 1) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]}
SHARED, DEDICATED = Reservation.SHARED, Reservation.DEDICATED


def cluster(*capacities: int) -> Scheduler:
    nodes = [Node(name=name, capacity=each) for name, each in zip(NAMES, capacities, strict=False)]
    return Scheduler(nodes, PairDelays(MESH_NS))


def running(*capacities: int, backup: bool = True) -> tuple[Scheduler, str, str]:
    """A scheduler with job j0 of weight 2, its node and its backup."""
    core = cluster(*capacities)
    core.place(JobRequest(name="j0", weight=2, backup=backup))
    task = core.tasks["j0"]
    assert task.node is not None
    return core, task.node, task.backup or ""


def test_a_job_moves_to_its_backup_and_gets_a_new_one() -> None:
    core, node, backup = running(2, 2, 2)
    third = ({"n0", "n1", "n2"} - {node, backup}).pop()
    promoted, chosen = core.fail(node)
    assert promoted == Promoted(job="j0", failed=node, node=backup, epoch=2)
    assert isinstance(chosen, BackupChosen)
    assert chosen.backup == third == core.tasks["j0"].backup
    assert core.fail(node) == []


def test_without_a_backup_the_job_waits_and_can_be_placed_again() -> None:
    """The control: it is the backup that keeps a job running."""
    core, node, _ = running(2, 2, backup=False)
    (evicted,) = core.fail(node)
    assert isinstance(evicted, Evicted)
    assert evicted.reason == f"{node} failed, and there was no backup"
    assert core.status().jobs[Phase.EVICTED] == 1
    with pytest.raises(UnknownJobError, match="it is evicted"):
        core.complete("j0")
    core.place(JobRequest(name="j0", weight=2, backup=False))
    assert (core.tasks["j0"].phase, core.tasks["j0"].epoch) == (Phase.RUNNING, 2)


def test_a_lost_backup_that_cannot_be_replaced_is_said_and_made_good_on_return() -> None:
    core, node, backup = running(2, 2)
    (told,) = core.fail(backup)
    assert isinstance(told, BackupChosen)
    assert told.backup is None
    core.restore(backup)
    assert (core.tasks["j0"].node, core.tasks["j0"].backup) == (node, backup)
    assert core.restore(backup) == []


def test_a_node_and_its_backup_that_fail_at_once_leave_the_job_waiting() -> None:
    core, node, backup = running(2, 2, 2)
    (evicted,) = core.fail(node, backup)
    assert isinstance(evicted, Evicted)
    assert evicted.reason == f"{node} failed, and so did its backup, {backup}"
    # One after the other, it would have moved twice.
    core, node, backup = running(2, 2, 2)
    core.fail(node)
    assert isinstance(core.fail(backup)[0], Promoted)


def test_failures_at_once_promote_nobody_to_another_that_failed() -> None:
    core = cluster(4, 4, 4, 4, 4)
    for number in range(5):
        core.place(JobRequest(name=f"j{number}", weight=1))
    core.fail("n0", "n1", "n2")
    assert not any(core.fleet.used[number] for number in range(3))
    for task in core.in_phase(Phase.RUNNING):
        assert {task.node, task.backup} <= {"n3", "n4", None}


def test_an_old_primary_that_returns_may_not_serve() -> None:
    core, node, backup = running(2, 2, 2)
    assert core.may_serve("j0", node, 1)
    core.fail(node)
    core.restore(node)
    assert not core.may_serve("j0", node, 1)
    assert core.may_serve("j0", backup, 2)
    # Nor may it when the job is back on it: the new lease has another number.
    core.fail(backup)
    lease = core.tasks["j0"]
    assert lease.node is not None
    assert core.may_serve("j0", lease.node, 3)
    assert not core.may_serve("j0", lease.node, 1)


def test_a_cancelled_job_holds_nothing_and_may_not_serve() -> None:
    core, node, _ = running(2, 2)
    core.cancel("j0")
    assert not core.may_serve("j0", node, 1)
    assert not any(core.fleet.used)
    assert core.cancel("j0") == []
    with pytest.raises(UnknownJobError, match="never asked for"):
        core.cancel("j9")


def test_a_node_that_is_not_there_can_neither_fail_nor_return() -> None:
    core = cluster(1)
    with pytest.raises(UnknownNodeError, match="there is no node n9"):
        core.fail("n0", "n9")
    assert core.status().healthy_nodes == 1
    with pytest.raises(UnknownNodeError, match="there is no node n9"):
        core.restore("n9")


def two_jobs(reservation: Reservation, *, priority: int = 0) -> Scheduler:
    """Jobs a on n0 and b on n1, each filling its node; n2, nearest to both, is all there is for backups."""
    delays = PairDelays({("n0", "n1"): 5, ("n0", "n2"): 1, ("n1", "n2"): 1})
    policy = Placement(load_weight=0, reservation=reservation)
    core = Scheduler([Node(name=name, capacity=2) for name in NAMES[:3]], delays, policy)
    core.place(JobRequest(name="a", weight=2, partners={"n0": 1.0}))
    core.place(JobRequest(name="b", weight=2, partners={"n1": 1.0}, priority=priority))
    assert [task.node for task in core.tasks.values()] == ["n0", "n1"]
    return core


def test_jobs_that_cannot_fail_together_share_a_reservation() -> None:
    core = two_jobs(SHARED)
    assert [task.backup for task in core.tasks.values()] == ["n2", "n2"]
    assert list(core.fleet.used) == [2, 2, 2]
    # The control: a reservation for each needs twice the room.
    assert [task.backup for task in two_jobs(DEDICATED).tasks.values()] == ["n2", None]


def test_one_failure_uses_a_shared_reservation_up_and_the_other_job_is_told() -> None:
    core = two_jobs(SHARED)
    promoted, *told = core.fail("n0")
    assert promoted == Promoted(job="a", failed="n0", node="n2", epoch=2)
    assert {(each.job, each.backup) for each in told if isinstance(each, BackupChosen)} == {
        ("a", None),
        ("b", None),
    }
    assert max(core.fleet.used) == 2


def test_two_failures_at_once_oversell_nothing_and_the_later_job_is_told() -> None:
    core = two_jobs(SHARED)
    outcomes = core.fail("n0", "n1")
    assert [type(each) for each in outcomes] == [Promoted, Evicted, BackupChosen]
    assert isinstance(outcomes[1], Evicted)
    assert outcomes[1].reason.endswith("its backup n2 is taken by jobs of another failure domain")
    assert list(core.fleet.used) == [0, 0, 2]


def test_the_higher_priority_is_promoted_where_one_can_be() -> None:
    promoted, evicted, *_ = two_jobs(SHARED, priority=1).fail("n0", "n1")
    assert (type(promoted), promoted.job) == (Promoted, "b")
    assert (type(evicted), evicted.job) == (Evicted, "a")
