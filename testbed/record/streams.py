"""Binary logs of what one stream of packets sent and received, written while it flows.

A stream is one measure of one session in one direction. Its sender and its receiver each append
fixed-size records to a file of their own; joining the two is for `testbed.record.samples`. Only the
standard library is imported here: every program on every emulated host starts with this module.
"""

import atexit
import os
import struct
from pathlib import Path
from typing import ClassVar

from testbed.record.logs import Closing

SENT = struct.Struct("<qqq")
"""One packet sent: sequence number, size in bytes, instant in ns since the start of the scenario."""

RECEIVED = struct.Struct("<qq")
"""One packet received, in order of arrival: sequence number, instant in ns since the start."""

FLUSH_EVERY = 1024
"""Records held back at most: what a program killed without warning can lose."""

FLUSH_EVERY_NS = 500_000_000
"""A record that comes so long after the oldest that is held back takes all of them to the file: whoever
watches a run sees its delays soon after they were measured. Always so, watched or not."""


def stream_path(directory: Path, session: str, measure: str, direction: str, suffix: str) -> Path:
    """Where a stream's records lie; session names have no dots, so the name can be taken apart again."""
    return directory / f"{session}.{measure}.{direction}.{suffix}"


class StreamLog(Closing):
    """Appends records to a file, many at a time, because each write leaves the emulated host.

    Nothing is lost when the program ends by returning, by an exception or by `sys.exit`. A process
    forked while the log is open must not write to it: records held back belong to the process that
    opened the log, and only that one writes them.
    """

    layout: ClassVar[struct.Struct]
    suffix: ClassVar[str]

    def __init__(self, directory: Path, *, session: str, measure: str, direction: str) -> None:
        self.path = stream_path(directory, session, measure, direction, self.suffix)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._owner = os.getpid()
        self._held = bytearray()
        self._flush_at_ns = 0
        self._flush_bytes = FLUSH_EVERY * self.layout.size
        atexit.register(self.close)

    def _append(self, at_ns: int, *record: int) -> None:
        if not self._held:
            self._flush_at_ns = at_ns + FLUSH_EVERY_NS
        self._held += self.layout.pack(*record)
        if at_ns >= self._flush_at_ns or len(self._held) >= self._flush_bytes:
            self.flush()

    def flush(self) -> None:
        """Write every record held back; afterwards another process reading the file sees them."""
        if os.getpid() != self._owner:
            self._held.clear()
        while self._held:
            del self._held[: os.write(self._descriptor, self._held)]

    def close(self) -> None:
        """Flush and close; closing again does nothing."""
        if self._descriptor < 0:
            return
        atexit.unregister(self.close)
        try:
            self.flush()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1


class SentLog(StreamLog):
    """What a sender sent; each sequence number once."""

    layout = SENT
    suffix = "sent"

    def write(self, seq: int, size_bytes: int, at_ns: int) -> None:
        """Record one packet at the instant when it was handed to the kernel."""
        self._append(at_ns, seq, size_bytes, at_ns)


class ReceivedLog(StreamLog):
    """What a receiver received, in order of arrival; duplicates are recorded like any other."""

    layout = RECEIVED
    suffix = "received"

    def write(self, seq: int, at_ns: int) -> None:
        """Record one packet at the instant of its arrival."""
        self._append(at_ns, seq, at_ns)
