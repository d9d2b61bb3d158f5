"""The events of sessions."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """Both ends of a session were told to start."""

    kind: ClassVar[str] = "session.start"
    session: str
    player: str
    node: str

    @property
    def started_source(self) -> tuple[str, str]:
        """The session and its node."""
        return self.session, self.node


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneEntered(Event):
    """The application enters a scene."""

    kind: ClassVar[str] = "scene"
    session: str
    scene: str
    rate_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRendered(Event):
    """The program on the node of a session with `render` has ended."""

    kind: ClassVar[str] = "session.render"
    session: str
    left_out: int
    """Frames that were left out, because the node had too much to render."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRefused(Event):
    """No node can take the session's job: the session does not run."""

    kind: ClassVar[str] = "session.refuse"
    refuses: ClassVar[str] = "session"
    session: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """Both ends of a session were told to stop."""

    kind: ClassVar[str] = "session.end"
    session: str

    @property
    def ended_source(self) -> str:
        """The session, whose rates are sampled."""
        return self.session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGap(Event):
    """The first frame from another node has arrived."""

    kind: ClassVar[str] = "session.gap"
    session: str
    gap_ns: int
    """How long the player had no frame."""
    frames_due: int
    frames_missed: int
