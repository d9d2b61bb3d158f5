"""Background TCP: as fast as it goes, in any number of connections, and its sink."""

import socket
from dataclasses import asdict
from functools import partial
from pathlib import Path

from testbed.applications.flows.model import Flow
from testbed.errors import KernelError
from testbed.host.loop import Loop
from testbed.model.ecn import Ecn
from testbed.workload.tally import Tally
from testbed.workload.tcp_counts import TcpCounts, tcp_counts, total, unsent_bytes

_CHUNK = bytes(262_144)
_LOW_WATER_BYTES = 32_768
"""A sink is woken for this much at a time; waking it for every packet would cost wall time only."""


class TcpSink(Tally):
    """Accepts a flow's connections and reads all they bring.

    TCP's bytes have no stamp of their arrival, so a byte counts when it is read. At the flow's end the sink
    reads whatever waits: what TCP had delivered to this host by then counts, and nothing else does.
    """

    def __init__(self, loop: Loop, flow: Flow, address: str, port: int) -> None:
        super().__init__(flow.ends_at_ns)
        self._loop = loop
        self._buffer = bytearray(4 * len(_CHUNK))
        self._listener = socket.create_server((address, port), backlog=flow.flows)
        _use(self._listener, flow.congestion)  # what is accepted from it inherits this
        self._listener.setblocking(False)
        self._connections: list[socket.socket] = []
        loop.on_readable(self._listener, self._accept)

    def start(self) -> None:
        """Set out to count what waits at the flow's end."""
        self._loop.at(self.ends_at_ns, self._take_all)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, _LOW_WATER_BYTES)
        self._connections.append(connection)
        self._loop.on_readable(connection, lambda: self._read(connection))

    def _read(self, connection: socket.socket) -> None:
        try:
            count = connection.recv_into(self._buffer)
        except ConnectionResetError:
            count = 0
        if count == 0:
            self._loop.forget(connection)
        self.add(count, self._loop.clock.now_ns())

    def _take_all(self) -> None:
        """Count what the kernel holds as of the flow's time: it had arrived before."""
        for connection in self._connections:
            try:
                while count := connection.recv_into(self._buffer):
                    self.received_bytes += count
            except OSError:
                pass  # nothing waits, or it was reset; the loop finds the end of a connection by itself

    def close(self) -> None:
        """Drop all connections."""
        for end in (self._listener, *self._connections):
            end.close()


class TcpSource:
    """Sends on `flows` connections from the flow's start to its end, as fast as TCP lets it.

    `tos` is the type of service of what it sends, without the two bits of ECN, which are TCP's own.
    """

    def __init__(
        self, loop: Loop, flow: Flow, source: str, destination: str, port: int, tos: int = 0
    ) -> None:
        self._loop, self._flow, self._tos = loop, flow, tos
        self._source, self._destination = source, (destination, port)
        self._connections: list[socket.socket] = []
        self._counts: list[TcpCounts] = []
        self._full: set[socket.socket] = set()
        self._refills = self._dry_refills = 0

    @property
    def outcome(self) -> dict[str, int]:
        """What TCP says of the flow's connections, as of its end: marks only where it agreed on ECN.

        Of `refills`, when a buffer that had been full had room again, `dry_refills` found nothing in it that
        was still to be sent: all that it may hold was under way, and the network would have taken more.
        """
        counts = asdict(total(self._counts))
        if self._flow.sent_ecn is Ecn.NOT_ECT:
            del counts["packets"], counts["ce_packets"]
        return counts | {"refills": self._refills, "dry_refills": self._dry_refills}

    def start(self) -> None:
        """Set out to connect at the flow's start."""
        self._loop.at(self._flow.starts_at_ns, self._connect)
        self._loop.at(self._flow.ends_at_ns, self._finish)

    def _connect(self) -> None:
        for _ in range(self._flow.flows):
            connection = socket.socket()
            connection.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._tos)
            _use(connection, self._flow.congestion)
            connection.bind((self._source, 0))
            connection.setblocking(False)
            connection.connect_ex(self._destination)
            self._connections.append(connection)
            self._loop.on_writable(connection, partial(self._fill, connection))

    def _fill(self, connection: socket.socket) -> None:
        if connection in self._full:
            self._refills += 1
            self._dry_refills += unsent_bytes(connection) == 0
        try:
            while connection.send(_CHUNK) > 0:
                pass
        except BlockingIOError:
            self._full.add(connection)

    def _finish(self) -> None:
        for connection in self._connections:
            self._loop.forget(connection)
            self._counts.append(tcp_counts(connection))
            # Reset, so that what still waits in the socket does not go on after the flow's end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        self._connections.clear()

    def close(self) -> None:
        """Drop all connections."""
        self._finish()


def _use(end: socket.socket, congestion: str | None) -> None:
    """Choose a congestion control.

    DCTCP needs ECN, and its sockets ask for it and grant it by themselves (TCP_CONG_NEEDS_ECN in
    net/ipv4/tcp_dctcp.c): the sysctl tcp_ecn, which would change every other flow of the host, stays.

    Raises:
        KernelError: This kernel does not have it.
    """
    if congestion is None:
        return
    try:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    except OSError as error:
        known = (
            Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text(encoding="ascii").strip()
        )
        raise KernelError(
            f"cannot use the congestion control {congestion}: {error.strerror}; this kernel has {known}, "
            f"and others may be in its module tcp_{congestion}"
        ) from error
