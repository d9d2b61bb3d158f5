"""Makes long series short enough to draw without hiding what matters: the extremes and the tail."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

DRAWN_AT_MOST = 2000
"""Points of one line in a plot; about twice the pixels of a wide screen's column."""

CURVE_POINTS = 400


@dataclass(frozen=True, slots=True)
class Series:
    """A line to draw; `bucket_ns` is what two points stand for, None if every value is drawn."""

    at_ns: Numbers
    value: Numbers
    bucket_ns: int | None = None


def envelope(at_ns: Numbers, value: Numbers, at_most: int = DRAWN_AT_MOST) -> Series:
    """A line with every extreme of the original, in at most `at_most` points.

    Time is cut into equal buckets and each is drawn by its smallest and its largest value, at the
    instants when they occurred: a single late packet among a million stays visible. `at_ns` ascends.
    """
    if len(at_ns) <= at_most:
        return Series(at_ns, value)
    start_ns, span_ns = int(at_ns[0]), int(at_ns[-1] - at_ns[0])
    bucket_ns = -(-(span_ns + 1) // (at_most // 2))
    bucket = (at_ns - start_ns) // bucket_ns
    by_value = np.lexsort((value, bucket))
    first = np.flatnonzero(np.diff(bucket, prepend=-1))
    last = np.append(first[1:], len(at_ns)) - 1
    kept = np.unique(np.concatenate([by_value[first], by_value[last]]))
    return Series(at_ns[kept], value[kept], bucket_ns)


def cumulative(value: Numbers, of: int, points: int = CURVE_POINTS) -> tuple[Numbers, NDArray[np.float64]]:
    """The distribution of values as a curve: (values, share of `of` that is at most that value).

    With `of` packets sent and fewer received the curve ends below 1, so a loss is seen as a gap. The
    last thousandth and the first value are always in, since that is where delays surprise.
    """
    count = len(value)
    if count == 0:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    ordered = np.sort(value)
    body = np.linspace(0, count - 1, points).round().astype(np.int64)
    tail = count - 1 - np.unique(np.geomspace(1, count, points // 4).round().astype(np.int64) - 1)
    kept = np.unique(np.concatenate([body, tail]))
    return ordered[kept], (kept + 1) / of
