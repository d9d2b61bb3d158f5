"""Ties a process to the one that started it: however that ends, this one is sent a signal.

Run as a script, with the standard library only, it becomes a program that is tied:
`lifeline.py PARENT_PID SIGNAL PROGRAM WORD...`. The tie is PR_SET_PDEATHSIG of prctl(2), which exec keeps.

The tie is to the thread that started the process, which must therefore wait for its end.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def tied(command: Sequence[str], signum: signal.Signals = signal.SIGKILL) -> list[str]:
    """A command that starts `command` in its own place, tied to this process.

    SIGKILL is for what has nothing to put in order; what handles SIGTERM can be given that.
    """
    script = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(signum))]
    return [*script, *command]


def tie(parent_pid: int, signum: signal.Signals = signal.SIGKILL) -> None:
    """Tie this process, which `parent_pid` has started; ends it if the parent has gone already."""
    if _libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "tie a process to its parent")
    if os.getppid() != parent_pid:
        os._exit(128 + signum)


if __name__ == "__main__":
    tie(int(sys.argv[1]), signal.Signals(int(sys.argv[2])))
    try:
        os.execvp(sys.argv[3], sys.argv[3:])
    except OSError as error:
        print(f"error: cannot start {sys.argv[3]}: {error.strerror}", file=sys.stderr)
        os._exit(127)
