"""The line between a network in a venue and those who order from outside: JSON objects, one a line.

It is a serial line of the embedded kernel, or a socket pair on a host. What it looks like at the other
end of a serial line is in `testbed.venue.line`.
"""

import errno
import json
import os
import select
import tty
from pathlib import Path
from typing import Any, Self

from testbed.errors import InvariantError
from testbed.record.logs import json_object

MOST_MESSAGE_BYTES = 4 << 20
"""The longest message; a longer one is the error of a program, not something to make room for."""

CONFIRMATION = b"\x06"
"""ACK of ASCII: so many bytes have been taken from a serial line. JSON never has it: it escapes controls."""
CONFIRMED_BYTES = 1024
WINDOW_CONFIRMATIONS = 3
"""How far the other end of a serial line may be ahead, in confirmations.

A tty that holds more than 3,968 bytes that nobody has read stops its driver (n_tty_check_throttle in
drivers/tty/n_tty.c), and a serial line of User-Mode Linux that was stopped never goes on: line_throttle
takes its descriptor out of the kernel's wait, and line_unthrottle does not put it back
(arch/um/drivers/line.c, Linux 6.12). So it must never come to that. The first confirmations also tell
that the terminal has been made raw and will neither echo nor change what is sent.
"""
_READ_BYTES = 65_536
_CLOSED = (errno.EIO, errno.EPIPE, errno.ECONNRESET)
"""A tty that was hung up, and a socket whose other end is closed or died with our message unread."""


class Line:
    """One end, for a program that waits in a loop: reading never waits, writing waits for room."""

    def __init__(self, descriptor: int, *, confirms: bool = False) -> None:
        self._descriptor, self._confirms = descriptor, confirms
        os.set_blocking(descriptor, False)
        self._unread = bytearray()
        self._looked_at = 0
        self._unconfirmed_bytes = 0
        if confirms:
            self._write(CONFIRMATION * WINDOW_CONFIRMATIONS)

    @classmethod
    def serial(cls, path: Path) -> Self:
        """Open a serial line of the embedded kernel, and make it carry every byte as it is."""
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        tty.setraw(descriptor)
        return cls(descriptor, confirms=True)

    def fileno(self) -> int:
        """For poll."""
        return self._descriptor

    def receive(self) -> list[dict[str, Any]]:
        """All messages that have come whole; none if nothing has.

        Raises:
            EOFError: The other end is closed, and every message of it has been received.
            InvariantError: What came is no JSON object, or is longer than a message may be.
        """
        try:
            arrived = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            if error.errno not in _CLOSED:
                raise
            arrived = b""
        if not arrived:
            raise EOFError("the other end of the line is closed")
        self._confirm(len(arrived))
        self._unread += arrived
        return [json_object(line, "a message on the line is not a") for line in self._whole_lines()]

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; it is nobody's once the other end is closed, as `receive` tells.

        Raises:
            InvariantError: It is longer than a message may be.
        """
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
        if len(line) > MOST_MESSAGE_BYTES:
            raise InvariantError(
                f"a message of kind {message.get('kind')!r} has {len(line)} bytes; "
                f"the line takes {MOST_MESSAGE_BYTES}"
            )
        self._write(line)

    def close(self) -> None:
        """Close this end."""
        os.close(self._descriptor)

    def _whole_lines(self) -> list[bytes]:
        end = self._unread.rfind(b"\n", self._looked_at) + 1
        lines = bytes(self._unread[:end]).splitlines()
        del self._unread[:end]
        self._looked_at = len(self._unread)
        if max(map(len, [*lines, self._unread])) > MOST_MESSAGE_BYTES:
            raise InvariantError(f"a message on the line is longer than {MOST_MESSAGE_BYTES} bytes")
        return lines

    def _confirm(self, taken_bytes: int) -> None:
        if self._confirms:
            confirmations, self._unconfirmed_bytes = divmod(
                self._unconfirmed_bytes + taken_bytes, CONFIRMED_BYTES
            )
            self._write(CONFIRMATION * confirmations)

    def _write(self, left: bytes) -> None:
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                writable = select.poll()
                writable.register(self._descriptor, select.POLLOUT)
                writable.poll()
            except OSError as error:
                if error.errno not in _CLOSED:
                    raise
                return
