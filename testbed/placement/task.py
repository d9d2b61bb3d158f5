"""Where a job stands: every job that was ever asked for is in exactly one phase."""

from dataclasses import dataclass
from enum import StrEnum

from testbed.placement.job_request import JobRequest


class Phase(StrEnum):
    """A refused, queued or evicted job waits: it may be placed again under the same name."""

    REFUSED = "refused"
    QUEUED = "queued"
    RUNNING = "running"
    EVICTED = "evicted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def waits(self) -> bool:
        """Whether a job in this phase may be placed."""
        return self in (Phase.REFUSED, Phase.QUEUED, Phase.EVICTED)

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to a job in this phase any more."""
        return self in (Phase.COMPLETED, Phase.CANCELLED)


@dataclass(slots=True)
class Task:
    """A job and what became of it, for the scheduler to change and for others to read.

    `node` is where it runs, or ran when it was completed. `epoch` counts the nodes that it was given: a lease
    that ends when the job moves. `arrived` is its place in the order of arrival.
    """

    job: JobRequest
    phase: Phase
    arrived: int
    node: str | None = None
    backup: str | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStatus:
    """Counts at one instant; weights are in the unit of the nodes' capacity."""

    nodes: int
    healthy_nodes: int
    capacity: int
    running_weight: int
    reserved_weight: int
    jobs: dict[Phase, int]
