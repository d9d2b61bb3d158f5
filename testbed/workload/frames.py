"""The video of a session, frame by frame: as 3GPP TR 38.838 models it, or as it was recorded in a trace.

Pure but for reading the trace: the generator is given, and the same seed gives the same video.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random

from testbed.applications.game.model import Scene, Session
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.video import VIDEO_SIZE_MOST
from testbed.scenario.frame_trace import read_frames

SIZE_DEVIATION = 0.105
"""Standard deviation of a frame's size over its mean (TR 38.838, table 5.1.1.1-1)."""
SIZE_LEAST, SIZE_MOST = 0.5, VIDEO_SIZE_MOST
JITTER_DEVIATION_NS = 2_000_000
JITTER_MOST_NS = 4_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded picture: its number, when the encoder delivers it, and its bytes."""

    number: int
    at_ns: int
    size_bytes: int
    scene: Scene


def frames(session: Session, random: Random, direction: Direction = DOWNSTREAM) -> Iterator[Frame]:
    """Every frame that a session sends in a direction, in the order of sending.

    Raises:
        ValueError: Its trace cannot be read, which loading the scenario would have told.
    """
    path = None if session.trace is None else session.trace.towards(direction)
    return _modelled(session, random, direction) if path is None else _traced(session, path)


def _traced(session: Session, path: str) -> Iterator[Frame]:
    """The frames of a trace from the session's start to before its end, over and over if it repeats."""
    trace = session.trace
    assert trace is not None
    traced = read_frames(Path(path), trace.size, trace.interval)
    begins_ns = [scene.at_ns for scene in session.scenes]
    # The first frame comes at once, whatever its distance from one that is not there.
    at_ns = session.starts_at_ns - traced[0].after_ns
    for number, frame in enumerate(cycle(traced) if trace.repeats else traced):
        at_ns += frame.after_ns
        if at_ns >= session.ends_at_ns:
            return
        scene = session.scenes[bisect_right(begins_ns, at_ns) - 1]
        yield Frame(number, at_ns, frame.size_bytes, scene)


def _modelled(session: Session, random: Random, direction: Direction) -> Iterator[Frame]:
    """The frames of the model.

    Frames are due at the frame rate and leave with jitter; a frame never leaves before the one
    before it, nor in a scene that is not its own. A scene without video in that direction has none.
    """
    ends_ns = [scene.at_ns for scene in session.scenes[1:]] + [session.ends_at_ns]
    previous_ns, turn, number = session.starts_at_ns, 0, 0
    for scene, end_ns in zip(session.scenes, ends_ns, strict=True):
        rate_bps = scene.video_bps(direction)
        while (due_ns := session.starts_at_ns + turn * 10**9 // session.frames_per_second) < end_ns:
            turn += 1
            if rate_bps is None:
                continue
            jitter_ns = round(
                truncated_gauss(random, 0, JITTER_DEVIATION_NS, -JITTER_MOST_NS, JITTER_MOST_NS)
            )
            at_ns = min(max(due_ns + jitter_ns, previous_ns, scene.at_ns), end_ns - 1)
            scale = truncated_gauss(random, 1, SIZE_DEVIATION, SIZE_LEAST, SIZE_MOST)
            mean_bytes = rate_bps / session.frames_per_second / 8
            yield Frame(number, at_ns, max(1, round(mean_bytes * scale)), scene)
            previous_ns = at_ns
            number += 1


def truncated_gauss(random: Random, mean: float, deviation: float, least: float, most: float) -> float:
    """A normal variate, drawn again until it is within bounds."""
    while True:
        value = random.gauss(mean, deviation)
        if least <= value <= most:
            return value
