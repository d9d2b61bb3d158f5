"""A number of a run by its name, and what a scenario expects of it or sets beside it."""

from enum import StrEnum
from typing import Any

from pydantic import ValidationInfo, field_serializer, field_validator, model_validator

from testbed.model.base import FROM_TEXT, Direction, Duration, FieldError, Name, Value
from testbed.units import DURATION, RATE, SHARE, Dimension
from testbed.words import listed, quoted


class Measure(StrEnum):
    """What a number is of: scapy probes, whole video frames, packets, commands; a whole flow or channel."""

    PROBE = "probe"
    FRAME = "frame"
    PACKET = "packet"
    COMMAND = "command"
    FLOW = "flow"
    CHANNEL = "channel"


class Kind(StrEnum):
    """What a statistic counts in."""

    DELAY = "delay"
    COUNT = "count"
    RATE = "rate"
    SHARE = "share"

    @property
    def dimension(self) -> Dimension | None:
        """The dimension in which it is written; None for a bare number."""
        return {Kind.DELAY: DURATION, Kind.RATE: RATE, Kind.SHARE: SHARE}.get(self)

    @property
    def unit(self) -> str:
        """The unit of its whole numbers inside, as the summary names it."""
        return {Kind.DELAY: "ns", Kind.COUNT: "count", Kind.RATE: "bit/s", Kind.SHARE: "ppm"}[self]

    def written(self, value: int) -> str:
        """A number as a file would have it: "8 ms", "3", "2 Gbit/s", "35 %"."""
        return str(value) if self.dimension is None else self.dimension.format(value)


class Statistic(StrEnum):
    """What is worked out of one stream of packets, of a flow or of channels; each knows what it counts in.

    Of one channel in one direction: `unused`, of the rate that it had; `resizes`; `queueing`, the longest
    delay beyond the shortest one; `opening`, from its request to the first packet sent in it. Of all
    channels of a variant: how many were `admitted`, `refused` and `preempted`, and the `fairness`.
    """

    MIN = "min"
    MEAN = "mean"
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    P999 = "p999"
    MAX = "max"
    SENT = "sent"
    RECEIVED = "received"
    LOST = "lost"
    REORDERED = "reordered"
    THROUGHPUT = "throughput"
    UNUSED = "unused"
    RESIZES = "resizes"
    QUEUEING = "queueing"
    OPENING = "opening"
    ADMITTED = "admitted"
    REFUSED = "refused"
    PREEMPTED = "preempted"
    FAIRNESS = "fairness"

    @property
    def kind(self) -> Kind:
        """Delay, count, rate or share."""
        if self in _OF_CHANNELS:
            return _OF_CHANNELS[self]
        if self is Statistic.THROUGHPUT:
            return Kind.RATE
        counts = (Statistic.SENT, Statistic.RECEIVED, Statistic.LOST, Statistic.REORDERED)
        return Kind.COUNT if self in counts else Kind.DELAY

    @property
    def own_measure(self) -> Measure | None:
        """The one measure that has it; None for what every stream of packets has."""
        if self in _OF_CHANNELS:
            return Measure.CHANNEL
        return Measure.FLOW if self is Statistic.THROUGHPUT else None

    @property
    def is_of_all_channels(self) -> bool:
        """Whether it is one number of a whole variant, of no session in particular."""
        return self in _OF_ALL_CHANNELS

    @property
    def has_direction(self) -> bool:
        """Whether there is one of it for each direction."""
        return self is not Statistic.THROUGHPUT and self not in _OF_ALL_CHANNELS[:-1]


_OF_CHANNELS = {
    Statistic.UNUSED: Kind.SHARE,
    Statistic.RESIZES: Kind.COUNT,
    Statistic.QUEUEING: Kind.DELAY,
    Statistic.OPENING: Kind.DELAY,
    Statistic.ADMITTED: Kind.COUNT,
    Statistic.REFUSED: Kind.COUNT,
    Statistic.PREEMPTED: Kind.COUNT,
    Statistic.FAIRNESS: Kind.SHARE,
}
_OF_ALL_CHANNELS = (Statistic.ADMITTED, Statistic.REFUSED, Statistic.PREEMPTED, Statistic.FAIRNESS)
"""Those of all channels together; all but the last count sessions, whichever way these send."""

