"""UDP with the kernel's receive timestamps, and the layout of what a session sends.

The stamp is taken where the packet enters the receiving host, so a program that is late to read
adds nothing to a delay.
"""

import socket
import struct
from collections.abc import Iterator

from testbed.errors import KernelError
from testbed.program.clock import Clock

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_RECEIVE_BUFFER_BYTES = 8_000_000
_SO_RCVBUFFORCE = 33

VIDEO_HEADER = struct.Struct("!QQHH")
"""Packet number, frame number, index of the packet in its frame, packets in the frame."""
VIDEO_PAYLOAD_BYTES = 1400
COMMAND_HEADER = struct.Struct("!Q")
"""Command number."""

FRAMES_PORT, COMMANDS_PORT, PROBES_PORT = 0, 1, 2
"""What is added to a session's first port; downstream packets come from these, upstream ones go to them."""


class Datagrams:
    """A UDP socket that tells when each packet arrived."""

    def __init__(self, clock: Clock, address: str, port: int) -> None:
        self._clock = clock
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
        try:
            self.socket.bind((address, port))
        except OSError as error:
            raise KernelError(f"cannot bind UDP {address}:{port}: {error.strerror}") from error

    def fileno(self) -> int:
        """For poll."""
        return self.socket.fileno()

    def waiting(self) -> Iterator[tuple[bytes, int]]:
        """Every packet that has arrived and not been read: its payload and the instant of its arrival."""
        while True:
            try:
                data, ancillary, _flags, _address = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
                    yield data, self._clock.from_kernel_ns(seconds * 10**9 + nanoseconds)
                    break
            else:
                raise KernelError("the kernel gave a packet without its receive timestamp")
