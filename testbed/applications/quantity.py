"""A number of a run by its name, and what a scenario expects of it or sets beside it.

Measures and statistics are those of the testbed and of all kinds of application.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from testbed.applications.registry import kinds
from testbed.model import measure as common
from testbed.model.base import FROM_TEXT, Direction, FieldError, Line, Name, Value
from testbed.model.carriers import MOST_COUNT
from testbed.model.measure import STREAM_STATISTICS, Measure, Statistic, Unit
from testbed.text import instead, listed, quoted

MEASURES: dict[str, Measure] = {
    each.name: each
    for each in (*common.MEASURES, *(own for kind in kinds().values() for own in kind.measures))
}
"""By name; in the order of the reference."""

STATISTICS: dict[str, Statistic] = {
    each.name: each
    for each in (*common.STATISTICS, *(own for kind in kinds().values() for own in kind.statistics))
}

OF_ALL_CHANNELS = ("admitted", "refused", "preempted", "fairness")
"""Those of all channels together; all but the last count sessions, whichever way these send."""


def _known(what: str, names: Mapping[str, object]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"there is no {what} {quoted(name)}; {instead(name, names)}")
        return name

    return check


MeasureName = Annotated[
    str, AfterValidator(_known("measure", MEASURES)), Field(json_schema_extra={"enum": [*MEASURES]})
]
StatisticName = Annotated[
    str, AfterValidator(_known("statistic", STATISTICS)), Field(json_schema_extra={"enum": [*STATISTICS]})
]


class Quantified(Value):
    """Names one number of a variant: a statistic of one measure of something by its name, in a direction.

    What has one way only does not repeat it. What counts the channels or the jobs of a whole variant names
    no session.
    """

    variant: Name
    """The name of a variant."""
    session: Name | None = None
    """The name of whatever has the measure: a session, a flow, a service's clients, …; required except for
    what is of all channels or all jobs."""
    direction: Direction | None = None
    """Required for `probe`, `frame`, `packet`, `command`, one channel and the fairness of all; everything
    else has one way only, which is not written. Of a session commands go upstream only, and frames and
    packets downstream only, unless it has upstream video."""
    measure: MeasureName = "probe"
    """What the number is of."""
    statistic: StatisticName
    """Which number of it; not every measure has every statistic."""

    @property
    def of(self) -> Measure:
        """What is known of the measure."""
        return MEASURES[self.measure]

    @property
    def unit(self) -> Unit:
        """What the number counts in."""
        return STATISTICS[self.statistic].kind

    @property
    def is_of_all(self) -> bool:
        """Whether it is one number of a whole variant, of nothing in particular."""
        return self.measure == "jobs" or (self.measure == "channel" and self.statistic in OF_ALL_CHANNELS)

    @property
    def has_direction(self) -> bool:
        """Whether there is one of it for each direction."""
        if self.measure == "channel":
            return self.statistic not in OF_ALL_CHANNELS[:-1]
        return self.of.is_stream and self.of.direction is None

    @model_validator(mode="after")
    def _of_something(self) -> "Quantified":
        if self.statistic not in statistics_of(self.measure):
            named, advice = repr(self.statistic), _advice(self.measure, self.statistic)
            raise FieldError("statistic", f"{named} is not of {a_measure(self.measure)}; {advice}")
        if self.is_of_all:
            if self.session is not None:
                whole = "jobs" if self.measure == "jobs" else "sessions"
                raise FieldError("session", f"{self.statistic!r} is of all {whole}; remove this key")
        elif self.session is None:
            raise FieldError("session", "is missing")
        if self.has_direction and self.direction is None:
            raise FieldError("direction", "is missing; write downstream or upstream")
        if not self.has_direction and self.direction is not None:
            one_way = f"{a_measure(self.measure)} has one way only"
            raise FieldError("direction", f"{self.of.undirected or one_way}; remove this key")
        return self


def statistics_of(measure: str) -> tuple[str, ...]:
    """All that there is of one measure."""
    return MEASURES[measure].statistics or STREAM_STATISTICS


def a_measure(measure: str) -> str:
    """A measure in a sentence: "a probe", "an answer", "a first token", "jobs"."""
    word = measure.replace("_", " ")
    if measure == "jobs":
        return word
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _advice(measure: str, statistic: str) -> str:
    """What to write in place of a statistic that a measure does not have."""
    owners = [each.name for each in MEASURES.values() if statistic in (each.statistics or ())]
    own = MEASURES[measure].statistics
    if owners and (own is None or statistic not in STREAM_STATISTICS):
        return f"write measure: {' or '.join(owners)} beside it"
    offered = listed([*(own or ())])
    if measure == "flow":
        return f"a flow as a whole has {offered!r} alone"
    return f"{a_measure(measure)} {'have' if measure == 'jobs' else 'has'} {offered}"


Bound = Annotated[int, Field(ge=0, le=MOST_COUNT)]


class Expectation(Quantified):
    """A bound on one number; a run whose numbers break it ends with exit status 1.

    The bounds are in the unit of the statistic: nanoseconds ("8 ms" in a file), a bare count, bit/s
    ("2 Gbit/s") or millionths ("35 %").
    """

    at_most: Bound | None = None
    """At least one of the two bounds is required."""
    at_least: Bound | None = None
    """Not above `at_most`."""

    @field_validator("at_most", "at_least", mode="before", json_schema_input_type=str | int | None)
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> int | None:
        return None if value is None else _number(value, info)

    @field_serializer("at_most", "at_least")
    def _write(self, value: int | None) -> int | str | None:
        dimension = self.unit.dimension
        return value if value is None or dimension is None else dimension.format(value)

    @model_validator(mode="after")
    def _bounded(self) -> "Expectation":
        if self.at_most is None and self.at_least is None:
            raise FieldError("at_most", "is missing; an expectation has at_most, at_least or both")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise FieldError("at_least", "is above at_most; nothing can hold")
        return self


class Reference(Quantified):
    """A published figure to set beside one of ours in the report; it decides nothing.

    `value` is in the unit of the statistic, like the bounds of an expectation.
    """

    value: Bound
    """The published figure, in what the statistic is bounded by."""
    source: Line
    """Who published it."""

    @field_validator("value", mode="before", json_schema_input_type=str | int)
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> int:
        return _number(value, info)

    @field_serializer("value")
    def _write(self, value: int) -> int | str:
        dimension = self.unit.dimension
        return value if dimension is None else dimension.format(value)


def _number(value: Any, info: ValidationInfo) -> int:
    """A number as it was written, in the unit of the statistic that was read before it."""
    statistic = info.data.get("statistic")
    if statistic is None:
        return 0  # there is an error already, and no way to tell the kind
    return _bound(value, statistic, from_text=info.context == FROM_TEXT)


def _bound(value: Any, statistic: str, *, from_text: bool) -> int:
    """A bound as it was written, in the unit of its statistic; in code a bare number is one already."""
    kind = STATISTICS[statistic].kind
    dimension = kind.dimension
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if dimension is None:
        if not whole:
            raise ValueError(f"{quoted(value)} is not a count; {statistic!r} needs a whole number")
        return int(value)
    if isinstance(value, str):
        return dimension.parse(value)
    if whole and not from_text:
        return int(value)
    raise ValueError(
        f"{quoted(value)} is not a {kind}; {statistic!r} needs one with a unit: {dimension.example!r}"
    )
