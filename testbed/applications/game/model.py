"""Cloud-gaming sessions and meetings, as a scenario declares them."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from testbed.applications.kind import Kind, Section
from testbed.model.base import DOWNSTREAM, Direction, Duration, FieldError, Name, PositiveRate, Size, Value
from testbed.model.channel import ChannelRequest, Period
from testbed.model.frame_trace import FrameTrace
from testbed.model.job import Job
from testbed.model.northbound import ChannelBooking
from testbed.model.span import Span
from testbed.model.video import VIDEO_PAYLOAD_BYTES, check_frames
from testbed.units import DURATION

Interval = Annotated[Duration, Field(ge=100_000)]
"""Between two packets of one program: a program in Python sends about ten thousand a second."""


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
        return self.rate_bps if direction is DOWNSTREAM else self.upstream_bps


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


class Repeat(Value):
    """How often a session takes place: `count` times, each beginning at an instant drawn from `within`."""

    count: Annotated[int, Field(ge=1, le=1000)]
    """How often."""
    within_ns: Period
    """Each begins later by what is drawn evenly from this, in steps of 1 us."""


class Session(Span):
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


class Sessions(Section):
    """Keys of a scenario file."""

    sessions: dict[Name, Session] = Field(default_factory=dict)
    """Cloud-gaming sessions, whose traffic is measured."""


KIND = Kind(section=Sessions)
