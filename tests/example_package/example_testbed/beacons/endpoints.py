"""What runs at both ends of a beacon."""

from example_testbed.beacons.model import Beacon
from testbed.host.datagrams import NUMBER, Datagrams
from testbed.host.loop import Loop
from testbed.record.streams import ReceivedLog, SentLog

SIZE_BYTES = 64


class Sender:
    """Sends a beacon at each instant."""

    def __init__(self, loop: Loop, beacon: Beacon, datagrams: Datagrams, log: SentLog) -> None:
        self._loop, self._beacon, self._datagrams, self._log = loop, beacon, datagrams, log
        self._sent = 0

    def start(self) -> None:
        """Wait for the first instant."""
        self._loop.at(self._beacon.starts_at_ns, self._send)

    def _send(self) -> None:
        payload = NUMBER.pack(self._sent).ljust(SIZE_BYTES, b"\0")
        self._log.write(self._sent, SIZE_BYTES, self._loop.clock.now_ns())
        self._datagrams.send_one(payload)
        self._sent += 1
        next_ns = self._beacon.starts_at_ns + self._sent * self._beacon.interval_ns
        if next_ns < self._beacon.ends_at_ns:
            self._loop.at(next_ns, self._send)

    def close(self) -> None:
        """Close the socket and the log."""
        self._datagrams.close()
        self._log.close()


class Receiver:
    """Records every beacon, and the longest silence between two of them."""

    def __init__(self, loop: Loop, datagrams: Datagrams, log: ReceivedLog) -> None:
        self._loop, self._datagrams, self._log = loop, datagrams, log
        self._last_ns: int | None = None
        self._silence_ns = self._received = 0

    def start(self) -> None:
        """Read whatever arrives."""
        self._loop.on_readable(self._datagrams, self._read)

    def _read(self) -> None:
        for number, _, at_ns in self._datagrams.waiting_numbers():
            self._log.write(number, at_ns)
            if self._last_ns is not None:
                self._silence_ns = max(self._silence_ns, at_ns - self._last_ns)
            self._last_ns = at_ns
            self._received += 1

    @property
    def outcome(self) -> dict[str, int]:
        """What the driver is given when the program stops."""
        return {"silence_ns": self._silence_ns, "received": self._received}

    def close(self) -> None:
        """Close the socket and the log."""
        self._datagrams.close()
        self._log.close()
