"""Standard output and standard error that never raise: what cannot be written is remembered instead.

A reader that has gone, a full disk, a closed descriptor or an encoding without the character must not change
what a command does. After its first failure a stream drops everything; at the end the command judges whether
the failure matters (`judged`): it does where the output is the command's only result.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager

from testbed.errors import ScenarioError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO

    from typing_extensions import Buffer

_STANDARD_INPUT, _STANDARD_OUTPUT, _STANDARD_ERROR = range(3)


class _Descriptor(io.RawIOBase):
    """A descriptor for writing; all of it succeeds, and the first error is kept in `failure`."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.failure: OSError | None = None

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, content: Buffer, /) -> int:
        """Write all of it, or drop it if the descriptor has failed."""
        rest = memoryview(content).cast("B")
        while rest and self.failure is None:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                # Whoever shares the descriptor has made it non-blocking; a slow reader is no failure.
                import select

                select.select([], [self._descriptor], [])
            except OSError as error:
                self.failure = error
        return memoryview(content).nbytes


def not_written() -> str | None:
    """Why standard output could not be written; None if it could, or if its reader closed the pipe early."""
    sys.stdout.flush()
    raw = getattr(sys.stdout, "buffer", None)
    raw = getattr(raw, "raw", raw)
    failure = raw.failure if isinstance(raw, _Descriptor) else None
    return None if failure is None or isinstance(failure, BrokenPipeError) else failure.strerror


def judged(status: int, *, only_result: bool) -> int:
    """The exit status of a command that would end with `status`, and a line if its output is not whole.

    A reader that closed its pipe has what it wanted. Any other failure to write the only result of a command
    makes a success of it a failure; where the result is kept elsewhere, the status stays.
    """
    failure = not_written()
    if failure is None:
        return status
    if only_result:
        print(f"error: standard output could not be written: {failure}", file=sys.stderr)
        return status or ScenarioError.exit_status
    print(
        f"warning: standard output could not be written: {failure}; the exit status does not depend on it",
        file=sys.stderr,
    )
    return status


@contextmanager
def lasting_outputs() -> Iterator[None]:
    """Replace the process's own standard streams by ones that never raise; put them back at the end."""
    _open_closed_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    if sys.stdin is None:
        sys.stdin = open(_STANDARD_INPUT, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Descriptor(_STANDARD_OUTPUT), sys.stdout)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Descriptor(_STANDARD_ERROR), sys.stderr)
    try:
        yield
    finally:
        for stream, old in zip((sys.stdout, sys.stderr), before[1:], strict=True):
            if stream is not old:
                stream.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def _open_closed_descriptors() -> None:
    """Occupy standard descriptors that are closed, so that no file of ours gets their numbers.

    They are opened for the opposite of their use: reading from 0 and writing to 1 and 2 still fail, as on a
    closed descriptor.
    """
    for descriptor in (_STANDARD_INPUT, _STANDARD_OUTPUT, _STANDARD_ERROR):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given out, and all below are open by now.
            opened = os.open(os.devnull, os.O_WRONLY if descriptor == _STANDARD_INPUT else os.O_RDONLY)
            os.set_inheritable(opened, True)


def _text(raw: _Descriptor, old: TextIO | None) -> TextIO:
    """A text stream like the one that it replaces, to which no character is unknown."""
    if isinstance(old, io.TextIOWrapper):
        encoding, line_buffering, unbuffered = old.encoding, old.line_buffering, old.write_through
        old.flush()
    else:
        encoding, line_buffering, unbuffered = "utf-8", True, False
    # As Python does it: with -u there is no buffer of bytes below the text.
    binary: Any = raw if unbuffered else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        binary,
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=line_buffering,
        write_through=unbuffered,
    )
