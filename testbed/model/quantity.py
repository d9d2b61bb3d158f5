"""A number of a run by its name, and what a scenario expects of it or sets beside it."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_serializer, field_validator, model_validator

from testbed.model.base import ACROSS, DOWNSTREAM, FROM_TEXT, Direction, FieldError, Line, Name, Value
from testbed.model.carriers import MOST_COUNT
from testbed.units import DURATION, RATE, SHARE, Dimension
from testbed.words import listed, quoted


class Measure(StrEnum):
    """What a number is of: a stream of packets or of messages, or one thing as a whole."""

    PROBE = "probe"
    """A scapy probe of a session: from its sending to its arrival."""
    FRAME = "frame"
    """A whole video frame of a session, from its first packet handed to the kernel to its last one
    received."""
    PACKET = "packet"
    """A packet of a session's video, of a measured flow, or of a workload."""
    MESSAGE = "message"
    """Of a workload: whatever it calls a message, such as all packets of a spurt of speech."""
    COMMAND = "command"
    """A command of a session's player."""
    FLOW = "flow"
    """A background flow or a workload as a whole."""
    CHANNEL = "channel"
    """A session's channel, or all channels of a variant."""
    FIRST_TOKEN = "first_token"
    """Of a service's clients: from a prompt sent by the client to the first token at the client."""
    TOKEN = "token"
    """Of a service's clients: between two tokens of one answer, as they arrive."""
    ANSWER = "answer"
    """Of a service's clients: from a prompt to the last token of its answer."""
    DISPATCH = "dispatch"
    """Of experts: from the beginning of a layer's exchange until the last tokens are at their experts."""
    COMBINE = "combine"
    """Of experts: from there until the last result is back."""
    EXCHANGE = "exchange"
    """Of experts: both together."""
    BLOCK = "block"
    """Of a transfer: from a block first sent to its arrival, however often it had to be sent."""
    REQUEST = "request"
    """Of a group of jobs with `requests`: from a request to its answer; lost if none came."""
    RECOVERY = "recovery"
    """Of a session, a service, or a group of jobs or experts: from a fault to the first request or frame that
    is served again; lost if none was."""
    TRANSFER = "transfer"
    """A transfer as a whole."""
    SERVICE = "service"
    """A service as a whole."""
    JOBS = "jobs"
    """All jobs of a variant."""


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
    """What is worked out of one stream or of a whole; each knows what it counts in."""

    MIN = "min"
    """The shortest delay."""
    MEAN = "mean"
    """The mean delay."""
    P50 = "p50"
    """Half of the delays are no longer."""
    P95 = "p95"
    """95 % of the delays are no longer."""
    P99 = "p99"
    """99 % of the delays are no longer."""
    P999 = "p999"
    """99.9 % of the delays are no longer."""
    MAX = "max"
    """The longest delay."""
    SENT = "sent"
    """How many were sent."""
    RECEIVED = "received"
    """How many arrived."""
    LOST = "lost"
    """How many had not arrived when the receiver stopped, 0.5 s after a session and 1 s after the scenario.
    Of jobs: those whose node failed, and of which nothing was decided after that."""
    REORDERED = "reordered"
    """How many arrived after one that was sent later."""
    THROUGHPUT = "throughput"
    """What arrived from `starts` to `ends`, over that time: of UDP the IP packets, of TCP the payload that
    the program at the destination could read, of a transfer its blocks. What arrives later is in none."""
    UNUSED = "unused"
    """Of what the channel could have carried while the session sent, what it did not."""
    RESIZES = "resizes"
    """How often the channel's rate was changed."""
    QUEUEING = "queueing"
    """The longest delay of a packet in the channel, beyond the shortest that any of the session had."""
    OPENING = "opening"
    """From the request for a channel to the first packet sent in it."""
    ADMITTED = "admitted"
    """Requests for channels that were granted."""
    REFUSED = "refused"
    """Requests for channels that were not. Of jobs: those that found no node and did not wait for one."""
    PREEMPTED = "preempted"
    """Channels that were taken away for others of a higher priority."""
    FAIRNESS = "fairness"
    """Jain's index over what the sessions with a channel sent of what they wanted to send; 100 % if all had
    the same share."""
    KEPT = "kept"
    """The rate while a plane or a link of the fabric is broken, of the rate before the first of these
    faults."""
    OUTAGE = "outage"
    """The longest time without an arriving block."""
    STALLED = "stalled"
    """The longest time in which the blocks without a gap did not grow: what a reader of the whole waits
    for."""
    UTILISATION = "utilisation"
    """Of its time, that in which the service computed: a prompt was in prefill or a step was under way."""
    SATURATION = "saturation"
    """What the tokens that a service decoded take in batches of the best size, of its time: how much it
    decoded of what it could have. Prefill is not part of it."""
    TOKEN_RATE = "token_rate"
    """Tokens a second, over the service's time."""
    PLACED = "placed"
    """Jobs that were given a node."""
    WAITING = "waiting"
    """Jobs without a node when they ended, or the run did: they waited for one in vain."""
    PROMOTED = "promoted"
    """How often a backup took over."""
    EVICTED = "evicted"
    """How often a job lost its node without a backup."""

    @property
    def kind(self) -> Kind:
        """Delay, count, rate or share."""
        return _KINDS.get(self, Kind.COUNT)


