"""Runs a command of the user's on the host that this program is on, and says how it ended."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from testbed.applications.user_program.model import UserProgram
from testbed.host.loop import Loop

GRACE_NS = 1_000_000_000
"""From SIGTERM to SIGKILL."""


class Command:
    """Starts the command at its instant, with its output in two files, and ends it at its end.

    `say` is told the exit status: negative is the signal that ended it. Whatever the command has started
    belongs to its process group, and goes with it; also when this program is killed.
    """

    def __init__(
        self, loop: Loop, program: UserProgram, output: tuple[Path, Path], say: Callable[[int], None]
    ) -> None:
        self._loop, self._program, self._output, self._say = loop, program, output, say
        self._process: subprocess.Popen[bytes] | None = None
        self._exit: _Exit | None = None
        self._guard: _Guard | None = None
        self.outcome: dict[str, int] = {}

    def start(self) -> None:
        """Set out to start it, and to end it."""
        self._loop.at(self._program.starts_at_ns, self._begin)
        if self._program.ends_at_ns is not None:
            self._loop.at(self._program.ends_at_ns, self._end)

    def _begin(self) -> None:
        out, err = (path.open("wb") for path in self._output)
        with out, err:
            self._process = subprocess.Popen(
                self._program.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self._guard = _Guard(self._process.pid)
        self._exit = _Exit(self._process.pid)
        self._loop.on_readable(self._exit, self._over)

    def _over(self) -> None:
        self._say(self._reap())

    def _reap(self) -> int:
        """The status of the command, which has ended; what it has left behind ends too."""
        assert self._process is not None
        assert self._exit is not None
        self._loop.forget(self._exit)
        self._exit.close()
        self._exit = None
        status = self._process.wait()
        self._signal(signal.SIGKILL)
        assert self._guard is not None
        self._guard.dismiss()
        return status

    def _end(self) -> None:
        if self._exit is not None:
            self._signal(signal.SIGTERM)
            self._loop.at(self._loop.clock.now_ns() + GRACE_NS, self._kill)

    def _kill(self) -> None:
        if self._exit is not None:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return  # the last of the group has gone

    def close(self) -> None:
        """End it if it still runs; its status is the outcome."""
        if self._exit is not None:
            self._signal(signal.SIGTERM)
            assert self._process is not None
            try:
                self._process.wait(GRACE_NS / 1e9)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
            self.outcome = {"exit_status": self._reap()}


class _Exit:
    """A descriptor that can be read once a process has ended."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def fileno(self) -> int:
        """For epoll."""
        return self._descriptor

    def close(self) -> None:
        """Give it back."""
        os.close(self._descriptor)


class _Guard:
    """A process that ends a process group when we are gone without having dismissed it.

    Somebody has to, after a crash: the network goes with its processes, and a command of the user's may go on
    for ever.
    """

    def __init__(self, group: int) -> None:
        ends, self._line = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._watch(ends, group)
        os.close(ends)

    @staticmethod
    def _watch(ends: int, group: int) -> None:
        """Wait for a word, or for the other end to be closed; never returns."""
        try:
            # Nothing else may stay open here: whoever waits for its other end would wait for ever.
            os.setsid()
            os.dup2(ends, 0)
            os.closerange(1, os.sysconf("SC_OPEN_MAX"))
            if not os.read(0, 1):
                os.killpg(group, signal.SIGKILL)
        finally:
            os._exit(0)

    def dismiss(self) -> None:
        """The group has ended: its number may soon be another's."""
        os.write(self._line, b"x")
        os.close(self._line)
        os.waitpid(self._pid, 0)
