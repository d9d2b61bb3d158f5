"""Where the file lies that is the guest's memory: a folder of the host with room, and nothing else in it."""

import mmap
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import NotReadyError
from testbed.record.guest_files import remove

_SUFFIXES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@contextmanager
def memory_place(needed_bytes: int) -> Iterator[int]:
    """A descriptor of an empty folder that the kernel makes its memory in, as a file without a name.

    The folder is removed at once: it can then hold files without a name and no others, and the kernel needs
    no right to write to the folder around it, which other programs use as well. Where the file system has
    no such files (overlayfs before Linux 6.10), the folder stays until the block is left.

    Raises:
        NotReadyError: No folder of the host can hold the guest's memory.
    """
    made = Path(tempfile.mkdtemp(prefix="testbed-memory-", dir=memory_folder(needed_bytes)))
    descriptor = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _has_nameless_files(made):
            made.rmdir()
        yield descriptor
    finally:
        os.close(descriptor)
        remove(made)


def _has_nameless_files(folder: Path) -> bool:
    try:
        os.close(os.open(folder, os.O_RDWR | os.O_EXCL | os.O_TMPFILE | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True


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
