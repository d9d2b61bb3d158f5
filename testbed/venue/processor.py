"""A processor for each embedded kernel: all of its processes on one, and no two kernels on the same.

A kernel and the programs inside it take turns, each a process of the host that wakes the next. Where the
host spreads them over processors, waking another processor costs more than most system calls inside:
runs took twice the time.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def own_processor(folder: Path) -> Iterator[int | None]:
    """The number of a processor that no other kernel of this user has; None if all have one.

    Taken by a lock on a file in `folder`, which the host's kernel releases however we end. Where that
    folder cannot be written to, there is no way to agree, and the answer is None.
    """
    held = _first_free(folder)
    if held is None:
        yield None
        return
    number, file = held
    with file:
        yield number


def _first_free(folder: Path) -> tuple[int, IO[bytes]] | None:
    for number in sorted(os.sched_getaffinity(0)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / f"processor-{number}.lock").open("wb")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return number, file
    return None
