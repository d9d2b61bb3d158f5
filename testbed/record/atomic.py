"""Writing files whole or not at all, and saying plainly why the disk refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import ScenarioError


@contextmanager
def explained(attempt: str, path: Path) -> Iterator[None]:
    """Turn a refusal of the file system into an error that says what was attempted.

    Raises:
        ScenarioError: Any `OSError` of the body: no space, no permission, no such place.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScenarioError(
            f"cannot {attempt} {path}: {reason}; free the space, or choose a place that you may write to"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a draft to write that takes the place of `path` at the end.

    A reader finds the old file or the new one, never a part; a failed body leaves the old one.

    Raises:
        ScenarioError: The disk is full or the place cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    with explained("write", path):
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def named_by_user(path: Path) -> Iterator[Path]:
    """As `replacing`, but a device or a pipe that a user names, such as /dev/null, is written to.

    Raises:
        ScenarioError: As `replacing`.
    """
    with explained("write", path):
        is_special = path.is_char_device() or path.is_block_device() or path.is_fifo()
    if is_special:
        with explained("write", path):
            yield path
    else:
        with replacing(path) as draft:
            yield draft
