"""Starts the kernel's process so that nothing of it can outlive this one, and stops it.

User-Mode Linux is one process of the host with one traced child for each process inside. The children
die with their kernel (PTRACE_O_EXITKILL, see uml/patches), and the kernel dies with us (jail.py).
"""

import mmap
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from testbed.errors import NotReadyError
from testbed.venue.image import Kernel, cache_folder
from testbed.venue.processor import own_processor

_JAIL = Path(__file__).with_name("jail.py")
_SUFFIXES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


class Guest:
    """A running kernel."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)

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
        """Kill the kernel, and with it everything inside; does nothing if it has ended."""
        self._process.kill()
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

    It has the descriptors `kept` under their numbers, besides standard input and output.

    Its environment holds three variables and none of ours. It can write to the folder above `folder`,
    and to the one where its memory is.

    Raises:
        NotReadyError: No folder of the host can hold the guest's memory.
    """
    memory_at = memory_folder(memory_bytes(memory))
    environment = {"PATH": "/usr/bin:/bin", "UML_SEED": str(seed % 2**64), "TMPDIR": memory_at}
    jail = [sys.executable, "-I", "-S", str(_JAIL), str(os.getpid()), str(folder.parent), memory_at, "--"]
    with own_processor(cache_folder()) as processor:
        process = subprocess.Popen(
            [*jail, str(kernel.path), *arguments],
            stdin=keyboard,
            stdout=screen,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
            pass_fds=kept,
        )
        guest = Guest(process)
        try:
            if processor is not None:
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(process.pid, {processor})
            yield guest
        finally:
            guest.stop()


def memory_bytes(memory: str) -> int:
    """ "4G" as the kernel reads it, in bytes."""
    found = re.fullmatch(r"(\d+)([KMG]?)", memory)
    if not found:
        raise NotReadyError(f"the guest's memory is given as {memory!r}; write it like 512M or 4G")
    return int(found[1]) * _SUFFIXES[found[2]]


def memory_folder(needed_bytes: int) -> str:
    """The folder for the unlinked file that is the guest's memory: one with room, and not mounted noexec.

    Memory-backed /dev/shm is first; containers often make it tiny.

    Raises:
        NotReadyError: None will do; the message says why for each.
    """
    refusals = []
    for folder in ("/dev/shm", os.environ.get("TMPDIR", ""), "/tmp", "/var/tmp"):
        if not os.path.isdir(folder):
            continue
        refusal = _refusal(folder, needed_bytes)
        if refusal is None:
            return folder
        refusals.append(f"{folder} {refusal}")
    raise NotReadyError(
        f"no folder has room for the embedded kernel's {needed_bytes >> 20} MiB: {'; '.join(refusals)}. "
        "Make room in one of them, or set TMPDIR to a folder that has it"
    )


def _refusal(folder: str, needed_bytes: int) -> str | None:
    status = os.statvfs(folder)
    free_bytes = status.f_bavail * status.f_frsize
    if free_bytes < needed_bytes:
        return f"has {free_bytes >> 20} MiB free"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(mmap.PAGESIZE)
            mmap.mmap(file.fileno(), mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
    except OSError as error:
        return f"cannot be used: {error.strerror}"
    return None


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
