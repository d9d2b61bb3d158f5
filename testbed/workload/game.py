"""Both ends of a session: the render server sends frames, the player commands and, in a meeting, frames too.

Every packet is numbered and logged where it is sent and where it arrives.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from testbed.applications.game.model import Scene, Session
from testbed.host.datagrams import COMMANDS_PORT, FRAMES_PORT, READ_INTERVAL_NS, Datagrams
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.frames import frames
from testbed.workload.rendering import Gpu
from testbed.workload.video import Takeover, VideoReceiver, VideoSender

COMMAND_HEADER = struct.Struct("!Q")
"""Command number."""
_DRAWN_FROM = {DOWNSTREAM: "frames", UPSTREAM: "frames upstream"}
"""The name of the generator that draws a direction's frames, behind the seed and the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """A session as its programs see it: its name, addresses and first port, and where to log.

    `epoch` counts its nodes. The programs of a further one go on `from_ns`.
    """

    name: str
    session: Session
    player_ip: str
    node_ip: str
    first_port: int
    seed: int
    logs: Path
    epoch: int = 1
    from_ns: int | None = None

    def video_socket(self, loop: Loop, sending: Direction) -> Datagrams:
        """The socket for video of the end that sends in this direction; both ends have the same port.

        A player hears every node, because the session may move to another one.
        """
        if sending is UPSTREAM:
            datagrams = Datagrams(loop.clock, self.player_ip, self.first_port + FRAMES_PORT)
            datagrams.aim(self.node_ip, self.first_port + FRAMES_PORT)
            return datagrams
        datagrams = Datagrams(loop.clock, self.node_ip, self.first_port + FRAMES_PORT)
        if self.session.sends_video(sending):
            datagrams.connect(self.player_ip, self.first_port + FRAMES_PORT)
        return datagrams

    def sender(
        self, loop: Loop, datagrams: Datagrams, direction: Direction, gpu: Gpu | None = None
    ) -> VideoSender | None:
        """What sends the session's video in this direction; None if it has none."""
        if not self.session.sends_video(direction):
            return None
        random = Random(f"{self.seed}/{self.name}/{_DRAWN_FROM[direction]}")
        video = frames(self.session, random, direction)
        return VideoSender(
            loop,
            datagrams,
            video,
            self.logs,
            session=self.name,
            direction=direction,
            epoch=self.epoch,
            from_ns=self.from_ns,
            gpu=gpu,
        )

    def receiver(self, datagrams: Datagrams, direction: Direction) -> VideoReceiver | None:
        """What receives the session's video in this direction; None if it has none."""
        if not self.session.sends_video(direction):
            return None
        return VideoReceiver(datagrams, self.logs, session=self.name, direction=direction)


class RenderServer:
    """Sends every frame in packets, back to back; asks before it enters a scene.

    `enter_scene` returns when the network has answered, so that growth precedes the load.
    """

    def __init__(self, loop: Loop, ends: Ends, enter_scene: Callable[[Scene], None]) -> None:
        self._loop, self._enter_scene = loop, enter_scene
        datagrams = ends.video_socket(loop, DOWNSTREAM)
        self._commands = Datagrams(loop.clock, ends.node_ip, ends.first_port + COMMANDS_PORT)
        session = ends.session
        self._gpu = Gpu(session.render_ns, session.frames_per_second) if session.render_ns else None
        self._video = ends.sender(loop, datagrams, DOWNSTREAM, self._gpu)
        self._received = ends.receiver(datagrams, UPSTREAM)
        self._command_log = ReceivedLog(ends.logs, session=ends.name, measure="command", direction=UPSTREAM)
        first_ns = ends.session.starts_at_ns if ends.from_ns is None else ends.from_ns
        self._scenes = [scene for scene in ends.session.scenes if scene.at_ns >= first_ns]

    def told(self, message: Mapping[str, Any]) -> None:
        """Heed the driver: `sharers` says how many sessions render on this node from now on."""
        if message["kind"] == "sharers" and self._gpu is not None:
            self._gpu.sharers = message["count"]

    @property
    def outcome(self) -> dict[str, int]:
        """What is said of the session's rendering at the end."""
        return {} if self._gpu is None else {"left_out": self._gpu.left_out}

    def start(self) -> None:
        """Set out to enter every scene at its instant, and to send the frames between."""
        for scene in self._scenes:
            self._loop.at(scene.at_ns, partial(self._enter_scene, scene))
        if self._video is not None:
            self._video.start()
        self._loop.every(READ_INTERVAL_NS, self._take)

    def _take(self) -> None:
        for payload, at_ns in self._commands.waiting():
            self._command_log.write(COMMAND_HEADER.unpack_from(payload)[0], at_ns)
        if self._received is not None:
            self._received.take()

    def close(self) -> None:
        """Take what has arrived, and close the logs."""
        self._take()
        for each in (self._video, self._received, self._command_log):
            if each is not None:
                each.close()


class Player:
    """Receives frames, sends a command at a fixed interval, and frames if the session has any upstream.

    Both go where the frames come from: when these come from another node, in a higher epoch, all it sends
    goes there, and `on_takeover` is told of the first whole frame.
    """

    def __init__(
        self,
        loop: Loop,
        ends: Ends,
        on_takeover: Callable[[Takeover], None] = lambda _takeover: None,
    ) -> None:
        self._loop, self._ends = loop, ends
        self._datagrams = datagrams = ends.video_socket(loop, UPSTREAM)
        self._commands = Datagrams(loop.clock, ends.player_ip, ends.first_port + COMMANDS_PORT)
        self._received = ends.receiver(datagrams, DOWNSTREAM)
        self._video = ends.sender(loop, datagrams, UPSTREAM)
        self._command_log = SentLog(ends.logs, session=ends.name, measure="command", direction=UPSTREAM)
        self._sent = 0
        self._commands.aim(ends.node_ip, ends.first_port + COMMANDS_PORT)
        if self._received is not None:
            self._received.on_sender, self._received.on_takeover = self._follow, on_takeover

    def _follow(self, node_ip: str) -> None:
        self._commands.aim(node_ip, self._ends.first_port + COMMANDS_PORT)
        self._datagrams.aim(node_ip, self._ends.first_port + FRAMES_PORT)

    @property
    def remarks(self) -> list[str]:
        """What the run's warnings say of it."""
        refused = 0 if self._received is None else self._received.refused
        return [f"refused {refused} packets of a node that had been given up"] if refused else []

    def start(self) -> None:
        """Set out to send commands and frames."""
        self._loop.at(self._ends.session.starts_at_ns, self._send_command)
        if self._video is not None:
            self._video.start()
        self._loop.every(READ_INTERVAL_NS, self._take)

    def _send_command(self) -> None:
        commands, session = self._ends.session.commands, self._ends.session
        payload = COMMAND_HEADER.pack(self._sent).ljust(commands.size_bytes, b"\0")
        self._command_log.write(self._sent, len(payload), self._loop.clock.now_ns())
        self._commands.send([payload])
        self._sent += 1
        next_ns = session.starts_at_ns + self._sent * commands.interval_ns
        if next_ns < session.ends_at_ns:
            self._loop.at(next_ns, self._send_command)

    def _take(self) -> None:
        if self._received is not None:
            self._received.take()

    def close(self) -> None:
        """Take what has arrived, and close the logs."""
        for each in (self._received, self._video, self._command_log):
            if each is not None:
                each.close()
