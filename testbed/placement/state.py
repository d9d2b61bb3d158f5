"""What the scheduler knows: nodes, and every job it was ever asked to place in exactly one phase.

How full a node is follows from the jobs and is stored nowhere, so the two cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from testbed.model.scenario import Placement
from testbed.placement.job import JobRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A compute node; nodes of one `failure_domain` (a rack, a power feed) are expected to fail together."""

    name: str
    capacity: int
    healthy: bool = True
    failure_domain: str | None = None

    def __post_init__(self) -> None:
        if self.capacity < 0:
            raise ValueError(f"node {self.name} has capacity {self.capacity}; it must be 0 or more")

    def may_fail_with(self, other: "Node") -> bool:
        """Whether one failure can take both, so that neither backs the other up."""
        same_domain = self.failure_domain is not None and self.failure_domain == other.failure_domain
        return self.name == other.name or same_domain


class Phase(StrEnum):
    """Where a job stands. A refused or evicted one waits: it may be placed again under the same name."""

    REFUSED = "refused"
    RUNNING = "running"
    EVICTED = "evicted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def waits(self) -> bool:
        """Whether a job in this phase may be placed."""
        return self in (Phase.REFUSED, Phase.EVICTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job and what became of it; `node` is set once it runs and kept when it is completed.

    `epoch` counts the nodes that it was given: a lease that ends when the job moves.
    """

    job: JobRequest
    phase: Phase
    node: str | None = None
    backup: str | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """The weight on one node: of jobs that run there, and of those that it is the backup of."""

    running: int = 0
    reserved: int = 0

    @property
    def total(self) -> int:
        """What is not available to others."""
        return self.running + self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Counts at one instant; weights are in the unit of the nodes' capacity."""

    nodes: int
    healthy_nodes: int
    capacity: int
    running_weight: int
    reserved_weight: int
    refused_jobs: int
    running_jobs: int
    completed_jobs: int
    evicted_jobs: int = 0
    cancelled_jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementState:
    """The nodes, the weights of the score, the seed that breaks ties, and all jobs by name as they came."""

    nodes: tuple[Node, ...]
    policy: Placement = field(default_factory=Placement)
    seed: int = 1
    tasks: Mapping[str, Task] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        twice = (
            sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        )
        if twice:
            raise ValueError(f"more than one node is called {', '.join(twice)}; names must differ")

    def in_phase(self, phase: Phase) -> tuple[Task, ...]:
        """All jobs in one phase, in the order in which they came."""
        return tuple(task for task in self.tasks.values() if task.phase is phase)

    def occupancy(self) -> dict[str, Occupancy]:
        """How full every node is."""
        running = dict.fromkeys((node.name for node in self.nodes), 0)
        reserved = dict(running)
        for task in self.in_phase(Phase.RUNNING):
            if task.node is not None:
                running[task.node] += task.job.weight
            if task.backup is not None:
                reserved[task.backup] += task.job.weight
        return {name: Occupancy(running=running[name], reserved=reserved[name]) for name in running}

    def status(self) -> Status:
        """How much there is of everything."""
        occupancy = self.occupancy().values()
        return Status(
            nodes=len(self.nodes),
            healthy_nodes=sum(node.healthy for node in self.nodes),
            capacity=sum(node.capacity for node in self.nodes),
            running_weight=sum(each.running for each in occupancy),
            reserved_weight=sum(each.reserved for each in occupancy),
            refused_jobs=len(self.in_phase(Phase.REFUSED)),
            running_jobs=len(self.in_phase(Phase.RUNNING)),
            completed_jobs=len(self.in_phase(Phase.COMPLETED)),
            evicted_jobs=len(self.in_phase(Phase.EVICTED)),
            cancelled_jobs=len(self.in_phase(Phase.CANCELLED)),
        )
