"""Makes long series short enough to draw without hiding what matters: the extremes and the tail."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

DRAWN_AT_MOST = 2000
"""Points of one line in a plot; about twice the pixels of a wide screen's column."""
DRAWN_TOGETHER_AT_MOST = 12_000
"""Points of all lines in one panel: a page of many variants must still open on a phone."""

BINS = 200
LEAST_BIN_NS = 1_000_000

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


def drawn_at_most(lines: int) -> int:
    """Points of each of so many lines that share a panel."""
    return min(DRAWN_AT_MOST, DRAWN_TOGETHER_AT_MOST // max(1, lines))


def bin_of(duration_ns: int) -> int:
    """How long the bins of a rate over time are: a 200th of the whole, and 1 ms at least."""
    return max(-(-duration_ns // BINS), LEAST_BIN_NS)


def binned_bps(at_ns: Numbers, size_bytes: Numbers, bin_ns: int) -> tuple[Numbers, Numbers]:
    """The rate at which bytes came, as (instants at which bins begin, their rates in bit/s).

    The first bin is that of the first byte, and an empty one after the last closes the line.
    """
    if len(at_ns) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    index = at_ns // bin_ns
    first = int(index.min())
    received_bytes = np.zeros(int(index.max()) - first + 2, np.int64)
    np.add.at(received_bytes, index - first, size_bytes)
    begins_at_ns = (first + np.arange(len(received_bytes))) * bin_ns
    return begins_at_ns, received_bytes * 8 * 10**9 // bin_ns


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
