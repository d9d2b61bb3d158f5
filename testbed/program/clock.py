"""The clock of a program on an emulated host: instants in ns since the start of the scenario.

CLOCK_REALTIME, because that is the clock of the kernel's receive timestamps. In the virtual venue it
is the virtual time; on a host it must not be stepped during a run.
"""

import ctypes
import os
import time
from dataclasses import dataclass

from testbed.errors import KernelError

_PR_SET_TIMERSLACK = 29


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
        """Wait for an instant; returns at once if it has passed."""
        left_ns = at_ns - self.now_ns()
        if left_ns > 0:
            time.sleep(left_ns / 1e9)


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
