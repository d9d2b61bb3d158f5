"""Video over UDP: frames in numbered packets, back to back, and what becomes of them at the other end.

Both ends of a session use the same two classes, each for the direction in which it sends or receives.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from testbed.host.datagrams import Datagrams
from testbed.host.loop import Loop
from testbed.model.base import Direction
from testbed.model.video import VIDEO_PAYLOAD_BYTES
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.frames import Frame
from testbed.workload.rendering import Gpu

VIDEO_HEADER = struct.Struct("!QIIHH")
"""Packet number, frame number, epoch of the sender, index of the packet in its frame, packets in it."""


class _Stream(TypedDict):
    session: str
    direction: Direction


class VideoSender:
    """Sends every frame at its instant, cut into packets, and logs both frames and packets.

    Who goes on for another sender begins with the frames due `from_ns`; their numbers are those that they
    would have had anyway, and those of their packets too. With a `gpu` a frame leaves once it is rendered,
    and is logged from the instant at which it was due.
    """

    def __init__(
        self,
        loop: Loop,
        datagrams: Datagrams,
        frames: Iterator[Frame],
        logs: Path,
        *,
        session: str,
        direction: Direction,
        epoch: int = 1,
        from_ns: int | None = None,
        gpu: Gpu | None = None,
    ) -> None:
        self._loop, self._datagrams, self._frames = loop, datagrams, frames
        self._epoch, self._from_ns, self._gpu = epoch, from_ns, gpu
        stream = _Stream(session=session, direction=direction)
        self._packet_log = SentLog(logs, measure="packet", **stream)
        self._frame_log = SentLog(logs, measure="frame", **stream)
        self._packets = 0
        datagrams.hold_much()

    def start(self) -> None:
        """Set out to send the first frame."""
        self._await_next()

    def _await_next(self) -> None:
        frame = next(self._frames, None)
        while frame is not None and self._from_ns is not None and frame.at_ns < self._from_ns:
            self._packets += _packets_of(frame)
            frame = next(self._frames, None)
        if frame is None:
            return
        if self._gpu is None:
            self._loop.at(frame.at_ns, lambda: self._send(frame))
        else:
            # The one before may have taken until now.
            self._loop.at(max(frame.at_ns, self._loop.clock.now_ns()), lambda: self._render(frame))

    def _render(self, frame: Frame) -> None:
        assert self._gpu is not None
        now_ns = self._loop.clock.now_ns()
        takes_ns = self._gpu.takes_ns(frame.at_ns, now_ns)
        if takes_ns is None:
            self._packets += _packets_of(frame)
            self._await_next()
        else:
            self._loop.at(now_ns + takes_ns, lambda: self._send(frame))

    def _send(self, frame: Frame) -> None:
        count = _packets_of(frame)
        left_bytes = frame.size_bytes
        packets = []
        at_ns = self._loop.clock.now_ns()
        self._frame_log.write(frame.number, frame.size_bytes, at_ns if self._gpu is None else frame.at_ns)
        for index in range(count):
            size_bytes = max(min(left_bytes, VIDEO_PAYLOAD_BYTES), VIDEO_HEADER.size)
            left_bytes -= VIDEO_PAYLOAD_BYTES
            header = VIDEO_HEADER.pack(self._packets, frame.number, self._epoch, index, count)
            packets.append(header.ljust(size_bytes, b"\0"))
            self._packet_log.write(self._packets, size_bytes, at_ns)
            self._packets += 1
        self._datagrams.send(packets)
        self._await_next()

    def close(self) -> None:
        """Close the logs."""
        self._packet_log.close()
        self._frame_log.close()


def _packets_of(frame: Frame) -> int:
    return -(-frame.size_bytes // VIDEO_PAYLOAD_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """The first frame of a new sender, and the last one of those before it: None and -1 if there was none."""

    epoch: int
    address: str
    frame: int
    at_ns: int
    frame_before: int
    before_ns: int | None


@dataclass(slots=True)
class _Arriving:
    """A frame of which some packets have arrived."""

    missing: int
    last_ns: int = field(default=0)


class VideoReceiver:
    """Logs every packet that has arrived, and every frame whose packets are complete.

    Packets of the highest epoch seen are taken and those of lower ones refused: a sender that was given up
    for dead is not heard again. `on_sender` is told of the first packet of a higher epoch, and `on_takeover`
    of the first whole frame.
    """

    def __init__(self, datagrams: Datagrams, logs: Path, *, session: str, direction: Direction) -> None:
        self._datagrams = datagrams
        stream = _Stream(session=session, direction=direction)
        self._packet_log = ReceivedLog(logs, measure="packet", **stream)
        self._frame_log = ReceivedLog(logs, measure="frame", **stream)
        self._arriving: dict[int, _Arriving] = {}
        self._epoch, self._epoch_of_frames = 0, 0
        self._last_frame = -1
        self._last_ns: int | None = None
        self.refused = 0
        """Packets of lower epochs that came after one of a higher."""
        self.on_sender: Callable[[str], None] = lambda _address: None
        self.on_takeover: Callable[[Takeover], None] = lambda _takeover: None

    def take(self) -> None:
        """Log what has arrived by now."""
        for payload, at_ns, address in self._datagrams.waiting_from():
            packet, frame, epoch, _index, count = VIDEO_HEADER.unpack_from(payload)
            if epoch < self._epoch:
                self.refused += 1
                continue
            if epoch > self._epoch:
                self._epoch = epoch
                self._arriving.clear()
                self.on_sender(address)
            self._packet_log.write(packet, at_ns)
            arriving = self._arriving.setdefault(frame, _Arriving(count))
            arriving.missing -= 1
            arriving.last_ns = max(arriving.last_ns, at_ns)
            if arriving.missing == 0:
                del self._arriving[frame]
                self._whole(frame, arriving.last_ns, address)

    def _whole(self, frame: int, at_ns: int, address: str) -> None:
        self._frame_log.write(frame, at_ns)
        if self._epoch_of_frames and self._epoch > self._epoch_of_frames:
            self.on_takeover(
                Takeover(
                    epoch=self._epoch,
                    address=address,
                    frame=frame,
                    at_ns=at_ns,
                    frame_before=self._last_frame,
                    before_ns=self._last_ns,
                )
            )
        self._epoch_of_frames = self._epoch
        self._last_frame, self._last_ns = max(self._last_frame, frame), at_ns

    def close(self) -> None:
        """Log what has arrived, and close the logs."""
        self.take()
        self._packet_log.close()
        self._frame_log.close()
