"""Both ends of a cloud game: the render server sends frames, the player sends commands.

Every packet is numbered and logged where it is sent and where it arrives.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.quantity import Measure
from testbed.model.scenario import Scene, Session
from testbed.program.datagrams import COMMANDS_PORT, FRAMES_PORT, READ_INTERVAL_NS, Datagrams
from testbed.program.loop import Loop
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.frames import Frame, frames

VIDEO_HEADER = struct.Struct("!QQHH")
"""Packet number, frame number, index of the packet in its frame, packets in the frame."""
VIDEO_PAYLOAD_BYTES = 1400
COMMAND_HEADER = struct.Struct("!Q")
"""Command number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """A session as its programs see it: its name, addresses and first port, and where to log."""

    name: str
    session: Session
    player_ip: str
    node_ip: str
    first_port: int
    seed: int
    logs: Path


class RenderServer:
    """Sends every frame in packets, back to back; asks before it enters a scene.

    `enter_scene` returns when the network has answered, so that growth precedes the load.
    """

    def __init__(self, loop: Loop, ends: Ends, enter_scene: Callable[[Scene], None]) -> None:
        self._loop, self._ends, self._enter_scene = loop, ends, enter_scene
        self._datagrams = Datagrams(loop.clock, ends.node_ip, ends.first_port + FRAMES_PORT)
        self._commands = Datagrams(loop.clock, ends.node_ip, ends.first_port + COMMANDS_PORT)
        self._packet_log = SentLog(ends.logs, session=ends.name, measure=Measure.PACKET, direction=DOWNSTREAM)
        self._frame_log = SentLog(ends.logs, session=ends.name, measure=Measure.FRAME, direction=DOWNSTREAM)
        self._command_log = ReceivedLog(
            ends.logs, session=ends.name, measure=Measure.COMMAND, direction=UPSTREAM
        )
        self._frames = frames(ends.session, Random(f"{ends.seed}/{ends.name}/frames"))
        self._scenes = list(ends.session.scenes)
        self._packets = 0
        self._datagrams.connect(ends.player_ip, ends.first_port + FRAMES_PORT)

    def start(self) -> None:
        """Set out to enter every scene at its instant, and to send the frames between."""
        for scene in self._scenes:
            self._loop.at(scene.at_ns, partial(self._enter_scene, scene))
        self._await_next()
        self._loop.every(READ_INTERVAL_NS, self._take_commands)

    def _await_next(self) -> None:
        frame = next(self._frames, None)
        if frame is not None:
            self._loop.at(frame.at_ns, lambda: self._send(frame))

    def _send(self, frame: Frame) -> None:
        count = -(-frame.size_bytes // VIDEO_PAYLOAD_BYTES)
        left_bytes = frame.size_bytes
        packets = []
        at_ns = self._loop.clock.now_ns()
        self._frame_log.write(frame.number, frame.size_bytes, at_ns)
        for index in range(count):
            size_bytes = max(min(left_bytes, VIDEO_PAYLOAD_BYTES), VIDEO_HEADER.size)
            left_bytes -= VIDEO_PAYLOAD_BYTES
            header = VIDEO_HEADER.pack(self._packets, frame.number, index, count)
            packets.append(header.ljust(size_bytes, b"\0"))
            self._packet_log.write(self._packets, size_bytes, at_ns)
            self._packets += 1
        self._datagrams.send(packets)
        self._await_next()

    def _take_commands(self) -> None:
        for data, at_ns in self._commands.waiting():
            self._command_log.write(COMMAND_HEADER.unpack_from(data)[0], at_ns)

    def close(self) -> None:
        """Take what has arrived, and close the logs."""
        self._take_commands()
        for log in (self._packet_log, self._frame_log, self._command_log):
            log.close()


@dataclass(slots=True)
class _Arriving:
    """A frame of which some packets have arrived."""

    missing: int
    last_ns: int = field(default=0)


class Player:
    """Receives frames, and sends a command at a fixed interval."""

    def __init__(self, loop: Loop, ends: Ends) -> None:
        self._loop, self._ends = loop, ends
        self._datagrams = Datagrams(loop.clock, ends.player_ip, ends.first_port + FRAMES_PORT)
        self._commands = Datagrams(loop.clock, ends.player_ip, ends.first_port + COMMANDS_PORT)
        self._packet_log = ReceivedLog(
            ends.logs, session=ends.name, measure=Measure.PACKET, direction=DOWNSTREAM
        )
        self._frame_log = ReceivedLog(
            ends.logs, session=ends.name, measure=Measure.FRAME, direction=DOWNSTREAM
        )
        self._command_log = SentLog(ends.logs, session=ends.name, measure=Measure.COMMAND, direction=UPSTREAM)
        self._arriving: dict[int, _Arriving] = {}
        self._sent = 0
        self._commands.connect(ends.node_ip, ends.first_port + COMMANDS_PORT)

    def start(self) -> None:
        """Set out to send the commands."""
        self._loop.at(self._ends.session.starts_at_ns, self._send_command)
        self._loop.every(READ_INTERVAL_NS, self._take_packets)

    def _send_command(self) -> None:
        commands, session = self._ends.session.commands, self._ends.session
        payload = COMMAND_HEADER.pack(self._sent).ljust(commands.size_bytes, b"\0")
        self._command_log.write(self._sent, len(payload), self._loop.clock.now_ns())
        self._commands.send([payload])
        self._sent += 1
        next_ns = session.starts_at_ns + self._sent * commands.interval_ns
        if next_ns < session.ends_at_ns:
            self._loop.at(next_ns, self._send_command)

    def _take_packets(self) -> None:
        for data, at_ns in self._datagrams.waiting():
            packet, frame, _index, count = VIDEO_HEADER.unpack_from(data)
            self._packet_log.write(packet, at_ns)
            arriving = self._arriving.setdefault(frame, _Arriving(count))
            arriving.missing -= 1
            arriving.last_ns = max(arriving.last_ns, at_ns)
            if arriving.missing == 0:
                self._frame_log.write(frame, arriving.last_ns)
                del self._arriving[frame]

    def close(self) -> None:
        """Take what has arrived, and close the logs."""
        self._take_packets()
        for log in (self._packet_log, self._frame_log, self._command_log):
            log.close()
