"""Handing a job's state over: one TCP connection, from whoever holds it to whoever takes over.

The content is zeros. What matters is how long so many bytes take over the emulated network.
"""

import socket
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from itertools import cycle

from testbed.host.loop import Loop
from testbed.workload.health_wire import STATE_PORT

STALL_NS = 50_000_000
"""A transfer that brings nothing for so long is begun anew, at the next address: its way may be broken."""
_CHUNK = bytes(262_144)
_LENGTH_BYTES = 8


class StateServer:
    """Sends as many bytes as a connection asks for, if `holds` says that the job's state is here.

    It listens on all addresses of the host that this thread is on.
    """

    def __init__(self, loop: Loop, holds: Callable[[str], bool]) -> None:
        self._loop, self._holds = loop, holds
        self._listener = socket.create_server(("0.0.0.0", STATE_PORT), backlog=256)
        self._listener.setblocking(False)
        self._connections: set[socket.socket] = set()
        loop.on_readable(self._listener, self._accept)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        self._connections.add(connection)
        self._loop.on_readable(connection, partial(self._asked, connection))

    def _asked(self, connection: socket.socket) -> None:
        """The question is smaller than a packet and comes in one."""
        try:
            question = connection.recv(256)
        except BlockingIOError:
            return
        except ConnectionResetError:
            question = b""
        self._loop.forget(connection)
        if len(question) <= _LENGTH_BYTES or not self._holds(question[_LENGTH_BYTES:].decode("ascii")):
            self._end(connection)
            return
        left_bytes = [int.from_bytes(question[:_LENGTH_BYTES], "big")]
        self._loop.on_writable(connection, partial(self._fill, connection, left_bytes))

    def _fill(self, connection: socket.socket, left_bytes: list[int]) -> None:
        try:
            while left_bytes[0] > 0:
                left_bytes[0] -= connection.send(_CHUNK[: left_bytes[0]])
        except BlockingIOError:
            return
        except (ConnectionResetError, BrokenPipeError):
            pass  # whoever asked has given this attempt up
        self._loop.forget(connection)
        self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        self._connections.discard(connection)
        connection.close()

    def close(self) -> None:
        """Drop all connections."""
        self._loop.forget(self._listener)
        self._listener.close()
        for connection in [*self._connections]:
            self._loop.forget(connection)
            self._end(connection)


class StateFetch:
    """Asks one address after the other for a job's state until all of it is here; then calls `then`.

    `inside` is where its sockets are made: on the host that fetches. An address is given up when nothing has
    come for `STALL_NS` and two round trips: a connection needs one, and the first of the state another.
    """

    def __init__(
        self,
        loop: Loop,
        inside: Callable[[], AbstractContextManager[None]],
        addresses: Iterable[str],
        job: str,
        size_bytes: int,
        then: Callable[[], None],
        round_trip_ns: int = 0,
    ) -> None:
        self._loop, self._inside, self._then = loop, inside, then
        self._stall_ns = STALL_NS + 2 * round_trip_ns
        self._addresses = cycle(addresses)
        self._question = size_bytes.to_bytes(_LENGTH_BYTES, "big") + job.encode("ascii")
        self._size_bytes = size_bytes
        self._buffer = bytearray(len(_CHUNK))
        self._attempt = 0
        self._connection: socket.socket | None = None
        self._is_watched = False
        self._begin()

    def _begin(self) -> None:
        self._drop()
        self._attempt += 1
        self._left_bytes, self._brought_ns = self._size_bytes, self._loop.clock.now_ns()
        with self._inside():
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        connection.connect_ex((next(self._addresses), STATE_PORT))
        self._connection, self._is_watched = connection, True
        self._loop.on_writable(connection, self._ask)
        self._loop.at(self._brought_ns + self._stall_ns, partial(self._look, self._attempt))

    def _ask(self) -> None:
        assert self._connection is not None
        self._unwatch()
        try:
            self._connection.send(self._question)
        except OSError:
            return  # refused: the next look at what has come tries the next address
        self._is_watched = True
        self._loop.on_readable(self._connection, self._read)

    def _read(self) -> None:
        assert self._connection is not None
        try:
            count = self._connection.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count == 0:
            self._unwatch()  # it ended short: the next look at what has come begins anew
            return
        self._left_bytes -= count
        self._brought_ns = self._loop.clock.now_ns()
        if self._left_bytes <= 0:
            self.close()
            self._then()

    def _look(self, attempt: int) -> None:
        if attempt != self._attempt:
            return
        stalls_ns = self._brought_ns + self._stall_ns
        if self._loop.clock.now_ns() >= stalls_ns:
            self._begin()
        else:
            self._loop.at(stalls_ns, partial(self._look, attempt))

    def _unwatch(self) -> None:
        if self._connection is not None and self._is_watched:
            self._loop.forget(self._connection)
        self._is_watched = False

    def _drop(self) -> None:
        self._unwatch()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Give up, or be done."""
        self._attempt += 1
        self._drop()