_OF_A_DELAY = (
    Statistic.MIN,
    Statistic.MEAN,
    Statistic.P50,
    Statistic.P95,
    Statistic.P99,
    Statistic.P999,
    Statistic.MAX,
)
_OF_A_STREAM = (*_OF_A_DELAY, Statistic.SENT, Statistic.RECEIVED, Statistic.LOST, Statistic.REORDERED)

DELAY_STATISTICS = tuple(str(each) for each in _OF_A_DELAY)
"""Those of a stream that are delays."""

_KINDS: dict[Statistic, Kind] = dict.fromkeys(
    (*_OF_A_DELAY, Statistic.QUEUEING, Statistic.OPENING, Statistic.OUTAGE, Statistic.STALLED), Kind.DELAY
)
_KINDS |= {Statistic.THROUGHPUT: Kind.RATE}
_KINDS |= dict.fromkeys(
    (
        Statistic.UNUSED,
        Statistic.FAIRNESS,
        Statistic.KEPT,
        Statistic.UTILISATION,
        Statistic.SATURATION,
    ),
    Kind.SHARE,
)
"""All others are counts."""

OWN_STATISTICS: dict[Measure, tuple[Statistic, ...]] = {
    Measure.FLOW: (Statistic.THROUGHPUT,),
    Measure.CHANNEL: (
        Statistic.UNUSED,
        Statistic.RESIZES,
        Statistic.QUEUEING,
        Statistic.OPENING,
        Statistic.ADMITTED,
        Statistic.REFUSED,
        Statistic.PREEMPTED,
        Statistic.FAIRNESS,
    ),
    Measure.TRANSFER: (Statistic.THROUGHPUT, Statistic.KEPT, Statistic.OUTAGE, Statistic.STALLED),
    Measure.SERVICE: (Statistic.UTILISATION, Statistic.SATURATION, Statistic.TOKEN_RATE),
    Measure.JOBS: (
        Statistic.PLACED,
        Statistic.REFUSED,
        Statistic.WAITING,
        Statistic.LOST,
        Statistic.PROMOTED,
        Statistic.EVICTED,
    ),
}
"""What there is of each measure that is a whole; all others are streams."""

OF_ALL_CHANNELS = (Statistic.ADMITTED, Statistic.REFUSED, Statistic.PREEMPTED, Statistic.FAIRNESS)
"""Those of all channels together; all but the last count sessions, whichever way these send."""

