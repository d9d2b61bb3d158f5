"""What a signal that ends a command does, in each of its phases.

    at once (imports, reading files)  ──► one line, and the process ends: there is nothing to undo
    unwinding (something to undo)     ──► `Interrupted` is raised, and each block undoes what is its own
    held (a step that must be whole)  ──► the signal waits until the block is left

Only a command of the command line takes signals (`taken`). In anybody else's process all of this does
nothing, and Python's own KeyboardInterrupt is what there is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager

# Until signals are taken, Ctrl-C is a traceback: typing takes long to load, and only annotations need it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from sys import UnraisableHookArgs
    from types import FrameType
    from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that ask a command to end."""

_AGAIN_S = 0.02
_PATIENCE = 3
"""The signal that ends the process at once, whatever it is doing: somebody insists."""


class Interrupted(KeyboardInterrupt):
    """A signal asks the command to end."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.signum = signum


def exit_status(interruption: BaseException) -> int:
    """128 and the number of the signal, as a shell has it; of a plain KeyboardInterrupt that of SIGINT."""
    return 128 + _signum(interruption)


def sentence(interruption: BaseException) -> str:
    """What is said of it, with whatever was noted on the way."""
    return "; ".join([_told(_signum(interruption)), *getattr(interruption, "__notes__", ())])


def _signum(interruption: BaseException) -> int:
    return interruption.signum if isinstance(interruption, Interrupted) else signal.SIGINT


def _told(signum: int) -> str:
    how = "interrupted" if signum == signal.SIGINT else f"ended by {signal.Signals(signum).name}"
    return f"{how}; nothing is left running"


class _Taken:
    """How signals are taken at the moment; touched by the main thread alone."""

    unwinding = False
    holds = 0
    count = 0
    first: int | None = None
    waiting: int | None = None
    finished = True


def received() -> Interrupted | None:
    """The signal that has come, whatever became of the exception that it raised."""
    return None if _Taken.first is None else Interrupted(_Taken.first)


def _take(signum: int, _frame: FrameType | None) -> None:
    if _Taken.finished:
        return
    _Taken.count += 1
    if _Taken.count >= _PATIENCE or not (_Taken.unwinding or _Taken.holds):
        _end_at_once(signum)
    _Taken.first = _Taken.first or signum
    if _Taken.count > 1:
        # The first one is under way: what it undoes must not be cut short.
        return
    if _Taken.holds:
        _Taken.waiting = signum
        return
    raise Interrupted(signum)


def _end_at_once(signum: int) -> None:
    try:
        # Not by way of sys.stderr, which the interrupted code may be in the middle of.
        os.write(2, f"{_told(signum)}\n".encode())
    finally:
        os._exit(128 + signum)


def _deliver_again(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    """A hook for exceptions that Python drops, as in a finalizer: an interruption is raised again."""

    def unraisable(lost: UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, Interrupted):
            hook(lost)
            return
        _Taken.count -= 1
        # Not here and now: what is raised within this hook would be dropped as well.
        again = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), lost.exc_value.signum))
        again.daemon = True
        again.start()

    return unraisable


@contextmanager
def taken(*, to_the_end: bool) -> Iterator[None]:
    """Take signals for as long as a command runs, except for those that the process was told to ignore.

    If the process ends with the command, `to_the_end`, signals are ignored afterwards: what has come to its
    end is not interrupted any more. Otherwise they are given back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    hook = sys.unraisablehook
    _Taken.unwinding, _Taken.holds, _Taken.count = False, 0, 0
    _Taken.first = _Taken.waiting = None
    _Taken.finished = False
    sys.unraisablehook = _deliver_again(hook)
    try:
        for signum, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(signum, _take)
        yield
    finally:
        _Taken.finished = True
        sys.unraisablehook = hook
        if not to_the_end:
            _restore(before)


@contextmanager
def unwinding() -> Iterator[None]:
    """Within this block a signal raises `Interrupted`, because there is something to undo."""
    before = _Taken.unwinding
    _Taken.unwinding = True
    try:
        yield
    finally:
        _Taken.unwinding = before


@contextmanager
def held() -> Iterator[None]:
    """Within this block signals wait; the first of them is raised when it is left."""
    _Taken.holds += 1
    try:
        yield
    finally:
        _Taken.holds -= 1
    if _Taken.waiting is not None and not _Taken.holds:
        signum, _Taken.waiting = _Taken.waiting, None
        raise Interrupted(signum)


@contextmanager
def lent() -> Iterator[None]:
    """Give the signals back afterwards: an event loop that takes them leaves the system's own behaviour."""
    before = {} if _Taken.finished else {signum: signal.getsignal(signum) for signum in SIGNALS}
    try:
        yield
    finally:
        _restore(before)


@contextmanager
def keys_for_child() -> Iterator[None]:
    """Leave Ctrl-C and Ctrl-\\ to a program in the foreground, which gets them from the terminal as well."""
    with lent():
        for signum in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(signum, lambda *_: None)
        yield


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for signum, handler in handlers.items():
        signal.signal(signum, handler)
