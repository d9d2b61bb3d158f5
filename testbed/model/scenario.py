"""A scenario: what happens on a network, and for how long. What is expected of it is in `quantity`.

All instants are virtual time since the start of the scenario. Cross-checks that need the network
(does this home exist? does this channel fit the PON?) are in `testbed.scenario.rules`.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from testbed.model.base import (
    CarriedRate,
    Direction,
    Duration,
    FieldError,
    Line,
    Name,
    PositiveRate,
    QueueSize,
    Rate,
    Size,
    Value,
    file_key,
)
from testbed.model.channel import ChannelRequest, Channels, Period
from testbed.model.command import UserProgram
from testbed.model.ecn import Ecn
from testbed.model.fabric_work import Experts, Transfer
from testbed.model.failure import Fault, Health
from testbed.model.frame_trace import FrameTrace
from testbed.model.job import Job, JobGroup
from testbed.model.northbound import ChannelBooking, Northbound
from testbed.model.placement import Placement
from testbed.model.pon import Aqm, Pon
from testbed.model.serving import Service
from testbed.model.survey import Survey
from testbed.model.video import VIDEO_PAYLOAD_BYTES, check_frames
from testbed.model.workload import Workload
from testbed.units import DURATION

Interval = Annotated[Duration, Field(ge=100_000)]
"""Between two packets of one program: a program in Python sends about ten thousand a second."""


class NetworkChoice(Value):
    """Which topology, by its bare name or the path of its file, with which parameters of its own."""

    topology: str
    """A name or a path: a shipped topology by its bare name, or a `.py` file, counted from the scenario's
    folder."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """The topology's own parameters."""


class Subscription(Value):
    """What every home has in one direction whatever else happens.

    `rate` is the most it can use, `committed` what the PON holds for it, `queue` the bytes that may
    wait: a long queue is the usual cause of delay on an access link. `aqm` keeps it shorter than that.
    """

    rate_bps: CarriedRate
    """The most that a home can use."""
    committed_bps: Rate
    """What the PON holds for the home whatever others do; `0 bit/s` for nothing, and at most `rate`."""
    queue_bytes: QueueSize
    """The bytes that may wait for the home; a full queue delays by queue ÷ rate."""
    aqm: Aqm = Aqm.FIFO
    """How the queue keeps itself short."""

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
    """As in events and reports."""
    at_ns: Duration
    """When it begins."""
    rate_bps: PositiveRate
    """Mean rate of the video, without headers."""
    upstream_bps: PositiveRate | None = None
    """Mean rate of the video that the player sends, without headers; none: it sends none."""

    def video_bps(self, direction: Direction) -> int | None:
        """The mean rate of the video in one direction; None without one."""
        return self.rate_bps if direction is Direction.DOWNSTREAM else self.upstream_bps


class Commands(Value):
    """What the player sends: a message of fixed size at a fixed interval (3GPP TR 38.838: 100 B, 4 ms)."""

    interval_ns: Interval = 4_000_000
    """From command to command."""
    size_bytes: Annotated[Size, Field(ge=1, le=VIDEO_PAYLOAD_BYTES)] = 100
    """UDP payload of one; at least 8 B are sent, and one packet carries it."""


class Probes(Value):
    """The scapy probes that measure one-way delay beside the session, in both directions."""

    interval_ns: Interval = 10_000_000
    """From probe to probe, in each direction."""
    size_bytes: Annotated[Size, Field(ge=64, le=1400)] = 100
    """Of the whole Ethernet frame."""


def _check_order(starts_at_ns: int, ends_at_ns: int) -> None:
    if ends_at_ns <= starts_at_ns:
        raise FieldError("ends", f"is not after starts, at {DURATION.format(starts_at_ns)}")


class Repeat(Value):
    """How often a session takes place: `count` times, each beginning at an instant drawn from `within`."""

    count: Annotated[int, Field(ge=1, le=1000)]
    """How often."""
    within_ns: Period
    """Each begins later by what is drawn evenly from this, in steps of 1 us."""


