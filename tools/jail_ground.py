"""Where operations are tried that change something: folders with files, and whether they are as they were."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jail_operations import ATTRIBUTE, FILES, prepare

from testbed.venue import jail

SHARED_MEMORY = Path("/dev/shm")
_OPERATIONS = Path(__file__).with_name("jail_operations.py")
_VENUE = Path(jail.__file__).parent


@dataclass(frozen=True, slots=True)
class Ground:
    """A new folder that both users can reach, and one in memory; both go at the end."""

    path: Path
    shared: Path
    uid: int

    def tree(self, name: str) -> Path:
        """A folder with what each operation on files finds, all of it the user's."""
        return self._filled(self.path / name)

    def shared_tree(self, name: str) -> Path:
        """The same in memory that all programs share."""
        return self._filled(self.shared / name)

    def _filled(self, tree: Path) -> Path:
        for number in range(len(FILES)):
            prepare(f"{tree}/{number}")
            os.setxattr(f"{tree}/{number}/f", ATTRIBUTE, b"x")
        for folder, _, files in os.walk(tree):
            for name in (folder, *(os.path.join(folder, each) for each in files)):
                os.chown(name, self.uid, self.uid)
        return tree


@contextmanager
def ground(uid: int) -> Iterator[Ground]:
    """Somewhere to try things."""
    name = f"testbed-try-{secrets.token_hex(4)}"
    found = Ground(Path("/var/tmp") / name, SHARED_MEMORY / name, uid)
    try:
        for folder in (found.path, found.shared):
            folder.mkdir(mode=0o755)
            os.chown(folder, uid, uid)
        for program in (_OPERATIONS, _VENUE / "jail.py", _VENUE / "syscall_filter.py"):
            shutil.copy(program, found.path)
        yield found
    finally:
        for folder in (found.path, found.shared):
            shutil.rmtree(folder, ignore_errors=True)


def as_user(uid: int) -> dict[str, Any]:
    """What `subprocess` is given to run something as this user."""
    return {} if uid == os.getuid() else {"user": uid, "group": uid, "extra_groups": []}


def state(tree: Path) -> list[object]:
    """Everything that can be seen of each operation's folder except for the times of reading."""
    return [_state_of(tree / str(number)) for number in range(len(FILES))]


def _state_of(path: Path) -> object:
    status = path.lstat()
    seen: list[object] = [
        *(status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size, status.st_rdev),
        *(status.st_ino, status.st_mtime_ns, status.st_ctime_ns),
    ]
    if stat.S_ISDIR(status.st_mode):
        seen += [(name, _state_of(path / name)) for name in sorted(os.listdir(path))]
    elif stat.S_ISREG(status.st_mode):
        seen += [path.read_bytes(), [(name, os.getxattr(path, name)) for name in sorted(os.listxattr(path))]]
    return seen


def changed(tree: Path, before: list[object]) -> frozenset[str]:
    """The operations whose folders are not as they were."""
    after = state(tree)
    return frozenset(name for name, old, new in zip(FILES, before, after, strict=True) if old != new)


def strange(tree: Path) -> tuple[str, ...]:
    """What is in an output folder and must never be: all but plain files with one name, and folders."""
    found = []
    for folder, folders, files in os.walk(tree):
        for path in (Path(folder, name) for name in (*folders, *files)):
            status = path.lstat()
            plain = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
            if not plain or status.st_mode & 0o7000:
                found.append(f"{stat.filemode(status.st_mode)} {path}")
    return tuple(found)
