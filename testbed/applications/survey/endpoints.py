"""Measures the one-way delays between compute nodes and other stations, from one process with sockets on all.

The median over a few packets of each way, and the mean of both ways, is what placement can use: one delay
for both, and no single packet that met a burst decides. A change of a tenth, and of a microsecond at least,
is told.
"""

import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial

from testbed.applications.survey.model import Survey
from testbed.errors import KernelError
from testbed.host import ports
from testbed.host.datagrams import HEADERS_BYTES, NUMBER
from testbed.host.loop import Loop

PORT = ports.SURVEY.first
FIRST_AT_NS = -1_000_000_000
"""Before time 0, for the first job to be placed by it, and long enough after the build: a packet that is sent
while interfaces come up waits for that."""
_SO_TIMESTAMPNS = 35
_CONTROL_BYTES = socket.CMSG_SPACE(16)
_DEADBAND_DIVISOR, _LEAST_CHANGE_NS = 10, 1_000

Pair = tuple[str, str]
Tell = Callable[[Pair, int], None]


class Medians:
    """The delay of each pair, by the median of each way's last packets; tells what has changed enough."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._latest: dict[Pair, deque[int]] = {}
        self._told: dict[Pair, int] = {}

    def take(self, pair: Pair, way: Pair, delay_ns: int) -> int | None:
        """Another packet's delay on one way of a pair; the pair's delay in ns if it is news, None otherwise.

        It is known once a packet has come on both ways.
        """
        self._latest.setdefault(way, deque(maxlen=self._window)).append(delay_ns)
        there, back = self._latest.get(pair), self._latest.get(pair[::-1])
        if there is None or back is None:
            return None
        both_ns = (_median(there) + _median(back)) // 2
        told_ns = self._told.get(pair)
        if told_ns is not None:
            least_ns = max(told_ns // _DEADBAND_DIVISOR, _LEAST_CHANGE_NS)
            if abs(both_ns - told_ns) < least_ns:
                return None
        self._told[pair] = both_ns
        return both_ns


def _median(delays_ns: Iterable[int]) -> int:
    ordered = sorted(delays_ns)
    return ordered[(len(ordered) - 1) // 2]


class Surveyor:
    """Sends a packet each way between the stations of every pair, spread evenly over the interval.

    `addresses` has the stations of the pairs; `inside` is where a station's socket is made.
    """

    def __init__(
        self,
        loop: Loop,
        survey: Survey,
        pairs: Iterable[Pair],
        addresses: Mapping[str, str],
        inside: Callable[[str], AbstractContextManager[None]],
        tell: Tell,
    ) -> None:
        self._loop, self._survey, self._addresses, self._tell = loop, survey, addresses, tell
        self._ways = [(here, there, pair) for pair in pairs for here, there in (pair, pair[::-1])]
        self._medians = Medians(survey.window)
        self._sockets: dict[str, socket.socket] = {}
        for station in dict.fromkeys(here for here, _, _ in self._ways):
            with inside(station):
                self._sockets[station] = _open(addresses[station])
        self._on_their_way: dict[int, tuple[Pair, Pair, int]] = {}
        self._sent = 0

    def start(self) -> None:
        """Set out to survey."""
        for station in self._sockets.values():
            self._loop.on_readable(station, partial(self._take, station))
        self._loop.at(max(self._loop.clock.now_ns(), FIRST_AT_NS), self._send)

    def _send(self) -> None:
        here, there, pair = self._ways[self._sent % len(self._ways)]
        payload = NUMBER.pack(self._sent).ljust(self._survey.size_bytes - HEADERS_BYTES, b"\0")
        now_ns = self._loop.clock.now_ns()
        self._on_their_way[self._sent] = pair, (here, there), now_ns
        # What is still on its way after as many rounds as the window has is lost.
        self._on_their_way.pop(self._sent - len(self._ways) * self._survey.window, None)
        self._sockets[here].sendto(payload, (self._addresses[there], PORT))
        self._sent += 1
        self._loop.at(now_ns + self._survey.interval_ns // len(self._ways), self._send)

    def _take(self, station: socket.socket) -> None:
        payload, ancillary, _, _ = station.recvmsg(2048, _CONTROL_BYTES)
        [(_, _, stamp)] = ancillary
        seconds, nanoseconds = struct.unpack("=qq", stamp)
        found = self._on_their_way.pop(NUMBER.unpack_from(payload)[0], None)
        if found is None:
            return
        pair, way, sent_at_ns = found
        arrived_at_ns = self._loop.clock.from_kernel_ns(seconds * 10**9 + nanoseconds)
        news_ns = self._medians.take(pair, way, arrived_at_ns - sent_at_ns)
        if news_ns is not None:
            self._tell(pair, news_ns)

    def close(self) -> None:
        """Give the sockets back."""
        for station in self._sockets.values():
            station.close()


def _open(address: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    try:
        opened.bind((address, PORT))
    except OSError as error:
        raise KernelError(f"cannot bind UDP {address}:{PORT} for the survey: {error.strerror}") from error
    return opened
