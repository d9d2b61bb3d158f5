"""What the channel controller hears and what it says: plain frozen values, fit to be logged and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass

from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.channel import ChannelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedLoad:
    """What an application is about to send in one direction, headers included.

    `mean_bps` is its mean rate on the wire; `burst_bytes` the most that leaves it at once, and `burst`
    says in words what that is ("a frame of 141 kB").
    """

    mean_bps: int
    burst_bytes: int
    burst: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestChannel:
    """A session asks for a channel over these links; each counts in the directions that it is known in.

    With `demand` a channel whose policy hears scenes opens at the rate which that scene needs.
    `delay_ns` is what the path takes without any queue, in the slower direction.
    """

    session: str
    channel: ChannelRequest
    links: tuple[str, ...]
    demand: "SceneDemand | None" = None
    delay_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDemand:
    """A session enters a scene: to be sent before its first frame, so that growth precedes the load."""

    session: str
    scene: str
    downstream: OfferedLoad
    upstream: OfferedLoad

    def towards(self, direction: Direction) -> OfferedLoad:
        """The load in one direction."""
        return self.downstream if direction is DOWNSTREAM else self.upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCounters:
    """What the class of one direction of a channel did in the last `interval_ns`, and what waits in it."""

    interval_ns: int
    sent_bytes: int
    backlog_bytes: int

    def __post_init__(self) -> None:
        if self.interval_ns <= 0:
            raise ValueError(f"counters were read twice at one instant: {self.sent_bytes} B in no time")


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterReadings:
    """The counters of open channels, all read at one instant: by session, downstream and upstream."""

    counted: Mapping[str, tuple[ClassCounters, ClassCounters]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """A channel is to live until so long after its opening."""

    session: str
    lifetime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A session gives its channel back."""

    session: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed; due at `ChannelState.wake_at_ns` and harmless at any other instant."""


Event = RequestChannel | SceneDemand | CounterReadings | Extend | Release | Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided and why: one line of events.jsonl, `kind` and the fields beside it."""

    kind: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Give a session a class of its own in one direction."""

    session: str
    direction: Direction
    rate_bps: int
    queue_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """Change the rate of a session's class in place, whatever waits in it."""

    session: str
    direction: Direction
    from_bps: int
    to_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Take the session's classes away, in both directions."""

    session: str


Output = Decision | Open | Resize | Close