DELAY_STATISTICS = tuple(
    str(each) for each in Statistic if each.kind is Kind.DELAY and each not in _OF_CHANNELS
)
"""Those of a stream of packets."""


class Quantified(Value):
    """Names one number of a variant: a statistic of one measure of a session or flow, in a direction.

    A flow as a whole has a throughput and nothing else, and a direction of its own, which is not repeated.
    What counts the channels of all sessions names none.
    """

    variant: Name
    session: Name | None = None
    direction: Direction | None = None
    measure: Measure = Measure.PROBE
    statistic: Statistic

    @model_validator(mode="after")
    def _of_something(self) -> "Quantified":
        own = self.statistic.own_measure
        if own is not (self.measure if self.measure in _OFFERED else None):
            said = f"write measure: {own} beside it" if own else _OFFERED[self.measure]
            raise FieldError("statistic", f"{str(self.statistic)!r} is not of a {self.measure}; {said}")
        if self.statistic.is_of_all_channels:
            if self.session is not None:
                raise FieldError("session", f"{str(self.statistic)!r} is of all sessions; remove this key")
        elif self.session is None:
            raise FieldError("session", "is missing")
        if self.statistic.has_direction and self.direction is None:
            raise FieldError("direction", "is missing; write downstream or upstream")
        if not self.statistic.has_direction and self.direction is not None:
            reason = "a flow has one way only, from its source"
            if self.measure is Measure.CHANNEL:
                reason = "a channel is one for both ways"
            raise FieldError("direction", f"{reason}; remove this key")
        return self


_OFFERED = {
    Measure.FLOW: "a flow as a whole has 'throughput' alone",
    Measure.CHANNEL: f"a channel has {listed([str(each) for each in _OF_CHANNELS])}",
}
"""Measures with statistics of their own, and what to say of these."""


class Expectation(Quantified):
    """A bound on one number; a run whose numbers break it ends with exit status 1.

    The bounds are in the unit of the statistic: nanoseconds ("8 ms" in a file), a bare count, bit/s
    ("2 Gbit/s") or millionths ("35 %").
    """

    at_most: int | None = None
    at_least: int | None = None

    @field_validator("at_most", "at_least", mode="before", json_schema_input_type=str | int | None)
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> int | None:
        statistic = info.data.get("statistic")
        if value is None or statistic is None:
            return None  # without a statistic there is an error already, and no way to tell the kind
        return _bound(value, statistic, from_text=info.context == FROM_TEXT)

    @field_serializer("at_most", "at_least")
    def _write(self, value: int | None) -> int | str | None:
        dimension = self.statistic.kind.dimension
        return value if value is None or dimension is None else dimension.format(value)

    @model_validator(mode="after")
    def _bounded(self) -> "Expectation":
        if self.at_most is None and self.at_least is None:
            raise FieldError("at_most", "is missing; an expectation has at_most, at_least or both")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise FieldError("at_least", "is above at_most; nothing can hold")
        return self


class Reference(Quantified):
    """A published figure to set beside one of ours in the report; it decides nothing."""

    value_ns: Duration
    source: str


def _bound(value: Any, statistic: Statistic, *, from_text: bool) -> int:
    """A bound as it was written, in the unit of its statistic; in code a bare number is one already."""
    dimension = statistic.kind.dimension
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if dimension is None:
        if not whole:
            raise ValueError(f"{quoted(value)} is not a count; {str(statistic)!r} needs a whole number")
        return int(value)
    if isinstance(value, str):
        return dimension.parse(value)
    if whole and not from_text:
        return int(value)
    raise ValueError(
        f"{quoted(value)} is not a {statistic.kind}; {str(statistic)!r} needs one with a unit: "
        f"{dimension.example!r}"
    )