ONE_WAY: dict[Measure, str] = {
    Measure.FIRST_TOKEN: DOWNSTREAM,
    Measure.TOKEN: DOWNSTREAM,
    Measure.ANSWER: DOWNSTREAM,
    Measure.DISPATCH: ACROSS,
    Measure.COMBINE: ACROSS,
    Measure.EXCHANGE: ACROSS,
    Measure.BLOCK: ACROSS,
    Measure.REQUEST: ACROSS,
    Measure.RECOVERY: ACROSS,
}
"""Streams of which there is one a name, and what stands as their direction in samples and summary."""

_ONE_WAY_ONLY = {
    Measure.FLOW: "a flow has one way only, from its source",
    Measure.CHANNEL: "a channel is one for both ways",
    Measure.TRANSFER: "a transfer has one way only, from its source",
    Measure.SERVICE: "a service has no direction",
    Measure.JOBS: "jobs have no direction",
}


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
    measure: Measure = Measure.PROBE
    """What the number is of."""
    statistic: Statistic
    """Which number of it; not every measure has every statistic."""

    @property
    def is_of_all(self) -> bool:
        """Whether it is one number of a whole variant, of nothing in particular."""
        of_all_channels = self.measure is Measure.CHANNEL and self.statistic in OF_ALL_CHANNELS
        return self.measure is Measure.JOBS or of_all_channels

    @property
    def has_direction(self) -> bool:
        """Whether there is one of it for each direction."""
        if self.measure is Measure.CHANNEL:
            return self.statistic not in OF_ALL_CHANNELS[:-1]
        return self.measure not in OWN_STATISTICS and self.measure not in ONE_WAY

    @model_validator(mode="after")
    def _of_something(self) -> "Quantified":
        if self.statistic not in statistics_of(self.measure):
            named, advice = repr(str(self.statistic)), _advice(self.measure, self.statistic)
            raise FieldError("statistic", f"{named} is not of {a_measure(self.measure)}; {advice}")
        if self.is_of_all:
            if self.session is not None:
                whole = "jobs" if self.measure is Measure.JOBS else "sessions"
                raise FieldError("session", f"{str(self.statistic)!r} is of all {whole}; remove this key")
        elif self.session is None:
            raise FieldError("session", "is missing")
        if self.has_direction and self.direction is None:
            raise FieldError("direction", "is missing; write downstream or upstream")
        if not self.has_direction and self.direction is not None:
            one_way = f"{a_measure(self.measure)} has one way only"
            raise FieldError("direction", f"{_ONE_WAY_ONLY.get(self.measure, one_way)}; remove this key")
        return self


def statistics_of(measure: Measure) -> tuple[Statistic, ...]:
    """All that there is of one measure."""
    return OWN_STATISTICS.get(measure, _OF_A_STREAM)


def a_measure(measure: Measure) -> str:
    """A measure in a sentence: "a probe", "an answer", "a first token", "jobs"."""
    word = str(measure).replace("_", " ")
    if measure is Measure.JOBS:
        return word
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _advice(measure: Measure, statistic: Statistic) -> str:
    """What to write in place of a statistic that a measure does not have."""
    owners = [str(each) for each, own in OWN_STATISTICS.items() if statistic in own]
    if owners and (measure not in OWN_STATISTICS or statistic not in _OF_A_STREAM):
        return f"write measure: {' or '.join(owners)} beside it"
    offered = listed([str(each) for each in OWN_STATISTICS[measure]])
    if measure is Measure.FLOW:
        return f"a flow as a whole has {offered!r} alone"
    return f"{a_measure(measure)} {'have' if measure is Measure.JOBS else 'has'} {offered}"


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
        dimension = self.statistic.kind.dimension
        return value if dimension is None else dimension.format(value)


def _number(value: Any, info: ValidationInfo) -> int:
    """A number as it was written, in the unit of the statistic that was read before it."""
    statistic = info.data.get("statistic")
    if statistic is None:
        return 0  # there is an error already, and no way to tell the kind
    return _bound(value, statistic, from_text=info.context == FROM_TEXT)


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
