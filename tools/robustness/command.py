"""The command in a forked process: started, sent signals, its outputs read, and what it left behind found."""

import ctypes
import io
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 120.0
"""For what takes a second: only an attempt that hangs takes longer."""
_POLL_S = 0.02
_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its status (negative after a signal), what it printed, and how many processes
    it left."""

    status: int
    out: str
    err: str
    left: int


@dataclass(slots=True)
class Streams:
    """The standard streams of a command: paths that are opened, or None for closed.

    `encoding` and `errors` are those that Python would give to its text streams.
    """

    out: Path | None
    err: Path | None
    encoding: str = "utf-8"
    pipes: list[int] = field(default_factory=list)
    """Descriptors for standard output and error that take the place of the paths."""


def adopt_orphans() -> None:
    """Have processes whose parent ends become this one's children, so that none goes unnoticed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


class Command:
    """A command that runs, or has run."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, prepare: Callable[[], None], streams: Streams
    ) -> None:
        self._streams = streams
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _become(list(arguments), folder, prepare, streams)

    def reaches(self, reached: Callable[[], bool]) -> bool:
        """Wait until something is so; False if the command has ended before it was."""
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            if reached():
                return True
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return reached()
            time.sleep(_POLL_S)
        raise TimeoutError(f"the command did not get so far within {PATIENCE_S:g} s")

    def send(self, signum: int) -> None:
        """Send a signal, unless the command has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def end(self) -> Ended:
        """Wait for the end, and kill what is left of it then."""
        descriptor = os.pidfd_open(self.pid)
        ended, _, _ = select.select([descriptor], [], [], PATIENCE_S)
        os.close(descriptor)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        _, wait_status = os.waitpid(self.pid, 0)
        status = os.waitstatus_to_exitcode(wait_status)
        return Ended(status, _text(self._streams.out), _text(self._streams.err), _reaped())


def _text(path: Path | None) -> str:
    if path is None or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _become(arguments: list[str], folder: Path, prepare: Callable[[], None], streams: Streams) -> None:
    """Be the command, in the forked process."""
    status = 70
    try:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
        os.chdir(folder)
        _redirect(streams)
        prepare()
        sys.argv = ["testbed", *arguments]
        from testbed.cli import main

        try:
            status = main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 70
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        # Without what the parent would do at its own end.
        os._exit(status & 0xFF)


def _redirect(streams: Streams) -> None:
    given = streams.pipes or [
        -1 if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for path in (streams.out, streams.err)
    ]
    for number, descriptor in enumerate(given, start=1):
        if descriptor < 0:
            os.close(number)
        else:
            os.dup2(descriptor, number)
            if not streams.pipes:
                os.close(descriptor)
    texts: list[io.TextIOWrapper | None] = [
        None if descriptor < 0 else open(number, "w", encoding=streams.encoding, closefd=False)  # noqa: SIM115
        for number, descriptor in enumerate(given, start=1)
    ]
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = texts  # type: ignore[assignment, misc]


def _reaped() -> int:
    """Wait for orphans of the command to end, and kill those that do not; how many these were."""
    give_up_s, killed = time.monotonic() + 10.0, set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return len(killed)
        if pid:
            continue
        if time.monotonic() > give_up_s:
            for child in _children():
                killed.add(child)
                os.kill(child, signal.SIGKILL)
        time.sleep(_POLL_S)


def _children() -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name, which may have spaces and brackets itself: state, then parent.
            if int(stat.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found
