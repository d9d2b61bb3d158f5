"""Folders that runs need for a time, and that are removed by the next one if their owner was killed.

Whoever works in a folder holds a lock in it, which the system gives back however a process ends. A folder
whose lock nobody holds is left over.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.record.guest_files import remove

_PREFIX = "testbed-sweep-"
_LOCK = ".lock"


@contextmanager
def scratch_folder() -> Iterator[tuple[Path, int]]:
    """A new folder and the descriptor that holds its lock, for programs that work in it as well.

    It is removed at the end, and with it whatever processes that were killed have left.
    """
    _remove_left_over(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        # Under its name only once it is locked: until then nobody else may take the folder for left over.
        draft = folder / f"{_LOCK}.part"
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            draft.rename(folder / _LOCK)
            yield folder, descriptor
        finally:
            os.close(descriptor)
    finally:
        remove(folder)


def _remove_left_over(place: Path) -> None:
    for lock in place.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            # Somebody else's, or just being removed.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            remove(lock.parent)
        finally:
            os.close(descriptor)
