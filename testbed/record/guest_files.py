"""Opens, moves and removes what the programs of a run have written, whatever they have put in its place.

A program may leave a symbolic link, a second name of another file, a FIFO, a device or a folder where a
file is expected. Only a regular file that has no other name is opened, no link is followed on the way to it,
and opening never waits. Everything that reads what was written inside a venue reads it by these functions.
"""

import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from testbed.errors import InvariantError

CONSOLE_BYTES = 1 << 20
"""What is read of a console, from its end: nobody needs more, and a program may print without limit."""

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path, *, below: Path | None = None) -> BinaryIO:
    """Open a file for reading. `below` is the nearest folder above it that no program can replace.

    Raises:
        FileNotFoundError: Nothing is there.
        InvariantError: Something other than a regular file with one name is there, or on the way to it.
    """
    below = path.parent if below is None else below
    *folders, name = path.relative_to(below).parts
    at = os.open(below, _FOLDER)
    try:
        for folder in folders:
            inner = _opened(folder, _FOLDER | os.O_NOFOLLOW, at, path)
            os.close(at)
            at = inner
        _require_regular(os.stat(name, dir_fd=at, follow_symlinks=False), path)
        descriptor = _opened(name, _FILE, at, path)
    finally:
        os.close(at)
    try:
        # What was looked at by its name may have been replaced before it was opened.
        _require_regular(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, *, below: Path | None = None) -> bytes:
    """The content of a file; the errors of `open_regular`.

    Raises:
        InvariantError: It is larger than memory allows, as a file of holes is that takes no room on the disk.
    """
    with open_regular(path, below=below) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes > most_bytes():
            raise InvariantError(
                f"{path} has {size_bytes} bytes, and {most_bytes()} are read at most, a quarter of this "
                "machine's memory. Run something shorter, or look for the program that writes to this path"
            )
        return file.read()


def most_bytes() -> int:
    """How large a file may be that is read as a whole."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4


def read_console(path: Path) -> str:
    """The end of a console, at most `CONSOLE_BYTES`, without what a terminal would take for a command.

    The errors are those of `open_regular`.
    """
    with open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - CONSOLE_BYTES))
        text = file.read(CONSOLE_BYTES).decode("utf-8", errors="replace")
    return _CONTROL.sub("?", _COLOURS.sub("", text))


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A new folder for programs to write to, removed at the end whatever they have made of it."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield made
    finally:
        remove(made)


def keep(path: Path, kept: Path) -> None:
    """Move a file to where it stays, once no program that could replace it runs any more.

    It keeps no bit that lets a program run with the rights of the file's owner or group.

    Raises:
        FileNotFoundError: Nothing is there.
        InvariantError: It is no regular file with one name.
    """
    with open_regular(path) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & ~0o777:
            os.fchmod(file.fileno(), mode & 0o777)
    kept.parent.mkdir(parents=True, exist_ok=True)
    path.rename(kept)


def remove(path: Path) -> None:
    """Remove what is there, of whatever kind and however deep; nothing may be there. No link is followed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        path.unlink()
        return
    folder = os.open(path, _FOLDER | os.O_NOFOLLOW)
    try:
        _empty(folder)
    finally:
        os.close(folder)
    path.rmdir()


def _empty(folder: int) -> None:
    """Folders inside folders are lifted to the top, one level in a pass, before their own turn comes.

    So neither the depth of the stack nor the number of open files grows with the depth of the folders, which
    a program can make greater than any of both: `shutil.rmtree` fails beyond a few hundred levels.
    """
    token, lifted = secrets.token_hex(8), 0
    while names := os.listdir(folder):
        for name in names:
            if not _is_folder(name, folder):
                os.unlink(name, dir_fd=folder)
                continue
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            try:
                for child in os.listdir(inner):
                    if _is_folder(child, inner):
                        lifted += 1
                        os.rename(child, f".{token}-{lifted}", src_dir_fd=inner, dst_dir_fd=folder)
                    else:
                        os.unlink(child, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=folder)


def _is_folder(name: str, at: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode)


def _opened(name: str, flags: int, at: int, path: Path) -> int:
    try:
        return os.open(name, flags, dir_fd=at)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InvariantError(f"{path} is not read: {error.strerror} ({name})") from error


def _require_regular(status: os.stat_result, path: Path) -> None:
    for is_of_kind, kind in _KINDS:
        if is_of_kind(status.st_mode):
            raise _refused(path, kind)
    if status.st_nlink > 1:
        raise _refused(path, f"one of {status.st_nlink} names of the same file")


def _refused(path: Path, what: str) -> InvariantError:
    return InvariantError(
        f"{path} is {what}, where a regular file is expected; a program of the run has put it there, and "
        "it is not read. Look for the program that writes to this path"
    )
