"""Reserve: put a job on the best node, hold a backup near it, and say why; or refuse and say why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from testbed.placement.delays import Delays
from testbed.placement.job import DuplicateJobError, JobRequest, UnknownJobError
from testbed.placement.scoring import Score, explain, lot, obstacle, score
from testbed.placement.state import Node, Phase, PlacementState, Task
from testbed.units import milliseconds

_NODES_NAMED = 8
"""How many nodes a reason names before it counts the rest; `Refused.rejected` has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The job runs on `node`; `scores` has all nodes that could take it, `rejected` why others could not."""

    kind: ClassVar[str] = "job.place"

    job: str
    node: str
    backup: str | None
    scores: Mapping[str, Score]
    rejected: Mapping[str, str]
    reason: str

    @property
    def fields(self) -> dict[str, object]:
        """What events.jsonl says of it, beside the kind and the instant."""
        totals = {node: each.total for node, each in self.scores.items()}
        return {
            "job": self.job,
            "node": self.node,
            "backup": self.backup,
            "reason": self.reason,
            "scores": totals,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No node can take the job; `rejected` says why not, node by node. It waits and may be placed again."""

    kind: ClassVar[str] = "job.refuse"

    job: str
    reason: str
    rejected: Mapping[str, str]

    @property
    def fields(self) -> dict[str, object]:
        """What events.jsonl says of it, beside the kind and the instant."""
        return {"job": self.job, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The job is done; its node, and the reservation on its backup, are free again."""

    kind: ClassVar[str] = "job.complete"

    job: str

    @property
    def fields(self) -> dict[str, object]:
        """What events.jsonl says of it, beside the kind and the instant."""
        return {"job": self.job}


def place(state: PlacementState, job: JobRequest, delays: Delays) -> tuple[PlacementState, Placed | Refused]:
    """Put a job on the healthy node with room whose score is highest; equal ones draw lots from the seed.

    Raises:
        DuplicateJobError: The name is taken by a job that runs or is completed.
    """
    known = state.tasks.get(job.name)
    if known is not None and not known.phase.waits:
        raise DuplicateJobError(
            f"job {job.name} is {known.phase} on {known.node}; a new job needs a new name"
        )
    epoch = 0 if known is None else known.epoch
    occupancy = state.occupancy()
    rejected: dict[str, str] = {}
    scores: dict[str, Score] = {}
    for node in state.nodes:
        against = obstacle(node, occupancy[node.name], job, delays, state.policy)
        if against is None:
            scores[node.name] = score(node, occupancy[node.name], job, delays, state.policy)
        else:
            rejected[node.name] = against
    if not scores:
        refusal = Refused(job=job.name, reason=_why_refused(rejected), rejected=rejected)
        return _with(state, Task(job=job, phase=Phase.REFUSED, epoch=epoch)), refusal
    ranking = sorted(scores, key=lambda name: (-scores[name].total, lot(state.seed, job.name, name)))
    primary = next(node for node in state.nodes if node.name == ranking[0])
    backup, backup_reason = reserve_backup(state, job, primary, delays)
    placed = Placed(
        job=job.name,
        node=primary.name,
        backup=backup,
        scores=scores,
        rejected=rejected,
        reason=f"{_why_chosen(state, ranking, scores)}; {backup_reason}",
    )
    task = Task(job=job, phase=Phase.RUNNING, node=primary.name, backup=backup, epoch=epoch + 1)
    return _with(state, task), placed


def complete(state: PlacementState, job: str) -> tuple[PlacementState, Completed]:
    """Free what a job holds. Completing it again changes nothing.

    Raises:
        UnknownJobError: No such job was placed, or it was refused and never ran, or is evicted or cancelled.
    """
    task = state.tasks.get(job)
    if task is None:
        raise UnknownJobError(f"job {job} cannot be completed: it was never placed")
    if task.phase in (Phase.EVICTED, Phase.CANCELLED):
        raise UnknownJobError(f"job {job} cannot be completed: it is {task.phase}")
    if task.phase is Phase.REFUSED:
        raise UnknownJobError(f"job {job} cannot be completed: it was refused and never ran")
    return _with(state, replace(task, phase=Phase.COMPLETED)), Completed(job=job)


def _with(state: PlacementState, task: Task) -> PlacementState:
    return replace(state, tasks={**state.tasks, task.job.name: task})


def reserve_backup(
    state: PlacementState, job: JobRequest, primary: Node, delays: Delays
) -> tuple[str | None, str]:
    """The node nearest to the primary that can hold the job if the primary fails, and words for it.

    None is a valid answer: the job then runs without a backup, and its reason says so.
    """
    if not job.backup:
        return None, "no backup wanted"
    occupancy = state.occupancy()
    distances: dict[str, int] = {}
    for node in state.nodes:
        delay_ns = delays.get(primary.name, node.name)
        has_room = node.capacity - occupancy[node.name].total >= job.weight
        if node.healthy and has_room and delay_ns is not None and not primary.may_fail_with(node):
            distances[node.name] = delay_ns
    if not distances:
        return None, f"no backup: no other healthy node with room for {job.weight} at a known delay"
    nearest = min(distances, key=lambda name: (distances[name], lot(state.seed, job.name, name)))
    return nearest, f"backup {nearest}, {milliseconds(distances[nearest])} from it"


def _why_chosen(state: PlacementState, ranking: list[str], scores: Mapping[str, Score]) -> str:
    best, *others = ranking
    chosen = f"{best} scores {explain(scores[best], state.policy)}"
    if not others:
        return f"{chosen}, the only node that can"
    second = others[0]
    if scores[second].total == scores[best].total:
        return f"{chosen}, as does {second}; the seed decides"
    return f"{chosen}, ahead of {second} with {explain(scores[second], state.policy)}"


def _why_refused(rejected: Mapping[str, str]) -> str:
    if not rejected:
        return "there is no node"
    named = "; ".join(f"{node}: {why}" for node, why in list(rejected.items())[:_NODES_NAMED])
    more = len(rejected) - _NODES_NAMED
    return f"no node can take it: {named}" + (f"; and {more} more" if more > 0 else "")
