"""What is to be placed, and what can be wrong with asking for it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from testbed.errors import ScenarioError


class JobError(ScenarioError):
    """A job cannot be dealt with as asked, whatever room there is."""


class BadJobError(JobError):
    """A job's weight, or the weight of a partner, is no usable number."""


class DuplicateJobError(JobError):
    """A job of this name is running or has been completed."""


class UnknownJobError(JobError):
    """No job of this name is running."""


class UnknownNodeError(JobError):
    """There is no node of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A job that needs `weight` of one node's capacity.

    `partners` are the stations that it talks to, each with its share of the job's traffic in any unit;
    only they count for the delay. With `backup` a second node keeps the same capacity free for it.

    Raises:
        BadJobError: The weight is not a whole number from 1 up, or the partners' weights are negative,
            not finite or all zero.
    """

    name: str
    weight: int
    partners: Mapping[str, float] = field(default_factory=dict)
    backup: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.weight, bool) or not isinstance(self.weight, int) or self.weight < 1:
            raise BadJobError(
                f"job {self.name} has weight {self.weight!r}; it must be a whole number from 1 up"
            )
        for station, traffic in self.partners.items():
            if not math.isfinite(traffic) or traffic < 0:
                raise BadJobError(
                    f"job {self.name} has traffic {traffic!r} with {station}; it must be 0 or more"
                )
        if self.partners and not any(self.partners.values()):
            raise BadJobError(
                f"job {self.name} has partners and no traffic with any; give one a weight above 0"
            )
