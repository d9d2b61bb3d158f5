"""Parts for workloads: a source that sends numbered packets at given instants, and their sink.

Sizes are those of IP packets, as those of flows.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from testbed.host.datagrams import HEADERS_BYTES, NUMBER, READ_INTERVAL_NS
from testbed.workload.end import PACKET, End
from testbed.workload.tally import Tally

LEAST_BYTES = HEADERS_BYTES + NUMBER.size
"""A numbered packet has room for its headers and its number."""


class Packet(NamedTuple):
    """When a packet leaves, and its size with IP and UDP headers."""

    at_ns: int
    size_bytes: int


class PacketSource:
    """Sends packets in order, each at its instant, and logs them; `on_sent` is told number and instant.

    With `back` it belongs to the destination, and sends to the source.
    """

    def __init__(
        self,
        end: End,
        packets: Iterator[Packet],
        *,
        back: bool = False,
        port: int = 0,
        on_sent: Callable[[int, int], None] = lambda _number, _at_ns: None,
    ) -> None:
        self._loop, self._packets, self._on_sent = end.loop, enumerate(packets), on_sent
        self._datagrams = end.datagrams(port)
        self._datagrams.hold_much()
        self._log = end.sent(PACKET, back=back)

    def start(self) -> None:
        """Set out to send the first packet."""
        self._await_next()

    def _await_next(self) -> None:
        following = next(self._packets, None)
        if following is not None:
            number, packet = following
            self._loop.at(packet.at_ns, lambda: self._send(number, packet.size_bytes))

    def _send(self, number: int, size_bytes: int) -> None:
        now_ns = self._loop.clock.now_ns()
        size_bytes = max(size_bytes, LEAST_BYTES)
        self._datagrams.send_one(NUMBER.pack(number).ljust(size_bytes - HEADERS_BYTES, b"\0"))
        self._log.write(number, size_bytes, now_ns)
        self._on_sent(number, now_ns)
        self._await_next()

    def close(self) -> None:
        """Close socket and log."""
        self._datagrams.close()
        self._log.close()


class PacketSink(Tally):
    """Logs what arrives; `on_received` is called with number and instant, some time after it arrived.

    With `back` it belongs to the source.
    """

    def __init__(
        self,
        end: End,
        *,
        back: bool = False,
        port: int = 0,
        on_received: Callable[[int, int], None] = lambda _number, _at_ns: None,
    ) -> None:
        super().__init__(end.ends_at_ns)
        self._loop, self._on_received = end.loop, on_received
        self._datagrams = end.datagrams(port)
        self._log = end.received(PACKET, back=back)

    def start(self) -> None:
        """Set out to read what arrives."""
        self._loop.every(READ_INTERVAL_NS, self._read)

    def _read(self) -> None:
        for number, size_bytes, at_ns in self._datagrams.waiting_numbers():
            self.add(size_bytes + HEADERS_BYTES, at_ns)
            self._log.write(number, at_ns)
            self._on_received(number, at_ns)

    def close(self) -> None:
        """Take what has arrived, and close socket and log."""
        self._read()
        self._datagrams.close()
        self._log.close()
