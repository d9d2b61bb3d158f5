"""Background traffic: TCP as fast as it goes, UDP at a constant rate, and their sinks."""

import socket
from functools import partial

from testbed.model.scenario import Flow
from testbed.program.datagrams import READ_INTERVAL_NS, Datagrams
from testbed.program.loop import Loop

_CHUNK = bytes(262_144)
_LOW_WATER_BYTES = 32_768
"""A sink is woken for this much at a time; waking it for every packet would cost wall time only."""
_UDP_HEADERS_BYTES = 28
_SEND_INTERVAL_NS = 5_000_000


class TcpSink:
    """Accepts connections and reads all they bring."""

    def __init__(self, loop: Loop, address: str, port: int, flows: int) -> None:
        self._loop = loop
        self.received_bytes = 0
        self._buffer = bytearray(4 * len(_CHUNK))
        self._listener = socket.create_server((address, port), backlog=flows)
        self._listener.setblocking(False)
        self._connections: list[socket.socket] = []
        loop.on_readable(self._listener, self._accept)

    def start(self) -> None:
        """Nothing: a sink waits."""

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
        self.received_bytes += count

    def close(self) -> None:
        """Drop all connections."""
        for end in (self._listener, *self._connections):
            end.close()


class TcpSource:
    """Sends on `flows` connections from the flow's start to its end, as fast as TCP lets it."""

    def __init__(self, loop: Loop, flow: Flow, source: str, destination: str, port: int) -> None:
        self._loop, self._flow = loop, flow
        self._source, self._destination = source, (destination, port)
        self._connections: list[socket.socket] = []

    def start(self) -> None:
        """Set out to connect at the flow's start."""
        self._loop.at(self._flow.starts_at_ns, self._connect)
        self._loop.at(self._flow.ends_at_ns, self._finish)

    def _connect(self) -> None:
        for _ in range(self._flow.flows):
            connection = socket.socket()
            connection.bind((self._source, 0))
            connection.setblocking(False)
            connection.connect_ex(self._destination)
            self._connections.append(connection)
            self._loop.on_writable(connection, partial(self._fill, connection))

    def _fill(self, connection: socket.socket) -> None:
        try:
            while connection.send(_CHUNK) > 0:
                pass
        except BlockingIOError:
            return

    def _finish(self) -> None:
        for connection in self._connections:
            self._loop.forget(connection)
            # Reset, so that what still waits in the socket does not go on after the flow's end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        self._connections.clear()

    def close(self) -> None:
        """Drop all connections."""
        self._finish()


class UdpSink:
    """Reads and counts all that arrives on a port."""

    def __init__(self, loop: Loop, address: str, port: int) -> None:
        self.received_bytes = 0
        self._datagrams = Datagrams(loop.clock, address, port)
        self._loop = loop

    def start(self) -> None:
        """Set out to read what arrives."""
        self._loop.every(READ_INTERVAL_NS, self._read)

    def _read(self) -> None:
        self.received_bytes += sum(len(payload) for payload, _ in self._datagrams.waiting())

    def close(self) -> None:
        """Take what has arrived, and close."""
        self._read()
        self._datagrams.close()


class UdpSource:
    """Sends packets of one size at a constant rate, every 5 ms what is due; both count the IP packet."""

    def __init__(self, loop: Loop, flow: Flow, source: str, destination: str, port: int) -> None:
        self._loop, self._flow = loop, flow
        assert flow.rate_bps is not None
        self._rate_bps = flow.rate_bps
        self._datagrams = Datagrams(loop.clock, source, port)
        self._datagrams.connect(destination, port)
        self._payload = bytes(flow.packet_bytes - _UDP_HEADERS_BYTES)
        self._sent = 0

    def start(self) -> None:
        """Set out to send from the flow's start."""
        self._loop.at(self._flow.starts_at_ns, self._send)

    def _send(self) -> None:
        now_ns = self._loop.clock.now_ns()
        if now_ns >= self._flow.ends_at_ns:
            return
        elapsed_ns = now_ns - self._flow.starts_at_ns + _SEND_INTERVAL_NS
        due = self._rate_bps * elapsed_ns // (8 * 10**9 * self._flow.packet_bytes)
        if due > self._sent:
            self._datagrams.send([self._payload] * (due - self._sent))
            self._sent = due
        self._loop.at(now_ns + _SEND_INTERVAL_NS, self._send)

    def close(self) -> None:
        """Close the socket."""
        self._datagrams.close()
