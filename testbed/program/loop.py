"""The event loop of a program on an emulated host: timers at exact instants, and sockets to read.

One process runs all that a session does on one host. It waits in the kernel, never by spinning:
a spinning program would stop virtual time.
"""

import ctypes
import errno
import heapq
import os
import select
import struct
from collections.abc import Callable
from itertools import count
from typing import Protocol

from testbed.errors import KernelError
from testbed.program.clock import Clock

_EVENTS = 64
_libc = ctypes.CDLL(None, use_errno=True)


class _Event(ctypes.Structure):
    """struct epoll_event of x86-64, which is packed."""

    _pack_ = 1
    _fields_ = (("events", ctypes.c_uint32), ("descriptor", ctypes.c_int32), ("unused", ctypes.c_int32))


class Readable(Protocol):
    """Something that poll can wait for."""

    def fileno(self) -> int: ...


class Loop:
    """Calls functions when their instant has come or their socket can be read, until told to stop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._readers: dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._stopped = False
        self.late_ns = 0
        """The longest that a call came after its instant: tells a machine that cannot carry its load."""
        self._ready = (_Event * _EVENTS)()

    def at(self, at_ns: int, call: Callable[[], None]) -> None:
        """Call once at an instant; at equal instants in the order of asking."""
        heapq.heappush(self._timers, (at_ns, next(self._order), call))

    def every(self, interval_ns: int, call: Callable[[], None]) -> None:
        """Call at every multiple of an interval from now on."""

        def again() -> None:
            call()
            self.at((self.clock.now_ns() // interval_ns + 1) * interval_ns, again)

        self.at((self.clock.now_ns() // interval_ns + 1) * interval_ns, again)

    def on_readable(self, source: Readable, call: Callable[[], None]) -> None:
        """Call whenever there is something to read."""
        self._readers[source.fileno()] = call
        self._epoll.register(source.fileno(), select.EPOLLIN)

    def on_writable(self, source: Readable, call: Callable[[], None]) -> None:
        """Call whenever there is room to write again (edge-triggered)."""
        self._readers[source.fileno()] = call
        self._epoll.register(source.fileno(), select.EPOLLOUT | select.EPOLLET)

    def forget(self, source: Readable) -> None:
        """Do not call for this one any more."""
        del self._readers[source.fileno()]
        self._epoll.unregister(source.fileno())

    def stop(self) -> None:
        """Return from `run` after the present call."""
        self._stopped = True

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopped:
            now_ns = self.clock.now_ns()
            while self._timers and self._timers[0][0] <= now_ns and not self._stopped:
                at_ns, _, call = heapq.heappop(self._timers)
                self.late_ns = max(self.late_ns, now_ns - at_ns)
                call()
            if self._stopped:
                return
            for descriptor in self._wait(self._timers[0][0] - now_ns if self._timers else None):
                if descriptor in self._readers:
                    self._readers[descriptor]()

    def _wait(self, longest_ns: int | None) -> list[int]:
        """The descriptors that are ready, after waiting at most so long, to the nanosecond.

        Python's own poll has a resolution of a millisecond.
        """
        longest = None if longest_ns is None else struct.pack("=qq", *divmod(max(longest_ns, 0), 10**9))
        count = _libc.epoll_pwait2(self._epoll.fileno(), self._ready, _EVENTS, longest, None)
        if count < 0:
            number = ctypes.get_errno()
            if number == errno.EINTR:
                return []
            raise KernelError(f"cannot wait for {len(self._readers)} sockets: {os.strerror(number)}")
        return [event.descriptor for event in self._ready[:count]]
