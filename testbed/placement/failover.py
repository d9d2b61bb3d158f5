"""What becomes of jobs when a node fails or returns: promotion, eviction, new backups, and fencing.

Failures are told by the caller; how they are detected is not here. Every change is one new state: there is
no instant at which half of a node's jobs have moved. One call costs time in proportion to jobs times nodes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from testbed.placement.delays import Delays
from testbed.placement.job import UnknownJobError, UnknownNodeError
from testbed.placement.scheduler import reserve_backup
from testbed.placement.state import Node, Phase, PlacementState, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """The backup has become the node that runs the job; only the holder of `epoch` may serve."""

    kind: ClassVar[str] = "job.promote"

    job: str
    failed: str
    node: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evicted:
    """The job's node failed and it had no backup; it waits and may be placed again under its name."""

    kind: ClassVar[str] = "job.evict"

    job: str
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupChosen:
    """A running job has a new backup; None if it lost the one it had and no other is possible now."""

    kind: ClassVar[str] = "job.backup"

    job: str
    backup: str | None
    reason: str


Outcome = Promoted | Evicted | BackupChosen


def fail_node(state: PlacementState, name: str, delays: Delays) -> tuple[PlacementState, list[Outcome]]:
    """Take a node out: its jobs go to their backups or wait, and backups on it are planned anew.

    A promotion needs no room: it was reserved. A node that has failed already changes nothing.

    Raises:
        UnknownNodeError: There is no such node.
    """
    if not _node(state, name).healthy:
        return state, []
    outcomes: list[Outcome] = []
    tasks = dict(state.tasks)
    lost: list[str] = []
    for task in state.in_phase(Phase.RUNNING):
        job = task.job.name
        if name not in (task.node, task.backup):
            continue
        moved = _without(task, name)
        tasks[job] = moved
        if moved.phase is Phase.EVICTED:
            outcomes.append(Evicted(job=job, failed=name))
            continue
        if moved.node is not None and moved.node != task.node:
            outcomes.append(Promoted(job=job, failed=name, node=moved.node, epoch=moved.epoch))
        lost.append(job)
    state = _with_health(replace(state, tasks=tasks), name, healthy=False)
    state, chosen = _plan_backups(state, delays, lost)
    return state, outcomes + chosen


def return_node(state: PlacementState, name: str, delays: Delays) -> tuple[PlacementState, list[Outcome]]:
    """Take a node back, empty: jobs that run without the backup they want may get one now.

    What it ran before it failed is elsewhere by now, and `may_serve` denies it.

    Raises:
        UnknownNodeError: There is no such node.
    """
    if _node(state, name).healthy:
        return state, []
    return _plan_backups(_with_health(state, name, healthy=True), delays, [])


def cancel(state: PlacementState, job: str) -> PlacementState:
    """Give a job up, whether it runs or waits, and free what it holds; one that is over stays as it is.

    Raises:
        UnknownJobError: No such job was ever asked for.
    """
    task = state.tasks.get(job)
    if task is None:
        raise UnknownJobError(f"job {job} cannot be cancelled: it was never asked for")
    if task.phase in (Phase.COMPLETED, Phase.CANCELLED):
        return state
    return replace(state, tasks={**state.tasks, job: replace(task, phase=Phase.CANCELLED)})


def may_serve(state: PlacementState, job: str, node: str, epoch: int) -> bool:
    """Whether a node holds the job's present lease: the fence against one given up for dead."""
    task = state.tasks.get(job)
    return task is not None and task.phase is Phase.RUNNING and (task.node, task.epoch) == (node, epoch)


def _node(state: PlacementState, name: str) -> Node:
    found = next((node for node in state.nodes if node.name == name), None)
    if found is None:
        raise UnknownNodeError(f"node {name} can neither fail nor return: there is no such node")
    return found


def _with_health(state: PlacementState, name: str, *, healthy: bool) -> PlacementState:
    nodes = tuple(replace(node, healthy=healthy) if node.name == name else node for node in state.nodes)
    return replace(state, nodes=nodes)


def _without(task: Task, failed: str) -> Task:
    """The task as it is once a node is gone, before a new backup is looked for."""
    if task.backup == failed:
        return replace(task, backup=None)
    if task.backup is None:
        return replace(task, phase=Phase.EVICTED, node=None)
    return replace(task, node=task.backup, backup=None, epoch=task.epoch + 1)


def _plan_backups(
    state: PlacementState, delays: Delays, lost: Iterable[str]
) -> tuple[PlacementState, list[Outcome]]:
    """Reserve a backup for every running job that wants one and has none, in the order of the jobs."""
    outcomes: list[Outcome] = []
    lately = set(lost)
    nodes: Mapping[str, Node] = {node.name: node for node in state.nodes}
    for task in state.in_phase(Phase.RUNNING):
        if task.backup is not None or task.node is None or not task.job.backup:
            continue
        backup, reason = reserve_backup(state, task.job, nodes[task.node], delays)
        job = task.job.name
        if backup is not None:
            state = replace(state, tasks={**state.tasks, job: replace(task, backup=backup)})
        if backup is not None or job in lately:
            outcomes.append(BackupChosen(job=job, backup=backup, reason=reason))
    return state, outcomes
