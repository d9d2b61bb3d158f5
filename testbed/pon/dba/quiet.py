"""Quiet windows: stretches of upstream time in which nobody may send, so that new ONUs can be heard."""

from collections.abc import Iterable
from typing import NamedTuple

from testbed.pon.framing import Framing


class QuietSpan(NamedTuple):
    """A stretch of an upstream frame in line bytes, its end excluded."""

    start_byte: int
    end_byte: int


class QuietWindow(NamedTuple):
    """A stretch of time since the start of upstream frame 0, at the OLT; once, or again every period."""

    start_ns: int
    length_ns: int
    period_ns: int | None = None


def check_quiet(windows: Iterable[QuietWindow]) -> None:
    """Make sure that windows have a length, and end before they come again.

    Raises:
        ValueError: One does not; the message says what would do.
    """
    for window in windows:
        if window.start_ns < 0 or window.length_ns < 1:
            raise ValueError(f"{window}: a window starts at 0 ns or later and lasts at least 1 ns")
        if window.period_ns is not None and window.period_ns <= window.length_ns:
            raise ValueError(
                f"a quiet window of {window.length_ns} ns every {window.period_ns} ns leaves no time to "
                f"send; the period must be at least {window.length_ns + 1} ns"
            )


def quiet_spans(windows: Iterable[QuietWindow], framing: Framing, frame: int) -> list[QuietSpan]:
    """The parts of a frame that are quiet, rounded outwards to whole bytes."""
    frame_ns, frame_bytes = framing.frame_ns, framing.frame_bytes
    from_ns = frame * frame_ns
    spans = []
    for window in windows:
        start_ns = _start_ns(window, from_ns)
        while start_ns is not None and start_ns < from_ns + frame_ns:
            end_ns = start_ns + window.length_ns
            first = max(start_ns - from_ns, 0) * frame_bytes // frame_ns
            last = -(-min(end_ns - from_ns, frame_ns) * frame_bytes // frame_ns)
            spans.append(QuietSpan(first, last))
            start_ns = _start_ns(window, end_ns) if window.period_ns else None
    return spans


def next_quiet_frame(windows: Iterable[QuietWindow], framing: Framing, frame: int) -> int | None:
    """The first frame, this one or later, in which something is quiet."""
    starts = [_start_ns(window, frame * framing.frame_ns) for window in windows]
    return min((max(frame, start // framing.frame_ns) for start in starts if start is not None), default=None)


def _start_ns(window: QuietWindow, at_ns: int) -> int | None:
    """The start of the first window that ends after an instant."""
    behind_ns = at_ns - window.start_ns - window.length_ns
    if behind_ns < 0:
        return window.start_ns
    if window.period_ns is None:
        return None
    return window.start_ns + (behind_ns // window.period_ns + 1) * window.period_ns
