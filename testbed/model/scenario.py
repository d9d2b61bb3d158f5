"""A scenario: what happens on a network, for how long, and what is expected of it.

All instants are virtual time since the start of the scenario. Cross-checks that need the network
(does this home exist? does this channel fit the PON?) are in `testbed.scenario.rules`.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from testbed.model.base import Direction, Duration, Rate, Size, Value

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=40)]
Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class NetworkChoice(Value):
    """Which topology, by its bare name or the path of its file, with which parameters of its own."""

    topology: str
    parameters: dict[str, Any] = {}


class Subscription(Value):
    """What every home has in one direction whatever else happens.

    `rate` is the most it can use, `committed` what the PON holds for it, `queue` the bytes that may
    wait: a long queue is the usual cause of delay on an access link.
    """

    rate_bps: Rate
    committed_bps: Rate
    queue_bytes: Size

    @model_validator(mode="after")
    def _ordered(self) -> "Subscription":
        if self.committed_bps > self.rate_bps:
            raise ValueError("committed is above rate; a home cannot be promised more than it may use")
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
            raise ValueError("load_weight and delay_weight are both 0; at least one must count")
        return self


class Scene(Value):
    """A stretch of a session with one frame rate and one mean bit rate."""

    name: Name
    at_ns: Duration
    rate_bps: Rate


class ResizePolicy(StrEnum):
    """How a channel's rate is chosen: fixed, or from the demand that the application signals."""

    STATIC = "static"
    SIGNALLED = "signalled"


class ChannelRange(Value):
    """The rates of an elastic channel in one direction: never below `committed`, never above `peak`."""

    committed_bps: Rate
    peak_bps: Rate
    queue_bytes: Size

    @model_validator(mode="after")
    def _ordered(self) -> "ChannelRange":
        if self.peak_bps < self.committed_bps:
            raise ValueError("peak is below committed; a channel's peak rate is at least its committed rate")
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
    serialisation_ns: Duration
    hold_ns: Duration

    def towards(self, direction: Direction) -> ChannelRange:
        """The range of rates in one direction."""
        return self.downstream if direction is Direction.DOWNSTREAM else self.upstream


class Job(Value):
    """The compute that a session needs on one node, in the units of the nodes' capacity."""

    weight: Annotated[int, Field(ge=1)]


class Commands(Value):
    """What the player sends: a message of fixed size at a fixed interval (3GPP TR 38.838: 100 B, 4 ms)."""

    interval_ns: Duration = 4_000_000
    size_bytes: Size = 100


class Probes(Value):
    """The scapy probes that measure one-way delay beside the session, in both directions."""

    interval_ns: Duration = 10_000_000
    size_bytes: Annotated[Size, Field(ge=64, le=1400)] = 100


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
        if self.ends_at_ns <= self.starts_at_ns:
            raise ValueError("ends is not after starts")
        if self.scenes[0].at_ns != self.starts_at_ns:
            raise ValueError("the first scene must begin when the session starts")
        instants = [scene.at_ns for scene in self.scenes]
        if instants != sorted(set(instants)):
            raise ValueError("scenes must begin one after another")
        if instants[-1] >= self.ends_at_ns:
            raise ValueError("the last scene begins after the session's end")
        return self


class Flow(Value):
    """Background traffic: TCP as fast as it goes, or UDP at a constant rate, in `flows` parallel streams."""

    protocol: Literal["tcp", "udp"]
    source: Name
    destination: Name
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    flows: Annotated[int, Field(ge=1, le=64)] = 1
    rate_bps: Rate | None = None
    packet_bytes: Annotated[Size, Field(ge=64, le=1500)] = 1400

    @model_validator(mode="after")
    def _consistent(self) -> "Flow":
        if self.ends_at_ns <= self.starts_at_ns:
            raise ValueError("ends is not after starts")
        if self.protocol == "udp" and not self.rate_bps:
            raise ValueError("a udp flow needs a rate")
        if self.protocol == "tcp" and self.rate_bps is not None:
            raise ValueError("a tcp flow finds its own rate; remove rate, or use udp")
        return self


class Measure(StrEnum):
    """What a delay is of: the scapy probes, whole video frames, every packet of the session, its commands."""

    PROBE = "probe"
    FRAME = "frame"
    PACKET = "packet"
    COMMAND = "command"


DELAY_STATISTICS = ("min", "mean", "p50", "p95", "p99", "p999", "max")
COUNT_STATISTICS = ("sent", "received", "lost", "reordered")
Statistic = Literal["min", "mean", "p50", "p95", "p99", "p999", "max", "sent", "received", "lost", "reordered"]


class Quantified(Value):
    """Names one number of a run: a statistic of one measure of a session in a direction and variant."""

    variant: Name
    session: Name
    direction: Direction
    measure: Measure = Measure.PROBE
    statistic: Statistic


class Expectation(Quantified):
    """A bound on one number; a run whose numbers break it ends with exit status 1."""

    at_most: Duration | Annotated[int, Field(ge=0, strict=True)] | None = None
    at_least: Duration | Annotated[int, Field(ge=0, strict=True)] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Expectation":
        if self.at_most is None and self.at_least is None:
            raise ValueError("an expectation needs at_most, at_least or both")
        if None not in (self.at_most, self.at_least) and self.at_least > self.at_most:  # type: ignore[operator]
            raise ValueError("at_least is above at_most; nothing can hold")
        return self


class Reference(Quantified):
    """A published figure to set beside one of ours in the report; it decides nothing."""

    value_ns: Duration
    source: str


class Scenario(Value):
    """One variant of a scenario file, complete."""

    name: Name
    title: str
    variant: Name
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    duration_ns: Duration
    network: NetworkChoice
    access: Access
    placement: Placement = Placement()
    sessions: dict[Name, Session] = {}
    background: dict[Name, Flow] = {}
