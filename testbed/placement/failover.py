"""What becomes of jobs when nodes fail or return: promotion, eviction, and new backups.

Failures are told by the caller; how they are noticed is not here. All that fails at once is dealt with at
once: there is no instant at which half of a node's jobs have moved.
"""

from collections.abc import Iterable

from testbed.placement.explanations import why_backup
from testbed.placement.holdings import Holdings
from testbed.placement.outcomes import BackupChosen, Evicted, Outcome, Promoted
from testbed.placement.task import Phase, Task


def fail(holdings: Holdings, names: Iterable[str]) -> list[Outcome]:
    """Take nodes out: their jobs go to their backups or wait, and lost backups are planned anew.

    A promotion needs no room, because it was reserved; where jobs of two failure domains share a reservation
    and both fail, the first come is promoted and the others are evicted.

    Raises:
        UnknownNodeError: There is no such node; nothing is changed.
    """
    fleet = holdings.fleet
    numbers = dict.fromkeys(fleet.number(name) for name in names)
    failed = [number for number in numbers if fleet.healthy[number]]
    for number in failed:
        fleet.set_health(number, healthy=False)
    hit = dict.fromkeys(name for number in failed for name in holdings.on[number])
    outcomes: list[Outcome] = []
    lost: list[Task] = []
    for task in sorted((holdings.tasks[name] for name in hit), key=_order):
        outcomes += _survive(holdings, task, failed)
        if task.phase is Phase.RUNNING and task.backup is None:
            lost.append(task)
    lost += _oversold(holdings)
    return outcomes + _plan_backups(holdings, lost, must_tell=True)


def restore(holdings: Holdings, name: str) -> list[Outcome]:
    """Take a node back, empty: jobs that run without the backup they want may get one now.

    Raises:
        UnknownNodeError: There is no such node.
    """
    number = holdings.fleet.number(name)
    if holdings.fleet.healthy[number]:
        return []
    holdings.fleet.set_health(number, healthy=True)
    running = (task for task in holdings.tasks.values() if task.phase is Phase.RUNNING)
    return _plan_backups(holdings, (task for task in running if task.backup is None), must_tell=False)


def _order(task: Task) -> tuple[int, int]:
    """The highest priority first, then the first come."""
    return -task.job.priority, task.arrived


def _survive(holdings: Holdings, task: Task, failed: list[int]) -> list[Outcome]:
    """What becomes of a job of which the node, the backup or both have failed."""
    assert task.node is not None
    fleet, name, was = holdings.fleet, task.job.name, task.node
    backup = None if task.backup is None else fleet.index[task.backup]
    if fleet.index[was] not in failed:
        holdings.drop_backup(task)
        return []
    if backup is None or backup in failed:
        why = "there was no backup" if backup is None else f"so did its backup, {task.backup}"
        holdings.release(task, Phase.EVICTED)
        return [Evicted(job=name, failed=was, reason=f"{was} failed, and {why}")]
    holdings.release(task, Phase.EVICTED)
    if fleet.running[backup] + task.job.weight > fleet.capacity[backup]:
        reason = (
            f"{was} failed, and its backup {fleet.names[backup]} is taken by jobs of another failure domain"
        )
        return [Evicted(job=name, failed=was, reason=reason)]
    holdings.run(task, backup)
    return [Promoted(job=name, failed=was, node=fleet.names[backup], epoch=task.epoch)]


def _oversold(holdings: Holdings) -> list[Task]:
    """With shared reservations: jobs whose backup is no longer free once others were promoted there."""
    fleet = holdings.fleet
    lost: list[Task] = []
    if fleet.is_plain:
        return lost
    for number in range(len(fleet)):
        held = sorted((holdings.tasks[name] for name in holdings.on[number]), key=_order, reverse=True)
        for task in held:
            if fleet.used[number] <= fleet.capacity[number]:
                break
            if task.backup == fleet.names[number]:
                holdings.drop_backup(task)
                lost.append(task)
    return lost


def _plan_backups(holdings: Holdings, tasks: Iterable[Task], *, must_tell: bool) -> list[Outcome]:
    """Reserve a backup for each of these jobs that wants one; if there is none, that is told if it must."""
    outcomes: list[Outcome] = []
    for task in sorted(tasks, key=_order):
        if task.node is None or not (task.job.backup and holdings.policy.backup):
            continue
        backup = holdings.reserve(task)
        if backup is not None or must_tell:
            reason = why_backup(holdings.question(task.job), task.node, backup)
            outcomes.append(BackupChosen(job=task.job.name, backup=backup, reason=reason))
    return outcomes
