"""The event loop of a program on an emulated host: timers at exact instants, and sockets to read.

One process runs all that a session does on one host. It waits in the kernel, never by spinning:
a spinning program would stop virtual time.
"""

import ctypes
import heapq
import os
import select
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Protocol

from testbed.errors import KernelError
from testbed.program.clock import Clock

_TFD_TIMER_ABSTIME = 1


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
        self._timer = _TimerDescriptor()
        self._epoll.register(self._timer.fileno(), select.EPOLLIN)

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
            self._run_due()
            if self._stopped:
                return
            if self._timers:
                self._timer.set(self._timers[0][0] + self.clock.epoch_ns)
            for descriptor, _ in self._epoll.poll():
                if descriptor in self._readers:
                    self._readers[descriptor]()
                elif descriptor == self._timer.fileno():
                    self._timer.clear()

    def _run_due(self) -> None:
        while self._timers and not self._stopped and self._timers[0][0] <= self.clock.now_ns():
            heapq.heappop(self._timers)[2]()


class _TimerDescriptor:
    """A kernel timer that can be waited for beside sockets, with nanosecond resolution.

    The timeouts of poll and epoll_wait are milliseconds; Python offers timerfd from 3.13 on only.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        self._check(self._descriptor)
        self._set_for_ns: int | None = None

    def fileno(self) -> int:
        """For poll."""
        return int(self._descriptor)

    def set(self, realtime_ns: int) -> None:
        """Become readable at an instant of CLOCK_REALTIME, instead of at any earlier set."""
        if realtime_ns == self._set_for_ns:
            return
        # struct itimerspec: no interval, then the instant.
        spec = struct.pack("=qqqq", 0, 0, *divmod(realtime_ns, 10**9))
        self._check(self._libc.timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, spec, None))
        self._set_for_ns = realtime_ns

    def clear(self) -> None:
        """Take note that it has fired."""
        with suppress(BlockingIOError):
            os.read(self._descriptor, 8)
        self._set_for_ns = None

    def _check(self, result: int) -> None:
        if result < 0:
            raise KernelError(f"cannot use a timer descriptor: {os.strerror(ctypes.get_errno())}")
