"""Video upstream: a session's frames both ways, what they ask of a channel, and that none is the rule."""

import socket
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from testbed.applications.game.channel_demand import Packets, demand_of_scene
from testbed.applications.game.model import Scene, Session
from testbed.host import datagrams
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.job import Job
from testbed.record.samples import StreamName, join, stream_names
from testbed.workload.frames import frames
from testbed.workload.game import Ends, Player, RenderServer

MS = 1_000_000
HERE, THERE = "127.0.0.1", "127.0.0.2"


def session(*upstream_bps: int | None, lasts_ms: int = 100) -> Session:
    """A session of scenes of this length, with these rates upstream and 8 Mbit/s downstream."""
    scenes = tuple(
        Scene(name=f"scene{number}", at_ns=number * lasts_ms * MS, rate_bps=8_000_000, upstream_bps=rate_bps)
        for number, rate_bps in enumerate(upstream_bps)
    )
    return Session(
        player="home1",
        starts_at_ns=0,
        ends_at_ns=len(scenes) * lasts_ms * MS,
        job=Job(weight=1),
        frames_per_second=50,
        scenes=scenes,
    )


def video(of: Session, direction: Direction) -> list[Any]:
    return list(frames(of, Random(1), direction))


def test_a_scene_without_upstream_video_has_no_frames_upstream() -> None:
    made = video(session(None, 4_000_000, None, 2_000_000), UPSTREAM)
    assert [frame.number for frame in made] == list(range(10))
    assert {frame.scene.name for frame in made} == {"scene1", "scene3"}
    assert all(frame.scene.at_ns <= frame.at_ns < frame.scene.at_ns + 100 * MS for frame in made)
    assert video(session(None, None), UPSTREAM) == []


def test_upstream_video_does_not_change_what_comes_down() -> None:
    alone, meeting = (
        [(frame.number, frame.at_ns, frame.size_bytes) for frame in video(each, DOWNSTREAM)]
        for each in (session(None, None), session(4_000_000, None))
    )
    assert alone == meeting


def test_upstream_frames_are_of_the_upstream_rate() -> None:
    for frame in video(session(4_000_000, lasts_ms=2000), UPSTREAM):
        assert 0.5 * 10_000 - 1 <= frame.size_bytes <= 1.5 * 10_000 + 1


def test_a_channel_is_asked_for_the_video_upstream_and_the_commands_beside_it() -> None:
    packets = Packets(payload_bytes=1400, overhead_bytes=54)
    quiet, speaking = (
        demand_of_scene("s", each, each.scenes[0], packets) for each in (session(None), session(4_000_000))
    )
    assert quiet.downstream == speaking.downstream
    commands_bps = (100 + 54) * 8 * 250
    assert quiet.upstream.mean_bps == commands_bps
    # Frames of 10 kB on average in 8 packets, the largest of 15 kB in 11.
    assert speaking.upstream.mean_bps == commands_bps + (10_000 + 8 * 54) * 8 * 50
    assert speaking.upstream.burst_bytes == 15_000 + 11 * 54


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    monkeypatch.setattr(datagrams, "_SO_RCVBUFFORCE", socket.SO_RCVBUF)
    monkeypatch.setattr(datagrams, "_SO_SNDBUFFORCE", socket.SO_SNDBUF)
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME)))


def play(loop: Loop, of: Session, logs: Path) -> set[tuple[str, str]]:
    """Run both ends of a session on this machine; the streams that they left, by measure and direction."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((THERE, 0))
        port = free.getsockname()[1]
    ends = Ends(
        name="s", session=of, player_ip=HERE, node_ip=THERE, first_port=min(port, 65_000), seed=1, logs=logs
    )
    parts = [RenderServer(loop, ends, lambda _scene: None), Player(loop, ends)]
    for part in parts:
        part.start()
    loop.at(of.ends_at_ns + 50 * MS, loop.stop)
    loop.run()
    for part in reversed(parts):
        part.close()
    return {(name.measure, name.direction) for name in stream_names(logs)}


def test_both_ends_log_what_both_send(loop: Loop, tmp_path: Path) -> None:
    assert play(loop, session(4_000_000), tmp_path) == {
        ("command", UPSTREAM),
        ("frame", DOWNSTREAM),
        ("frame", UPSTREAM),
        ("packet", DOWNSTREAM),
        ("packet", UPSTREAM),
    }
    for direction in (DOWNSTREAM, UPSTREAM):
        frames_there = join(tmp_path, StreamName("s", "frame", direction))
        assert frames_there.seq.tolist() == [0, 1, 2, 3, 4]
        assert (frames_there.received_at_ns >= frames_there.sent_at_ns).all()


def test_without_video_upstream_there_is_no_stream_of_it(loop: Loop, tmp_path: Path) -> None:
    """The control."""
    streams = play(loop, session(None), tmp_path)
    assert streams == {("command", UPSTREAM), ("frame", DOWNSTREAM), ("packet", DOWNSTREAM)}
