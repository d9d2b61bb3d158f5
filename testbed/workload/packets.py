"""Background UDP: packets of one size, in batches or each at its own instant, and their sink.

Sizes are those of IP packets throughout: what a flow's `packet` and `rate` say, what is logged and
what the sink counts.
"""

from random import Random

from testbed.applications.flows.model import Flow
from testbed.host.clock import Clock
from testbed.host.datagrams import HEADERS_BYTES, NUMBER, READ_INTERVAL_NS, Datagrams
from testbed.host.loop import Loop
from testbed.model.ecn import Ecn
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.departures import departures
from testbed.workload.tally import Tally

_SEND_INTERVAL_NS = 5_000_000
_HEED_INTERVAL_NS = 20_000_000
"""A source that sends at exact instants waits for them itself, and hears the driver this often."""


def sending(clock: Clock, source: str, destination: str, port: int, tos: int = 0) -> Datagrams:
    """The socket of a udp flow's source; `tos` is the type of service with its ECN bits.

    Raises:
        KernelError: The address cannot be bound or reached.
    """
    datagrams = Datagrams(clock, source, port)
    datagrams.mark(tos)
    datagrams.connect(destination, port)
    return datagrams


class UdpSink(Tally):
    """Counts all that arrives on a port by the kernel's stamps, and logs it if the flow is measured.

    Of a flow that is capable of ECN it counts its packets, and those that came with CE.
    """

    def __init__(
        self, loop: Loop, address: str, port: int, log: ReceivedLog | None, ends_at_ns: int,
        ecn: Ecn = Ecn.NOT_ECT,
    ) -> None:  # fmt: skip
        super().__init__(ends_at_ns)
        self._loop, self._log = loop, log
        self._datagrams = Datagrams(loop.clock, address, port)
        self._packets = 0
        self._is_capable = ecn is not Ecn.NOT_ECT
        if self._is_capable:
            self._datagrams.count_ce()

    @property
    def outcome(self) -> dict[str, int]:
        """What is said of the flow at its end."""
        if not self._is_capable:
            return {}
        return {"packets": self._packets, "ce_packets": self._datagrams.ce_packets}

    def start(self) -> None:
        """Set out to read what arrives."""
        self._loop.every(READ_INTERVAL_NS, self._read)

    def _read(self) -> None:
        for number, size_bytes, at_ns in self._datagrams.waiting_numbers():
            self.add(size_bytes + HEADERS_BYTES, at_ns)
            self._packets += 1
            if self._log is not None:
                self._log.write(number, at_ns)

    def close(self) -> None:
        """Take what has arrived, and close socket and log."""
        self._read()
        self._datagrams.close()
        if self._log is not None:
            self._log.close()


class BatchedSource:
    """Sends at a constant rate, every 5 ms what is due by the next time or the end, back to back."""

    def __init__(self, loop: Loop, flow: Flow, datagrams: Datagrams) -> None:
        self._loop, self._flow, self._datagrams = loop, flow, datagrams
        assert flow.rate_bps is not None
        self._rate_bps = flow.rate_bps
        self._payload = bytes(flow.packet_bytes - HEADERS_BYTES)
        self._sent = 0

    def start(self) -> None:
        """Set out to send from the flow's start."""
        self._loop.at(self._flow.first_at_ns, self._send)

    def _send(self) -> None:
        now_ns = self._loop.clock.now_ns()
        if now_ns >= self._flow.ends_at_ns:
            return
        until_ns = min(now_ns + _SEND_INTERVAL_NS, self._flow.ends_at_ns)
        elapsed_ns = until_ns - self._flow.first_at_ns
        due = self._rate_bps * elapsed_ns // (8 * 10**9 * self._flow.packet_bytes)
        if due > self._sent:
            self._datagrams.send([self._payload] * (due - self._sent))
            self._sent = due
        self._loop.at(now_ns + _SEND_INTERVAL_NS, self._send)

    def close(self) -> None:
        """Close the socket."""
        self._datagrams.close()


class PacedSource:
    """Sends numbered packets, each at its instant and stamped as it is handed to the kernel.

    It sleeps from packet to packet in one system call. The loop would need four, which in the embedded
    kernel are most of what a packet costs.
    """

    def __init__(
        self, loop: Loop, flow: Flow, datagrams: Datagrams, random: Random, log: SentLog | None
    ) -> None:
        self._loop, self._datagrams, self._log = loop, datagrams, log
        self._size_bytes = flow.packet_bytes
        self._payload = bytearray(flow.packet_bytes - HEADERS_BYTES)
        self._departures = enumerate(departures(flow, random))

    def start(self) -> None:
        """Set out to send from the flow's first packet."""
        self._await(next(self._departures, None))

    def _await(self, packet: tuple[int, int] | None) -> None:
        if packet is not None:
            self._loop.at(packet[1], lambda: self._send_from(*packet))

    def _send_from(self, number: int, due_ns: int) -> None:
        """Send this packet, which is due, and those that follow, until it is time to heed the driver."""
        clock, payload, log, send = self._loop.clock, self._payload, self._log, self._datagrams.send_one
        heed_ns, now_ns, late_ns = due_ns + _HEED_INTERVAL_NS, clock.now_ns(), 0
        following: tuple[int, int] | None = (number, due_ns)
        while following is not None and following[1] < heed_ns:
            number, due_ns = following
            if due_ns > now_ns:
                clock.sleep_until(due_ns)
            NUMBER.pack_into(payload, 0, number)
            now_ns = clock.now_ns()
            send(payload)
            if log is not None:
                log.write(number, self._size_bytes, now_ns)
            late_ns = max(late_ns, now_ns - due_ns)
            following = next(self._departures, None)
        self._loop.note_late(late_ns)
        self._await(following)

    def close(self) -> None:
        """Close socket and log."""
        self._datagrams.close()
        if self._log is not None:
            self._log.close()
