"""One-way delay measured by scapy probes: one end sends them, the other logs their arrival.

They share the session's ports, so they wait in the same queues as its packets.
"""

from pathlib import Path

from scapy.arch.linux import L2Socket

from testbed.applications.game.model import Session
from testbed.host.datagrams import PROBES_PORT, READ_INTERVAL_NS, Datagrams
from testbed.host.loop import Loop
from testbed.model.base import Direction
from testbed.probe.packet import build, read
from testbed.record.streams import ReceivedLog, SentLog

_ETH_P_LOOPBACK = 0x0060
"""A protocol that nobody sends: the sending socket must not collect a copy of everything received."""


class ProbeSender:
    """Sends a probe at a fixed interval, stamped as it is handed to the kernel."""

    def __init__(
        self, loop: Loop, *, name: str, session: Session, direction: Direction, interface: str,
        source: tuple[str, str], destination: tuple[str, str], first_port: int, logs: Path,
    ) -> None:  # fmt: skip
        self._loop, self._session = loop, session
        port = first_port + PROBES_PORT
        self._source, self._destination = (*source, port), (*destination, port)
        self._socket = L2Socket(iface=interface, type=_ETH_P_LOOPBACK, promisc=False)
        self._log = SentLog(logs, session=name, measure="probe", direction=direction)
        self._sent = 0

    def start(self) -> None:
        """Set out to probe from the session's start."""
        self._loop.at(self._session.starts_at_ns, self._send)

    def _send(self) -> None:
        probes, session = self._session.probes, self._session
        at_ns = self._loop.clock.now_ns()
        packet = build(
            source=self._source,
            destination=self._destination,
            size_bytes=probes.size_bytes,
            seq=self._sent,
            sent_at_ns=at_ns,
        )
        self._log.write(self._sent, len(packet), at_ns)
        self._socket.send(packet)
        self._sent += 1
        next_ns = session.starts_at_ns + self._sent * probes.interval_ns
        if next_ns < session.ends_at_ns:
            self._loop.at(next_ns, self._send)

    def close(self) -> None:
        """Close the log and the socket."""
        self._log.close()
        self._socket.close()


class ProbeReceiver:
    """Logs every probe with the kernel's timestamp of its arrival."""

    def __init__(
        self, loop: Loop, *, name: str, direction: Direction, address: str, first_port: int, logs: Path
    ) -> None:
        self._loop = loop
        self._datagrams = Datagrams(loop.clock, address, first_port + PROBES_PORT)
        self._log = ReceivedLog(logs, session=name, measure="probe", direction=direction)

    def start(self) -> None:
        """Set out to read what arrives."""
        self._loop.every(READ_INTERVAL_NS, self._take)

    def _take(self) -> None:
        for payload, at_ns in self._datagrams.waiting():
            probe = read(payload)
            if probe is not None:
                self._log.write(probe.seq, at_ns)

    def close(self) -> None:
        """Take what has arrived, and close the log."""
        self._take()
        self._log.close()
