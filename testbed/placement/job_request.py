"""What is to be placed, and what can be wrong with asking for it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from testbed.errors import ScenarioError
from testbed.model.job import JobKind


class JobError(ScenarioError):
    """A job cannot be dealt with as asked, whatever room there is."""


class BadJobError(JobError):
    """A job's weight, a resource, or the weight of a partner is no usable number."""


class DuplicateJobError(JobError):
    """A job of this name is running or has been completed."""


class UnknownJobError(JobError):
    """No job of this name is running."""


class UnknownNodeError(JobError):
    """There is no node of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A job that needs `weight` of one node's capacity, and so much of its further `resources`.

    `partners` are the stations or other jobs that it talks to, each with its share of the job's traffic in
    any unit; only they count for the delay. With `backup` a second node keeps the same free for it, in
    another failure domain. Of several waiting jobs that of the highest `priority` goes first; one that
    `preempts` takes the place of jobs of a lower one. At most `spread` jobs of one `group` are in a failure
    domain. One that still waits after `deadline_ns` is given up.

    Raises:
        BadJobError: The weight is not a whole number from 1 up, a resource or `spread` is not one, the
            partners' weights are negative, not finite or all zero, or `spread` stands without a group.
    """

    name: str
    weight: int
    kind: JobKind = JobKind.RENDER
    resources: Mapping[str, int] = field(default_factory=dict)
    partners: Mapping[str, float] = field(default_factory=dict)
    backup: bool = True
    priority: int = 0
    preempts: bool = False
    group: str | None = None
    spread: int | None = None
    deadline_ns: int | None = None

    def __post_init__(self) -> None:
        if not _is_whole(self.weight):
            raise BadJobError(
                f"job {self.name} has weight {self.weight!r}; it must be a whole number from 1 up"
            )
        for resource, needed in self.resources.items():
            if not _is_whole(needed):
                raise BadJobError(
                    f"job {self.name} needs {needed!r} of {resource}; it must be a whole number from 1 up"
                )
        if self.spread is not None and (self.group is None or not _is_whole(self.spread)):
            raise BadJobError(
                f"job {self.name} has spread {self.spread!r}; it must be a whole number from 1 up, "
                "and stand with a group"
            )
        if self.partners:
            self._check_partners()

    def _check_partners(self) -> None:
        for station, traffic in self.partners.items():
            if not math.isfinite(traffic) or traffic < 0:
                raise BadJobError(
                    f"job {self.name} has traffic {traffic!r} with {station}; it must be 0 or more"
                )
        if not any(self.partners.values()):
            raise BadJobError(
                f"job {self.name} has partners and no traffic with any; give one a weight above 0"
            )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Jobs that are asked for together: all get nodes, or none does; with `waits` all are queued."""

    jobs: tuple[JobRequest, ...]
    waits: bool = False

    @property
    def priority(self) -> int:
        """The highest of its jobs'."""
        return max(job.priority for job in self.jobs)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
