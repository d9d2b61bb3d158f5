"""Video over UDP: frames in numbered packets, back to back, and what becomes of them at the other end.

Both ends of a session use the same two classes, each for the direction in which it sends or receives.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from testbed.model.base import Direction
from testbed.model.quantity import Measure
from testbed.program.datagrams import Datagrams
from testbed.program.loop import Loop
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.frames import Frame

VIDEO_HEADER = struct.Struct("!QQHH")
"""Packet number, frame number, index of the packet in its frame, packets in the frame."""
VIDEO_PAYLOAD_BYTES = 1400


class _Stream(TypedDict):
    session: str
    direction: Direction


class VideoSender:
    """Sends every frame at its instant, cut into packets, and logs both frames and packets."""

    def __init__(
        self,
        loop: Loop,
        datagrams: Datagrams,
        frames: Iterator[Frame],
        logs: Path,
        *,
        session: str,
        direction: Direction,
    ) -> None:
        self._loop, self._datagrams, self._frames = loop, datagrams, frames
        stream = _Stream(session=session, direction=direction)
        self._packet_log = SentLog(logs, measure=Measure.PACKET, **stream)
        self._frame_log = SentLog(logs, measure=Measure.FRAME, **stream)
        self._packets = 0
        datagrams.hold_much()

    def start(self) -> None:
        """Set out to send the first frame."""
        self._await_next()

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

    def close(self) -> None:
        """Close the logs."""
        self._packet_log.close()
        self._frame_log.close()


@dataclass(slots=True)
class _Arriving:
    """A frame of which some packets have arrived."""

    missing: int
    last_ns: int = field(default=0)


class VideoReceiver:
    """Logs every packet that has arrived, and every frame whose packets are complete."""

    def __init__(self, datagrams: Datagrams, logs: Path, *, session: str, direction: Direction) -> None:
        self._datagrams = datagrams
        stream = _Stream(session=session, direction=direction)
        self._packet_log = ReceivedLog(logs, measure=Measure.PACKET, **stream)
        self._frame_log = ReceivedLog(logs, measure=Measure.FRAME, **stream)
        self._arriving: dict[int, _Arriving] = {}

    def take(self) -> None:
        """Log what has arrived by now."""
        for payload, at_ns in self._datagrams.waiting():
            packet, frame, _index, count = VIDEO_HEADER.unpack_from(payload)
            self._packet_log.write(packet, at_ns)
            arriving = self._arriving.setdefault(frame, _Arriving(count))
            arriving.missing -= 1
            arriving.last_ns = max(arriving.last_ns, at_ns)
            if arriving.missing == 0:
                self._frame_log.write(frame, arriving.last_ns)
                del self._arriving[frame]

    def close(self) -> None:
        """Log what has arrived, and close the logs."""
        self.take()
        self._packet_log.close()
        self._frame_log.close()
