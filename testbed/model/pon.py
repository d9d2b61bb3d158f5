"""How a PON assigns capacity and treats what waits, as a scenario states it.

What these values mean in bytes and grants is the business of `testbed.pon`.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import CarriedRate, Duration, FieldError, Name, QueueSize, Rate, Value
from testbed.units import RATE

Weight = Annotated[int, Field(ge=1, le=150)]
"""150 to 1 is the widest range that G.9807.1 C.7 asks of a best-effort weight."""


class Aqm(StrEnum):
    """How a queue keeps itself short: not at all, or by dropping and marking ahead of time."""

    FIFO = "fifo"
    FQ_CODEL = "fq_codel"
    CAKE = "cake"
    L4S = "l4s"


class Eligibility(StrEnum):
    """What a T-CONT may have beyond its guarantee: nothing, a non-assured share, or best effort."""

    NONE = "none"
    NON_ASSURED = "non_assured"
    BEST_EFFORT = "best_effort"


class Reporting(StrEnum):
    """How the OLT knows what a T-CONT needs.

    It is told by buffer reports, or infers it from grants left unused, or is told in advance by the
    application (cooperative DBA); a fixed T-CONT has its grants whatever it needs.
    """

    STATUS_REPORTING = "status_reporting"
    TRAFFIC_MONITORING = "traffic_monitoring"
    COOPERATIVE = "cooperative"
    FIXED = "fixed"


class PonModel(StrEnum):
    """How closely a PON is emulated: frame by frame, or as a link with a rate that is shared ideally."""

    FRAMES = "frames"
    SHAPED_LINK = "shaped_link"


class Towards(Value):
    """How a class of traffic is treated downstream: strict priority (1 first), and weight among equals."""

    rate_bps: CarriedRate | None = None
    """The most it can use; without one the line."""
    committed_bps: Rate = 0
    """Served before anybody's surplus."""
    priority: Annotated[int, Field(ge=1, le=6)] = 1
    """Strict, in sharing what is left; homes have 1, and 1 goes first."""
    weight: Weight = 1
    """Among equal priorities."""
    queue_bytes: QueueSize = 1_000_000
    """What may wait."""
    aqm: Aqm = Aqm.FIFO
    """How the queue keeps itself short."""


class TContClass(Value):
    """A T-CONT that some ONUs have beside the one of their subscription; flows choose it by its name.

    Rates follow ITU-T G.9807.1 C.7. `grants` is in how many evenly spaced grants a frame the fixed
    rate comes. `onus` empty stands for all of them.
    """

    onus: tuple[Name, ...] = ()
    """The ONUs that have it; none stands for all."""
    fixed_bps: Rate = 0
    """Granted in every frame, used or not."""
    assured_bps: Rate = 0
    """Granted whenever there is something to send."""
    maximum_bps: CarriedRate | None = None
    """Never exceeded; without one fixed and assured together."""
    eligibility: Eligibility = Eligibility.NONE
    """What it may have beyond its guarantee."""
    priority: Annotated[int, Field(ge=1, le=8)] = 1
    """Of best effort; 1 goes first."""
    weight: Weight = 1
    """Of best effort, among equal priorities."""
    grants: Annotated[int, Field(ge=1, le=16)] = 1
    """In how many evenly spaced grants a frame the fixed rate comes."""
    reporting: Reporting = Reporting.STATUS_REPORTING
    """`fixed`: it has its fixed grants and nothing else."""
    queue_bytes: QueueSize = 1_000_000
    """What may wait upstream."""
    aqm: Aqm = Aqm.FIFO
    """How that queue keeps itself short."""
    downstream: Towards = Towards()
    """How the class is treated downstream."""

    @property
    def most_bps(self) -> int:
        """The maximum rate: fixed and assured together if none is given."""
        guaranteed_bps: int = self.fixed_bps + self.assured_bps
        return guaranteed_bps if self.maximum_bps is None else self.maximum_bps

    @model_validator(mode="after")
    def _consistent(self) -> "TContClass":
        guaranteed_bps = self.fixed_bps + self.assured_bps
        if self.most_bps < guaranteed_bps:
            raise FieldError(
                "maximum",
                f"is below fixed and assured together; write at least {RATE.format(guaranteed_bps)}",
            )
        if self.most_bps == 0:
            raise FieldError("maximum", "is missing; a T-CONT without fixed and assured rates needs one")
        if self.eligibility is Eligibility.NONE and self.most_bps > guaranteed_bps:
            raise FieldError(
                "eligibility",
                "is none, so nothing above fixed and assured can be had; "
                f"write best_effort or non_assured, or maximum: {RATE.format(guaranteed_bps)}",
            )
        if self.eligibility is Eligibility.NON_ASSURED and guaranteed_bps == 0:
            raise FieldError(
                "eligibility", "non_assured shares in proportion to fixed and assured, and both are 0"
            )
        if self.eligibility is not Eligibility.NONE and self.most_bps == guaranteed_bps:
            raise FieldError(
                "eligibility",
                f"is {self.eligibility}, but the maximum, {RATE.format(self.most_bps)}, is not above fixed "
                "and assured together, so there is no surplus to have; raise maximum, or write none",
            )
        if self.grants > 1 and not self.fixed_bps:
            raise FieldError(
                "grants", f"is {self.grants}, but only a fixed rate comes in grants of its own; write 1"
            )
        if self.eligibility is not Eligibility.BEST_EFFORT:
            for key in ("priority", "weight"):
                if getattr(self, key) != 1:
                    raise FieldError(
                        key,
                        f"is {getattr(self, key)}, but only best effort goes by it, and eligibility is "
                        f"{self.eligibility}; remove it",
                    )
        if self.reporting is Reporting.FIXED and self.most_bps > self.fixed_bps:
            raise FieldError(
                "reporting", "is fixed, so the OLT never knows that more than the fixed rate is wanted"
            )
        return self


class Discovery(Value):
    """Quiet windows in which new ONUs may announce themselves: the line carries nothing else meanwhile.

    Without a `window` it has the length that the PON's distances need.
    """

    every_ns: Annotated[Duration, Field(ge=2_000_000)]
    """From window to window."""
    window_ns: Annotated[Duration, Field(gt=0, le=1_000_000)] | None = None
    """Its length; without one what the farthest fibre needs: 250 us at 20 km, 450 us at 40 km."""


class Pon(Value):
    """How the PON assigns its capacity; `reporting` is that of the T-CONT of each home's subscription.

    No `discovery` stands for a dedicated activation wavelength (G.9804): no quiet windows.
    """

    model: PonModel = PonModel.FRAMES
    """`frames` sends every PON frame with its grants, encapsulation and error correction; `shaped_link` is a
    link with the same mean rate that is shared ideally: no grants, no T-CONTs."""
    reporting: Reporting = Reporting.STATUS_REPORTING
    """How the OLT knows what the T-CONTs of subscriptions need; not `fixed`."""
    report_every: Annotated[int, Field(ge=1, le=80)] = 1
    """In how many frames an ONU reports once; rarer reports cost less of the line and make packets wait
    longer."""
    discovery: Discovery | None = None
    """Quiet windows for new ONUs; none stands for a dedicated activation wavelength."""
    tconts: dict[Name, TContClass] = Field(default_factory=dict, max_length=14)
    """Classes of traffic with T-CONTs of their own; at most 14."""

    @model_validator(mode="after")
    def _consistent(self) -> "Pon":
        if self.reporting is Reporting.FIXED:
            raise FieldError("reporting", "fixed is for T-CONTs with a fixed rate; subscriptions have none")
        return self
