"""The clock of a program on an emulated host: instants in ns since the start of the scenario.

CLOCK_REALTIME, because that is the clock of the kernel's receive timestamps. In the virtual venue it
is the virtual time; on a host it must not be stepped during a run.
"""

import ctypes
import errno
import os
import time
from dataclasses import dataclass

from testbed.errors import KernelError

_PR_SET_TIMERSLACK = 29
_TIMER_ABSTIME = 1
_libc = ctypes.CDLL(None)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells and awaits instants relative to `epoch_ns`, the CLOCK_REALTIME of the scenario's start."""

    epoch_ns: int

    def now_ns(self) -> int:
        """The present instant."""
        return time.clock_gettime_ns(time.CLOCK_REALTIME) - self.epoch_ns

    def from_kernel_ns(self, realtime_ns: int) -> int:
        """The instant of a kernel timestamp."""
        return realtime_ns - self.epoch_ns

    def sleep_until(self, at_ns: int) -> None:
        """Wait for an instant; returns at once if it has passed.

        The instant itself is handed to the kernel, in one system call: time.sleep would take a float
        and read the clock around it.

        Raises:
            KernelError: Refused.
        """
        instant = _Timespec(*divmod(self.epoch_ns + at_ns, 10**9))
        number = errno.EINTR
        while number == errno.EINTR:
            number = _libc.clock_nanosleep(time.CLOCK_REALTIME, _TIMER_ABSTIME, ctypes.byref(instant), None)
        if number:
            raise KernelError(f"cannot wait for the instant {at_ns} ns: {os.strerror(number)}")


def use_exact_timers() -> None:
    """Let this process's timers fire when they are due.

    By default the kernel may delay a sleep by 50 µs to coincide with other timers, which in virtual
    time clusters the sends of unrelated programs.

    Raises:
        KernelError: Refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0) != 0:
        raise KernelError(f"cannot set the timer slack to 1 ns: {os.strerror(ctypes.get_errno())}")
