"""How much a run may write: programs inside write to the machine's disk, which others use as well."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

EVERY_S = 2.0
"""How often the folder is looked at, at most."""

_MOST_SHARE = 0.05
"""Of the time, for looking: a run may have many files."""

SPARED_BYTES = 1 << 30
"""A run that has written this much may not leave less than this free for others."""

MOST_FILES = 1_000_000


class OutputLimit:
    """Looks how much is in a folder, from time to time."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._next_s = 0.0

    def exceeded(self, now_s: float) -> str | None:
        """What is too much, in words; None also if it is too early to look again."""
        if now_s < self._next_s:
            return None
        began_s = time.monotonic()
        found = self._found()
        took_s = time.monotonic() - began_s
        self._next_s = now_s + max(EVERY_S, took_s / _MOST_SHARE)
        return found

    def _found(self) -> str | None:
        written_bytes = 0
        try:
            for number, size_bytes in enumerate(disk_bytes(self._folder), start=1):
                written_bytes += size_bytes
                if number > MOST_FILES:
                    return f"more than {MOST_FILES} files were made"
        except OSError as error:
            # Folders whose path is longer than any path may be, most of all.
            return f"a folder cannot be looked at ({error.strerror})"
        if written_bytes > self._most_bytes:
            return f"{written_bytes / 2**30:.1f} GiB were written, of {self._most_bytes / 2**30:g} GiB"
        status = os.statvfs(self._folder)
        if status.f_bavail * status.f_frsize < SPARED_BYTES < written_bytes:
            return f"less than {SPARED_BYTES / 2**30:g} GiB of the disk was left free"
        return None


def disk_bytes(folder: Path) -> Iterator[int]:
    """What each file and folder below a folder takes on the disk; no link is followed."""
    folders = [str(folder)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                yield entry.stat(follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:
                continue
