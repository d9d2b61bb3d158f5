"""The exchanges of a mixture-of-experts model between compute nodes, as a scenario declares them."""

from typing import Annotated

from pydantic import Field, model_validator

from testbed.applications.kind import Kind, Section
from testbed.model.base import ACROSS, Duration, FieldError, Name, Size
from testbed.model.job import Job
from testbed.model.measure import Measure
from testbed.model.span import Span

TokenSize = Annotated[Size, Field(ge=1, le=1_000_000)]
"""Of one token: 4096 of them make 68,000 packets, which a program can send at once."""


class Experts(Span):
    """A mixture-of-experts model on several ranks: each step, each layer sends tokens to experts and back.

    Every rank is a job of its own and holds `experts`/`ranks` experts. In each layer of a step, a rank
    dispatches its `tokens` to the `top` experts that each one needs, on whichever ranks these are, and the
    results are combined on the way back. A token goes to a rank once, however many of its experts are there.
    Tokens of a rank go to experts of its own group of `group` ranks with the probability `locality` on top
    of chance: what placement by affinity lives by.
    """

    ranks: Annotated[int, Field(ge=2, le=1000)]
    """At most 2,000 in a scenario."""
    job: Job
    """What each rank needs of a node."""
    experts: Annotated[int, Field(ge=2, le=100_000)] = 256
    """A multiple of `ranks`."""
    top: Annotated[int, Field(ge=1, le=64)] = 8
    """Experts that a token needs."""
    tokens: Annotated[int, Field(ge=1, le=4096)] = 32
    """Of each rank in each layer."""
    dispatch_bytes: TokenSize = 7_168
    """One token on its way to a rank with experts for it, however many of them are there."""
    combine_bytes: TokenSize = 14_336
    """The result of one on its way back."""
    layers: Annotated[int, Field(ge=1, le=1000)] = 1
    """Exchanges of a step, one after another."""
    group: Annotated[int, Field(ge=1, le=1000)] = 1
    """So many ranks, one after another, share their tokens more than by chance; it divides `ranks`."""
    locality: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How likely it is that an expert is sought in the group alone; otherwise chance decides among all."""
    starts_at_ns: Duration = Field(alias="starts")
    """When the first step begins."""
    ends_at_ns: Duration = Field(alias="ends")
    """No step begins from then on."""
    interval_ns: Annotated[Duration, Field(ge=100_000)] = 50_000_000
    """From step to step; one that the step before leaves no time for is left out."""

    def jobs_of(self, name: str) -> tuple[str, ...]:
        """The names of the ranks' jobs, where the model has this name: NAME1, NAME2, …, by rank."""
        return tuple(f"{name}{rank}" for rank in range(1, self.ranks + 1))

    @model_validator(mode="after")
    def _consistent(self) -> "Experts":
        if self.experts % self.ranks:
            raise FieldError("experts", f"{self.experts} cannot be shared evenly by {self.ranks} ranks")
        if self.ranks % self.group:
            raise FieldError("group", f"{self.group} ranks do not divide {self.ranks}")
        if self.top > self.experts:
            raise FieldError("top", f"{self.top} is more than the {self.experts} experts that there are")
        return self


class ExpertModels(Section):
    """Keys of a scenario file."""

    experts: dict[Name, Experts] = Field(default_factory=dict)
    """Exchanges of a mixture-of-experts model between compute nodes."""


MEASURES = (
    Measure(
        name="dispatch",
        key="dispatches",
        meaning=(
            "Of experts: from the beginning of a layer's exchange until the last tokens are at their experts."
        ),
        direction=ACROSS,
    ),
    Measure(
        name="combine",
        key="combinations",
        meaning="Of experts: from there until the last result is back.",
        direction=ACROSS,
    ),
    Measure(name="exchange", key="exchanges", meaning="Of experts: both together.", direction=ACROSS),
)

KIND = Kind(section=ExpertModels, measures=MEASURES)
