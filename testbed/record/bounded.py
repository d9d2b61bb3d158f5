"""Reading a file that a user names: it must be a file, and of a size that its purpose can have."""

import os
import stat
from pathlib import Path

from testbed.errors import ScenarioError
from testbed.record.atomic import explained

SETTINGS_BYTES = 1_000_000
"""More than anybody writes by hand."""
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bounded(path: Path, what: str, most_bytes: int) -> str:
    """The text of a file; `what` it holds stands in the errors.

    Nothing is waited for: a pipe or a device is refused before anything is read.

    Raises:
        ScenarioError: It cannot be read, is no regular file, is larger, or is no text in UTF-8.
    """
    with explained(f"read the {what} in", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            require_regular(descriptor, path, what)
            with open(descriptor, "rb", closefd=False) as file:
                # One byte more tells a file that is too large, whatever its size was said to be.
                content = file.read(most_bytes + 1)
        finally:
            os.close(descriptor)
    if len(content) > most_bytes:
        raise ScenarioError(f"cannot read the {what} in {path}: it is larger than {most_bytes} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ScenarioError(
            f"cannot read the {what} in {path}: it is no text in UTF-8 ({error.reason} at byte {error.start})"
        ) from error


def require_regular(descriptor: int, path: Path, what: str) -> None:
    """See that what is open is a regular file.

    Raises:
        ScenarioError: It is something else; says what.
    """
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise ScenarioError(f"cannot use {path} for the {what}: it is {kind}; name a regular file")