class Session(Value):
    """A cloud-gaming session: a player at home, a render job on a node, frames down, commands up.

    A frame takes `render` of its node's graphics processor, as many times as long as sessions share it.
    With frames up as well it is a meeting. A session with `repeat` stands for many: it is their pattern,
    with the earliest instants and the first player.
    """

    player: Name
    """A host of a home, such as `home1`."""
    repeat: Repeat | None = None
    """Makes many sessions of it."""
    starts_at_ns: Duration = Field(alias="starts")
    """The first frame and the first command; job and channel are asked for 0.5 s earlier."""
    ends_at_ns: Duration = Field(alias="ends")
    """After `starts` and not after `duration`."""
    job: Job
    """What it needs of a node."""
    frames_per_second: Annotated[int, Field(ge=1, le=1000)] = 60
    """Of the video, in both directions."""
    render_ns: Duration = 0
    """What a frame takes of its node's graphics processor; several sessions on a node share it evenly, so
    that with n of them it takes n times as long. A frame that cannot be begun before the next is due is left
    out; its delay counts from when it is due."""
    scenes: Annotated[tuple[Scene, ...], Field(min_length=1)]
    """What the session plays; at least one."""
    trace: FrameTrace | None = None
    """Frames as they were recorded, in place of the model's."""
    commands: Commands = Commands()
    """What the player sends."""
    probes: Probes = Probes()
    """The packets that measure one-way delay in both directions."""
    channel: ChannelRequest | None = None
    """The elastic channel that it asks for; without one it shares its home's rate and queue."""
    booking: ChannelBooking | None = None
    """Or what it asks the operator's API for."""

    def sends_video(self, direction: Direction) -> bool:
        """Whether any of its scenes has video in a direction."""
        return any(scene.video_bps(direction) is not None for scene in self.scenes)

    @property
    def _always_sends_upstream(self) -> bool:
        return all(scene.upstream_bps is not None for scene in self.scenes)

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
        if self.trace is not None and self.trace.upstream is not None and not self._always_sends_upstream:
            raise FieldError(("trace", "upstream"), "goes with scenes that all have an upstream rate")
        check_frames(((each.rate_bps, each.upstream_bps) for each in self.scenes), self.frames_per_second)
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

_SCALABLE = ("dctcp", "prague")
"""Congestion controls that answer marks in proportion (RFC 9331), and so may say that they are L4S."""

_LEAST_GAP_NS = 100
"""Between packets of a flow. In virtual time sending one costs some clock reads of 1 ns each, so that a
shorter gap would not be kept; and what is sent back to back every 5 ms must fit into memory."""


