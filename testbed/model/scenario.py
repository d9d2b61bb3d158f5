"""A scenario: what happens on a network, and for how long. What is expected of it is in `quantity`.

All instants are virtual time since the start of the scenario. Cross-checks that need the network
(does this home exist? does this channel fit the PON?) are in `testbed.scenario.rules`.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from testbed.model.base import Direction, Duration, FieldError, Name, Rate, Size, Value, file_key
from testbed.model.channel import ChannelRequest, Channels, Period
from testbed.model.command import UserProgram
from testbed.model.fabric_work import Experts, Transfer
from testbed.model.failure import Fault, Health
from testbed.model.job import Job, JobGroup
from testbed.model.northbound import ChannelBooking, Northbound
from testbed.model.placement import Placement
from testbed.model.pon import Aqm, Pon, PositiveRate, PositiveSize
from testbed.model.serving import Service
from testbed.model.survey import Survey
from testbed.units import DURATION

Interval = Annotated[Duration, Field(ge=100_000)]
"""Between two packets of one program: a program in Python sends about ten thousand a second."""


class NetworkChoice(Value):
    """Which topology, by its bare name or the path of its file, with which parameters of its own."""

    topology: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Subscription(Value):
    """What every home has in one direction whatever else happens.

    `rate` is the most it can use, `committed` what the PON holds for it, `queue` the bytes that may
    wait: a long queue is the usual cause of delay on an access link. `aqm` keeps it shorter than that.
    """

    rate_bps: PositiveRate
    committed_bps: Rate
    queue_bytes: PositiveSize
    aqm: Aqm = Aqm.FIFO

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


class Scene(Value):
    """A stretch of a session with mean rates of its video: the node's, and the player's if it sends any."""

    name: Name
    at_ns: Duration
    rate_bps: PositiveRate
    upstream_bps: PositiveRate | None = None

    def video_bps(self, direction: Direction) -> int | None:
        """The mean rate of the video in one direction; None without one."""
        return self.rate_bps if direction is Direction.DOWNSTREAM else self.upstream_bps


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


class Repeat(Value):
    """How often a session takes place: `count` times, each beginning at an instant drawn from `within`."""

    count: Annotated[int, Field(ge=1, le=1000)]
    within_ns: Period


class Session(Value):
    """A cloud-gaming session: a player at home, a render job on a node, frames down, commands up.

    A frame takes `render` of its node's graphics processor, as many times as long as sessions share it.
    With frames up as well it is a meeting. A session with `repeat` stands for many: it is their pattern,
    with the earliest instants and the first player.
    """

    player: Name
    repeat: Repeat | None = None
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    job: Job
    frames_per_second: Annotated[int, Field(ge=1, le=1000)] = 60
    render_ns: Duration = 0
    scenes: Annotated[tuple[Scene, ...], Field(min_length=1)]
    commands: Commands = Commands()
    probes: Probes = Probes()
    channel: ChannelRequest | None = None
    booking: ChannelBooking | None = None

    def sends_video(self, direction: Direction) -> bool:
        """Whether any of its scenes has video in a direction."""
        return any(scene.video_bps(direction) is not None for scene in self.scenes)

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


class Arrivals(StrEnum):
    """How a udp flow spaces its packets: evenly, or as a Poisson process."""

    CONSTANT = "constant"
    POISSON = "poisson"


_UDP_ONLY = {
    "rate_bps": "a tcp flow finds its own rate",
    "interval_ns": "a tcp flow finds its own rate",
    "packet_bytes": "tcp fills its packets itself",
    "arrivals": "a tcp flow sends as fast as it goes",
    "phase_ns": "a tcp flow sends as fast as it goes",
    "measured": "the packets of a tcp flow are the kernel's and have no number",
}
_TCP_ONLY = {
    "flows": "a udp flow is one stream; write a higher rate, or more flows side by side",
    "congestion": "udp knows no congestion control; remove this key, or write protocol: tcp",
}
"""Keys that one protocol alone can heed, and what to say of them beside the other."""

_LEAST_GAP_NS = 100
"""Between packets that are sent one by one. In virtual time sending one costs some clock reads of 1 ns
each, so that a shorter gap would not be kept."""


class Flow(Value):
    """Background traffic: TCP as fast as it goes in `flows` connections, or one stream of UDP packets.

    The packets of a measured flow are numbered and logged at both ends, like those of a session. `tcont`
    names the T-CONT of its ONU that carries it upstream, where the ONU has more than one.
    """

    protocol: Literal["tcp", "udp"]
    source: Name
    destination: Name
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    flows: Annotated[int, Field(ge=1, le=64)] = 1
    congestion: Literal["cubic", "bbr", "dctcp"] | None = None
    rate_bps: PositiveRate | None = None
    interval_ns: Period | None = None
    packet_bytes: Annotated[Size, Field(ge=64, le=9000)] = 1400
    arrivals: Arrivals = Arrivals.CONSTANT
    phase_ns: Duration = 0
    measured: bool = False
    tcont: Name | None = None

    @property
    def first_at_ns(self) -> int:
        """The instant from which packets are sent: that of the first one, if they are evenly spaced."""
        return int(self.starts_at_ns + self.phase_ns)

    @property
    def is_paced(self) -> bool:
        """Whether every packet leaves at an instant of its own, not with others every few milliseconds."""
        uneven = self.arrivals is Arrivals.POISSON
        return self.measured or uneven or self.interval_ns is not None or self.phase_ns > 0

    def packets_ns(self, count: int) -> int:
        """How long a udp flow takes for so many packets, by its rate or its interval."""
        if self.interval_ns is not None:
            return count * int(self.interval_ns)
        assert self.rate_bps is not None
        return count * int(self.packet_bytes) * 8 * 10**9 // int(self.rate_bps)

    @model_validator(mode="after")
    def _consistent(self) -> "Flow":
        _check_order(self.starts_at_ns, self.ends_at_ns)
        if self.protocol == "tcp":
            self._refuse(_UDP_ONLY, "; remove this key, or write protocol: udp")
            return self
        self._refuse(_TCP_ONLY, "")
        if self.rate_bps is None and self.interval_ns is None:
            raise FieldError("rate", "is missing; a udp flow sends at a rate, such as '100 Mbit/s'")
        if self.rate_bps is not None and self.interval_ns is not None:
            raise FieldError(
                "interval", "stands beside rate, and each follows from the other; remove one of them"
            )
        if self.first_at_ns >= self.ends_at_ns:
            raise FieldError("phase", "leaves no time for a packet before the flow ends")
        if self.is_paced and self.packets_ns(1) < _LEAST_GAP_NS:
            key = "rate" if self.interval_ns is None else "interval"
            least = DURATION.format(_LEAST_GAP_NS)
            raise FieldError(key, f"packets sent one by one are at least {least} apart; these are closer")
        return self

    def _refuse(self, foreign: dict[str, str], advice: str) -> None:
        """Refuse the keys of the other protocol: a key that nobody heeds is a mistake."""
        for name, reason in foreign.items():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise FieldError(file_key(name), reason + advice)


class Script(Value):
    """What happens, on which network and for how long: a scenario without its name, or a variant's part."""

    title: str
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    duration_ns: Period
    network: NetworkChoice
    access: Access
    pon: Pon = Pon()
    placement: Placement = Placement()
    channels: Channels = Channels()
    northbound: Northbound | None = None
    sessions: dict[Name, Session] = Field(default_factory=dict)
    background: dict[Name, Flow] = Field(default_factory=dict)
    health: Health | None = None
    jobs: dict[Name, JobGroup] = Field(default_factory=dict)
    services: dict[Name, Service] = Field(default_factory=dict)
    transfers: dict[Name, Transfer] = Field(default_factory=dict)
    experts: dict[Name, Experts] = Field(default_factory=dict)
    survey: Survey | None = None
    faults: dict[Name, Fault] = Field(default_factory=dict)
    programs: dict[Name, UserProgram] = Field(default_factory=dict)
    capture: tuple[Name, ...] = ()


class Scenario(Script):
    """One variant of a scenario file, complete."""

    name: Name
    variant: Name
