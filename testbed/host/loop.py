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
from itertools import count
from typing import Protocol

from testbed.errors import KernelError
from testbed.host.clock import Clock

_TFD_TIMER_ABSTIME = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Readable(Protocol):
    """Something that poll can wait for."""

    def fileno(self) -> int: ...


class Loop:
    """Calls functions when their instant has come or their socket can be read, until told to stop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._timers: list[tuple[int, int, int, Callable[[], None]]] = []
        self._called_for_ns: int | None = None
        self._order = count()
        self._readers: dict[int, Callable[[], object]] = {}
        self._epoll = select.epoll()
        self._stopped = False
        self.late_ns = 0
        """The longest that a call came after its instant: tells a machine that cannot carry its load."""
        self._timer = _TimerDescriptor()
        self._epoll.register(self._timer.fileno(), select.EPOLLIN | select.EPOLLET)

    def at(self, at_ns: int, call: Callable[[], None], rank: int = 0) -> None:
        """Call once at an instant; at equal instants the lowest rank first, then in the order of asking."""
        heapq.heappush(self._timers, (at_ns, rank, next(self._order), call))

    @property
    def instant_ns(self) -> int:
        """The instant that is dealt with: that of the timer, while one is called; otherwise the present."""
        return self.clock.now_ns() if self._called_for_ns is None else self._called_for_ns

    def every(self, interval_ns: int, call: Callable[[], None]) -> None:
        """Call at every multiple of an interval from now on."""

        def again() -> None:
            call()
            self.at((self.clock.now_ns() // interval_ns + 1) * interval_ns, again)

        self.at((self.clock.now_ns() // interval_ns + 1) * interval_ns, again)

    def on_readable(self, source: Readable, call: Callable[[], object]) -> None:
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

    def note_late(self, late_ns: int) -> None:
        """Remember how late something was done, if nothing was later."""
        self.late_ns = max(self.late_ns, late_ns)

    def stop(self) -> None:
        """Return from `run` after the present call."""
        self._stopped = True

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopped:
            now_ns = self.clock.now_ns()
            while self._timers and self._timers[0][0] <= now_ns and not self._stopped:
                at_ns, _, _, call = heapq.heappop(self._timers)
                self.note_late(now_ns - at_ns)
                self._timer.fired()
                self._called_for_ns = at_ns
                call()
            self._called_for_ns = None
            if self._stopped:
                return
            if self._timers:
                self._timer.set(self._timers[0][0] + self.clock.epoch_ns)
            for descriptor, _ in self._epoll.poll():
                # An earlier call of this round may have stopped the loop, or forgotten this one.
                if descriptor in self._readers and not self._stopped:
                    self._readers[descriptor]()


class _TimerDescriptor:
    """A kernel timer that is waited for beside sockets and fires when it is due.

    Timeouts would not do: those of poll and epoll may be late by a thousandth of their length
    (select_estimate_accuracy in fs/select.c), whatever the timer slack. Python offers timerfd from
    3.13 on only. Registered edge-triggered, it need not be read.
    """

    def __init__(self) -> None:
        self._descriptor: int = _libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        self._check(self._descriptor)
        self._set_for_ns: int | None = None

    def fileno(self) -> int:
        """For epoll."""
        return self._descriptor

    def set(self, realtime_ns: int) -> None:
        """Fire at an instant of CLOCK_REALTIME, at once if it has passed, and at no earlier one."""
        if realtime_ns == self._set_for_ns:
            return
        # struct itimerspec: no interval, then the instant.
        spec = struct.pack("=qqqq", 0, 0, *divmod(realtime_ns, 10**9))
        self._check(_libc.timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, spec, None))
        self._set_for_ns = realtime_ns

    def fired(self) -> None:
        """The instant it was set for may have passed; setting it for the same one again must arm it."""
        self._set_for_ns = None

    def _check(self, result: int) -> None:
        if result < 0:
            raise KernelError(f"cannot use a timer descriptor: {os.strerror(ctypes.get_errno())}")
