"""A scenario: what happens on a network, for how long, and what is expected of it.

All instants are virtual time since the start of the scenario. Cross-checks that need the network
(does this home exist? does this channel fit the PON?) are in `testbed.scenario.rules`.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_serializer, field_validator, model_validator

from testbed.model.base import FROM_TEXT, Direction, Duration, FieldError, Rate, Size, Value
from testbed.units import DURATION
from testbed.words import quoted

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]

Interval = Annotated[Duration, Field(ge=100_000)]
"""Between two packets of one program: a program in Python sends about ten thousand a second."""

Period = Annotated[Duration, Field(gt=0)]
PositiveRate = Annotated[Rate, Field(gt=0)]
PositiveSize = Annotated[Size, Field(gt=0)]


class NetworkChoice(Value):
    """Which topology, by its bare name or the path of its file, with which parameters of its own."""

    topology: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Subscription(Value):
    """What every home has in one direction whatever else happens.

    `rate` is the most it can use, `committed` what the PON holds for it, `queue` the bytes that may
    wait: a long queue is the usual cause of delay on an access link.
    """

    rate_bps: PositiveRate
    committed_bps: Rate
    queue_bytes: PositiveSize

    @model_validator(mode="after")
    def _ordered(self) -> "Subscription":
        if self.committed_bps > self.rate_bps:
            raise FieldError("committed", "is above rate; a home cannot be promised more than it may use")
        return self


class Access(Value):
    """The subscription of every home, by direction."""

    downstream: Subscription
    upstream: Subscription

    def towards(self, direction: Direction) -> Subscription:
        """The subscription in one direction."""
        return self.downstream if direction is Direction.DOWNSTREAM else self.upstream


class Placement(Value):
    """How jobs are given nodes: weights of the load score and the delay score, and backups."""

    load_weight: Weight = 60.0
    delay_weight: Weight = 40.0
    backup: bool = True

    @model_validator(mode="after")
    def _some_weight(self) -> "Placement":
        if self.load_weight + self.delay_weight == 0:
            raise FieldError("load_weight", "is 0 and delay_weight too; at least one of them must count")
        return self


class Scene(Value):
    """A stretch of a session with one frame rate and one mean bit rate."""

    name: Name
    at_ns: Duration
    rate_bps: PositiveRate


class ResizePolicy(StrEnum):
    """How a channel's rate is chosen: fixed, or from the demand that the application signals."""

    STATIC = "static"
    SIGNALLED = "signalled"


class ChannelRange(Value):
    """The rates of an elastic channel in one direction: never below `committed`, never above `peak`."""

    committed_bps: Rate
    peak_bps: PositiveRate
    queue_bytes: PositiveSize

    @model_validator(mode="after")
    def _ordered(self) -> "ChannelRange":
        if self.peak_bps < self.committed_bps:
            raise FieldError("peak", "is below committed; a channel's peak is at least what it is promised")
        return self


class ChannelRequest(Value):
    """The elastic channel that a session asks for.

    Under the signalled policy the rate is what sends the largest burst of the scene (a video frame,
    a command) within `serialisation`. Growing precedes the load; shrinking waits `hold` after the
    demand fell, so that a short dip costs nothing.
    """

    policy: ResizePolicy = ResizePolicy.SIGNALLED
    downstream: ChannelRange
    upstream: ChannelRange
    serialisation_ns: Period
    hold_ns: Duration

    def towards(self, direction: Direction) -> ChannelRange:
        """The range of rates in one direction."""
        return self.downstream if direction is Direction.DOWNSTREAM else self.upstream


class Job(Value):
    """The compute that a session needs on one node, in the units of the nodes' capacity."""

    weight: Annotated[int, Field(ge=1)]


class Commands(Value):
    """What the player sends: a message of fixed size at a fixed interval (3GPP TR 38.838: 100 B, 4 ms)."""

    interval_ns: Interval = 4_000_000
    size_bytes: PositiveSize = 100


class Probes(Value):
    """The scapy probes that measure one-way delay beside the session, in both directions."""

    interval_ns: Interval = 10_000_000
    size_bytes: Annotated[Size, Field(ge=64, le=1400)] = 100


def _check_order(starts_at_ns: int, ends_at_ns: int) -> None:
    if ends_at_ns <= starts_at_ns:
        raise FieldError("ends", f"is not after starts, at {DURATION.format(starts_at_ns)}")


