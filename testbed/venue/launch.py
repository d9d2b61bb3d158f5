"""Starts the kernel's process so that nothing of it can outlive this one, and stops it.

User-Mode Linux is one process of the host with one traced child for each process inside. The children
die with their kernel (PTRACE_O_EXITKILL, see uml/patches), and the kernel dies with us (jail.py).
"""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from testbed.venue.cpu_time import tree_cpu_s
from testbed.venue.image import Kernel, cache_folder
from testbed.venue.memory import memory_bytes, memory_place
from testbed.venue.processor import own_processor
from testbed.venue.shown import VARIABLE, Shown, ShownPage

_JAIL = Path(__file__).with_name("jail.py")
_FILE_BYTES = 64 << 30
"""The largest file that the guest may write; more is an error to the program inside."""

_KILLED_S = 60.0
"""How long a process that was killed may take to be gone: one with much memory takes seconds."""


class Guest:
    """A running kernel."""

    def __init__(self, process: subprocess.Popen[bytes], page: ShownPage) -> None:
        self._process, self._page = process, page
        self._pidfd = os.pidfd_open(process.pid)

    def shown(self) -> Shown:
        """How far it has come."""
        return self._page.read()

    def cpu_s(self) -> float:
        """The CPU time that it has used, with all programs inside."""
        return tree_cpu_s(self._process.pid)

    def fileno(self) -> int:
        """For poll: can be read once the kernel has ended."""
        return self._pidfd

    def wait(self, timeout_s: float) -> bool:
        """Whether the kernel has ended, after waiting for that at most so long."""
        ready, _, _ = select.select([self._pidfd], [], [], timeout_s)
        return bool(ready)

    @property
    def returncode(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        """Kill the kernel, and with it everything inside; does nothing if it has ended.

        The signal goes to its process group, which nothing that it started can leave (syscall_filter.py), and
        not by `Popen.kill`: a kernel that was taken over can ask us to trace it, and `Popen` takes a traced
        process that stops for one that has ended.
        """
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.wait(_KILLED_S)
            self._process.wait()
        os.close(self._pidfd)


@contextmanager
def launched(
    kernel: Kernel,
    arguments: list[str],
    *,
    memory: str,
    seed: int,
    folder: Path,
    screen: IO[bytes],
    keyboard: IO[bytes] | int = subprocess.DEVNULL,
    kept: Sequence[int] = (),
) -> Iterator[Guest]:
    """A kernel process with `folder` as its working directory; it is gone when the block is left.

    It has the descriptors `kept` under their numbers, besides standard input and output and the page that
    it shows its time in.

    Its environment holds four variables and none of ours. It can write to the folder above `folder`
    and nowhere else; see jail.py for what else it may do.

    Raises:
        NotReadyError: No folder of the host can hold the guest's memory.
    """
    needed_bytes = memory_bytes(memory)
    with (
        own_processor(cache_folder()) as processor,
        memory_place(needed_bytes) as memory_at,
        closing(ShownPage()) as page,
    ):
        bounds = [str(os.getpid()), str(max(needed_bytes, _FILE_BYTES)), str(folder.parent), str(memory_at)]
        environment = {
            "PATH": "/usr/bin:/bin",
            "UML_SEED": str(seed % 2**64),
            "TMPDIR": f"/proc/self/fd/{memory_at}",
            VARIABLE: str(page.fileno()),
        }
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_JAIL), *bounds, str(kernel.path), *arguments],
            stdin=keyboard,
            stdout=screen,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
            pass_fds=(*kept, memory_at, page.fileno()),
        )
        guest = Guest(process, page)
        try:
            if processor is not None:
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(process.pid, {processor})
            yield guest
        finally:
            guest.stop()


_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_terminate() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C does, instead of ending this process with its folders left.

    Only where nobody else has taken the signal, and only in the main thread, where Python allows it.
    """
    in_main = threading.current_thread() is threading.main_thread()
    ours = [signum for signum in _ENDINGS if in_main and signal.getsignal(signum) is signal.SIG_DFL]

    def unwind(signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    for signum in ours:
        signal.signal(signum, unwind)
    try:
        yield
    finally:
        for signum in ours:
            signal.signal(signum, signal.SIG_DFL)
