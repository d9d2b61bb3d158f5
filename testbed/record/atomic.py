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

    A reader finds the old file or the new one, never a part; a failed body leaves the old one. A device or a
    pipe, such as /dev/null, is written to and never replaced.

    Raises:
        ScenarioError: The disk is full or the place cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    with explained("write", path):
        if path.is_char_device() or path.is_fifo() or path.is_block_device():
            yield path
            return
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