class Session(Value):
    """A cloud-gaming session: a player at home, a render job on a node, frames down, commands up."""

    player: Name
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    job: Job
    frames_per_second: Annotated[int, Field(ge=1, le=1000)] = 60
    scenes: Annotated[tuple[Scene, ...], Field(min_length=1)]
    commands: Commands = Commands()
    probes: Probes = Probes()
    channel: ChannelRequest | None = None

    @model_validator(mode="after")
    def _timed(self) -> "Session":
        _check_order(self.starts_at_ns, self.ends_at_ns)
        first = self.scenes[0]
        if first.at_ns != self.starts_at_ns:
            start = DURATION.format(self.starts_at_ns)
            raise FieldError(("scenes", 0, "at"), f"the first scene begins with the session, at {start}")
        for index, (before, scene) in enumerate(pairwise(self.scenes), start=1):
            if scene.at_ns <= before.at_ns:
                raise FieldError(
                    ("scenes", index, "at"),
                    f"is not after the scene before it, at {DURATION.format(before.at_ns)}",
                )
        last = len(self.scenes) - 1
        if self.scenes[last].at_ns >= self.ends_at_ns:
            end = DURATION.format(self.ends_at_ns)
            raise FieldError(("scenes", last, "at"), f"is not before the session's end, at {end}")
        return self


class Flow(Value):
    """Background traffic: TCP as fast as it goes, or UDP at a constant rate, in `flows` parallel streams."""

    protocol: Literal["tcp", "udp"]
    source: Name
    destination: Name
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    flows: Annotated[int, Field(ge=1, le=64)] = 1
    rate_bps: PositiveRate | None = None
    packet_bytes: Annotated[Size, Field(ge=64, le=1500)] = 1400

    @model_validator(mode="after")
    def _consistent(self) -> "Flow":
        _check_order(self.starts_at_ns, self.ends_at_ns)
        if self.protocol == "udp" and self.rate_bps is None:
            raise FieldError("rate", "is missing; a udp flow sends at a rate, such as '100 Mbit/s'")
        if self.protocol == "tcp" and self.rate_bps is not None:
            raise FieldError("rate", "a tcp flow finds its own rate; remove this key, or write protocol: udp")
        return self


class Measure(StrEnum):
    """What a delay is of: the scapy probes, whole video frames, every packet of the session, its commands."""

    PROBE = "probe"
    FRAME = "frame"
    PACKET = "packet"
    COMMAND = "command"


DELAY_STATISTICS = ("min", "mean", "p50", "p95", "p99", "p999", "max")
COUNT_STATISTICS = ("sent", "received", "lost", "reordered")
Statistic = Literal[
    "min", "mean", "p50", "p95", "p99", "p999", "max", "sent", "received", "lost", "reordered"
]


class Quantified(Value):
    """Names one number of a run: a statistic of one measure of a session in a direction and variant."""

    variant: Name
    session: Name
    direction: Direction
    measure: Measure = Measure.PROBE
    statistic: Statistic


class Expectation(Quantified):
    """A bound on one number; a run whose numbers break it ends with exit status 1.

    The bounds are nanoseconds where the statistic is of a delay ("8 ms" in a file), and plain counts
    where it counts packets.
    """

    at_most: int | None = None
    at_least: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the bounds are counts of packets, not delays."""
        return self.statistic in COUNT_STATISTICS

    @field_validator("at_most", "at_least", mode="before", json_schema_input_type=str | int | None)
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> int | None:
        statistic = info.data.get("statistic")
        if value is None or statistic is None:
            return None  # without a statistic there is an error already, and no way to tell the kind
        in_code = info.context != FROM_TEXT
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if statistic in COUNT_STATISTICS:
            if not whole:
                raise ValueError(f"{quoted(value)} is not a count; {statistic!r} needs a whole number")
            return int(value)
        if isinstance(value, str):
            return DURATION.parse(value)
        if whole and in_code:
            return int(value)
        raise ValueError(
            f"{quoted(value)} is not a delay; {statistic!r} needs one with a unit: {DURATION.example!r}"
        )

    @field_serializer("at_most", "at_least")
    def _write(self, value: int | None) -> int | str | None:
        return value if value is None or self.counts else DURATION.format(value)

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


class Script(Value):
    """What happens, on which network and for how long: a scenario without its name, or a variant's part."""

    title: str
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    duration_ns: Period
    network: NetworkChoice
    access: Access
    placement: Placement = Placement()
    sessions: dict[Name, Session] = Field(default_factory=dict)
    background: dict[Name, Flow] = Field(default_factory=dict)


class Scenario(Script):
    """One variant of a scenario file, complete."""

    name: Name
    variant: Name
