"""How jobs are given nodes: the policy and its weights, and what is kept free for failures."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import FieldError, Name, Value
from testbed.model.extended import known, offered
from testbed.plugins import Kind

Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class PlacementPolicy(StrEnum):
    """By what a node is chosen among those that can take a job, of the policies that are shipped.

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


PLACEMENT_POLICIES = Kind(
    group="testbed.placement_policies", noun="placement policy", shipped=tuple(map(str, PlacementPolicy))
)
PLACEMENT_SCORES = Kind(group="testbed.placement_scores", noun="placement score")
"""Scores besides those of load and delay; all of them come from packages."""

PlacementPolicyName = Annotated[Name, known(PLACEMENT_POLICIES, PlacementPolicy), offered(PLACEMENT_POLICIES)]
PlacementScoreName = Annotated[Name, known(PLACEMENT_SCORES)]


class Reservation(StrEnum):
    """How capacity is kept free for backups: for each its own, or once for jobs that cannot fail together."""

    DEDICATED = "dedicated"
    SHARED = "shared"


class Placement(Value):
    """How jobs are given nodes: by which policy, with the weights of load and delay, and with backups.

    `scores` are the weights of further scores, which installed packages bring, for the policy supernode.
    """

    policy: PlacementPolicyName = PlacementPolicy.SUPERNODE
    """By what a node is chosen among those that can take a job; `optimal` needs scipy and is for small
    instances."""
    load_weight: Weight = 60.0
    """Weight of a node's free capacity in its score."""
    delay_weight: Weight = 40.0
    """Weight of its distance to the player; one of the two weights must not be 0."""
    scores: dict[PlacementScoreName, Weight] = Field(default_factory=dict)
    """Further scores, which installed packages bring, by name, with their weights."""
    backup: bool = True
    """Whether a second node keeps the same capacity free."""
    reservation: Reservation = Reservation.DEDICATED
    """Whether each backup has capacity of its own, or jobs of different failure domains have the same; if two
    domains fail, not all of these jobs can go on."""

    @property
    def weights(self) -> float:
        """All weights together."""
        return self.load_weight + self.delay_weight + sum(self.scores.values())

    @model_validator(mode="after")
    def _weighed(self) -> "Placement":
        if self.scores and self.policy not in (PlacementPolicy.SUPERNODE, PlacementPolicy.OPTIMAL):
            raise FieldError("scores", f"are nothing to {self.policy}; policy: supernode goes by scores")
        if self.weights == 0:
            raise FieldError("load_weight", "is 0 and delay_weight too; at least one of them must count")
        return self
