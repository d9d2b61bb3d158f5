"""How much a run may write: programs inside write to the machine's disk, which others use as well."""

import os
from pathlib import Path

EVERY_S = 2.0
"""How often it is looked at: a run may have thousands of files."""

SPARED_BYTES = 1 << 30
"""A run that has written this much may not leave less than this free for others."""


class OutputLimit:
    """Looks how much is in a folder, from time to time."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._next_s = 0.0

    def exceeded(self, now_s: float) -> int | None:
        """The bytes written, if they are too many; None also if it is too early to look again."""
        if now_s < self._next_s:
            return None
        self._next_s = now_s + EVERY_S
        written_bytes = disk_bytes(self._folder)
        if written_bytes > self._most_bytes:
            return written_bytes
        status = os.statvfs(self._folder)
        scarce = status.f_bavail * status.f_frsize < SPARED_BYTES < written_bytes
        return written_bytes if scarce else None


def disk_bytes(folder: Path) -> int:
    """What the files below a folder take on the disk. No link is followed; files may go meanwhile."""
    total_bytes, folders = 0, [str(folder)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                total_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:
                continue
    return total_bytes
