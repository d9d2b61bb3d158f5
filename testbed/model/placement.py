"""How jobs are given nodes: the policy and its weights, and what is kept free for failures."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import FieldError, Value

Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class PlacementPolicy(StrEnum):
    """By what a node is chosen among those that can take a job.

    Supernode: by load and delay, 60 to 40 unless the weights say otherwise. Least loaded and best fit: by
    what is used of a node once the job is on it, the least and the most. Nearest: by the delay to the partner
    with the most traffic. Affinity: by the delay to all partners, weighted by traffic, jobs among them.
    Random, round robin, and two choices, the less loaded of two drawn at random, look at nothing else.
    Optimal: by a solver, over all jobs that are to be placed at once; for small instances.
    """

    SUPERNODE = "supernode"
    RANDOM = "random"
    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"
    TWO_CHOICES = "two_choices"
    BEST_FIT = "best_fit"
    NEAREST = "nearest"
    AFFINITY = "affinity"
    OPTIMAL = "optimal"


class Reservation(StrEnum):
    """How capacity is kept free for backups: for each its own, or once for jobs that cannot fail together."""

    DEDICATED = "dedicated"
    SHARED = "shared"


class Placement(Value):
    """How jobs are given nodes: by which policy, with the weights of load and delay, and with backups."""

    policy: PlacementPolicy = PlacementPolicy.SUPERNODE
    load_weight: Weight = 60.0
    delay_weight: Weight = 40.0
    backup: bool = True
    reservation: Reservation = Reservation.DEDICATED

    @model_validator(mode="after")
    def _some_weight(self) -> "Placement":
        if self.load_weight + self.delay_weight == 0:
            raise FieldError("load_weight", "is 0 and delay_weight too; at least one of them must count")
        return self