class Flow(Value):
    """Background traffic: TCP as fast as it goes in `flows` connections, or one stream of UDP packets.

    The packets of a measured flow are numbered and logged at both ends, like those of a session. `tcont`
    names the T-CONT of its ONU that carries it upstream, where the ONU has more than one.
    """

    protocol: Literal["tcp", "udp"]
    """TCP as fast as it goes, or one stream of UDP packets."""
    source: Name
    """Any host of the network."""
    destination: Name
    """Another one."""
    starts_at_ns: Duration = Field(alias="starts")
    """When it begins to send."""
    ends_at_ns: Duration = Field(alias="ends")
    """After `starts` and not after `duration`."""
    flows: Annotated[int, Field(ge=1, le=64)] = 1
    """Parallel connections, for `tcp`."""
    congestion: Literal["cubic", "bbr", "dctcp", "prague"] | None = None
    """For `tcp`, at both ends; without it the kernel's default. `dctcp` and `prague` are scalable, and use
    ECN; Linux has no `prague` of its own."""
    ecn: Ecn | None = None
    """The ECN bits of its packets; for `udp` any of them, and `not_ect` without this key. For `tcp` beside
    `dctcp`: `ect1`, as L4S has it and as without this key, or `ect0`, as RFC 8257 has it."""
    rate_bps: PositiveRate | None = None
    """Of IP packets, for `udp`, which needs this or `interval`."""
    interval_ns: Period | None = None
    """From packet to packet, for `udp`; the mean, if `arrivals` is `poisson`."""
    packet_bytes: Annotated[Size, Field(ge=64, le=9000)] = 1400
    """Of one IP packet, for `udp`; no more than the wires carry at once."""
    arrivals: Arrivals = Arrivals.CONSTANT
    """For `udp`: evenly spaced, or a Poisson process."""
    phase_ns: Duration = 0
    """For `udp`: added to `starts` before the first packet."""
    measured: bool = False
    """For `udp` between a home and a node: every packet is recorded at both ends."""
    tcont: Name | None = None
    """The class of traffic of the PON that it belongs to."""

    @property
    def first_at_ns(self) -> int:
        """The instant from which packets are sent: that of the first one, if they are evenly spaced."""
        return int(self.starts_at_ns + self.phase_ns)

    @property
    def sent_ecn(self) -> Ecn:
        """The ECN bits of its data, as far as the scenario says."""
        if self.protocol == "tcp" and self.congestion in _SCALABLE:
            return self.ecn or Ecn.ECT1
        return self.ecn or Ecn.NOT_ECT

    @property
    def is_rewritten_to_ect1(self) -> bool:
        """Whether the network has to rewrite its ECT(0): dctcp's sockets send nothing else."""
        return self.congestion == "dctcp" and self.sent_ecn is Ecn.ECT1

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
            self._check_tcp_ecn()
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
        if self.packets_ns(1) < _LEAST_GAP_NS:
            key = "rate" if self.interval_ns is None else "interval"
            least = DURATION.format(_LEAST_GAP_NS)
            raise FieldError(key, f"packets of one flow are at least {least} apart; these are closer")
        return self

    def _check_tcp_ecn(self) -> None:
        """TCP negotiates ECN; which of the two ECT it then sends is its congestion control's."""
        if self.ecn is None:
            return
        if self.congestion not in _SCALABLE:
            raise FieldError("ecn", "is TCP's own affair; write congestion: dctcp beside it, or remove it")
        if self.ecn not in (Ecn.ECT0, Ecn.ECT1):
            raise FieldError("ecn", f"{self.ecn} is not what {self.congestion} sends; write ect1 or ect0")
        if self.congestion == "prague" and self.ecn is not Ecn.ECT1:
            raise FieldError("ecn", "prague sends ect1 and nothing else; remove this key")

    def _refuse(self, foreign: dict[str, str], advice: str) -> None:
        """Refuse the keys of the other protocol: a key that nobody heeds is a mistake."""
        for name, reason in foreign.items():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise FieldError(file_key(name), reason + advice)


class Script(Value):
    """What happens, on which network and for how long: a scenario without its name, or a variant's part."""

    title: Line
    """One line for people."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Everything random in a run follows from it."""
    duration_ns: Period
    """How long the scenario lasts; 1 s is added for the last packets."""
    network: NetworkChoice
    """Which network."""
    access: Access
    """What every home has subscribed to."""
    pon: Pon = Pon()
    """How the PON assigns its capacity, and its classes of traffic."""
    placement: Placement = Placement()
    """How jobs are given nodes."""
    channels: Channels = Channels()
    """What holds for all elastic channels."""
    northbound: Northbound | None = None
    """The operator's API, served inside the run."""
    sessions: dict[Name, Session] = Field(default_factory=dict)
    """Cloud-gaming sessions, whose traffic is measured."""
    background: dict[Name, Flow] = Field(default_factory=dict)
    """Other traffic, measured if it says so; no flow has a session's name."""
    workloads: dict[Name, Workload] = Field(default_factory=dict)
    """Traffic of kinds that installed packages bring, by name."""
    health: Health | None = None
    """How failures of nodes are noticed."""
    jobs: dict[Name, JobGroup] = Field(default_factory=dict)
    """Jobs without a session."""
    services: dict[Name, Service] = Field(default_factory=dict)
    """Inference services and their clients."""
    transfers: dict[Name, Transfer] = Field(default_factory=dict)
    """Bulk between two compute nodes."""
    experts: dict[Name, Experts] = Field(default_factory=dict)
    """Exchanges of a mixture-of-experts model between compute nodes."""
    survey: Survey | None = None
    """Live measurement of delays, by which jobs are then placed."""
    faults: dict[Name, Fault] = Field(default_factory=dict)
    """What breaks, and when."""
    programs: dict[Name, UserProgram] = Field(default_factory=dict)
    """Programs of your own on hosts."""
    capture: tuple[Name, ...] = ()
    """Stations whose packets are kept as pcapng."""


class Scenario(Script):
    """One variant of a scenario file, complete."""

    name: Name
    variant: Name
