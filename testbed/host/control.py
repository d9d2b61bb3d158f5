"""The line between the driver and a program that it has forked: JSON messages over a socket pair.

A program says `ready` when it can take traffic, asks before it changes what it sends, and is told to
stop. Nothing here crosses the emulated network.
"""

import json
import mmap
import socket
from typing import Any

from testbed.errors import NotReadyError

_MOST_BYTES = 65_536
_MOST_UNASKED = 1024


class Control:
    """One end of the line. Messages keep their borders (SOCK_SEQPACKET).

    `bell` is a page of memory that both ends share: the driver rings when it has said something, so that
    a program that asks often need not ask the kernel each time.
    """

    def __init__(self, end: socket.socket, bell: mmap.mmap) -> None:
        self._end, self._bell = end, bell
        self._unasked = 0

    @classmethod
    def pair(cls) -> tuple["Control", "Control"]:
        """Both ends: the driver's and the program's."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        bell = mmap.mmap(-1, mmap.PAGESIZE)
        return cls(ours, bell), cls(theirs, bell)

    def fileno(self) -> int:
        """For poll."""
        return self._end.fileno()

    def say(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        self._end.send(json.dumps({"kind": kind, **fields}).encode())
        self._bell[0] = 1

    def hear(self) -> dict[str, Any] | None:
        """Wait for a message; None when the other end is gone."""
        try:
            data = self._end.recv(_MOST_BYTES)
        except ConnectionResetError:
            # The other end died with our last message unread.
            return None
        return json.loads(data) if data else None

    def heard(self) -> dict[str, Any] | None:
        """A message that has come already, without waiting for one; None if there is none.

        Raises:
            NotReadyError: The other end is gone; seen at the latest after so many calls.
        """
        self._unasked += 1
        if not self._bell[0] and self._unasked < _MOST_UNASKED:
            return None
        # First silenced, then asked: what is said in between rings again.
        self._bell[0] = self._unasked = 0
        try:
            data = self._end.recv(_MOST_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            data = b""
        if not data:
            raise NotReadyError("the other end of a control line is gone")
        self._bell[0] = 1  # there may be another one
        message: dict[str, Any] = json.loads(data)
        return message

    def close(self) -> None:
        """Close this end."""
        self._end.close()
