"""From the packets of one stream to its numbers: counts, order and one-way delay.

Everything is integer arithmetic, so the same samples give the same numbers on any machine.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.model.measure import DELAY_STATISTICS

Integers = NDArray[np.int64]

_PER_MILLE = {"p50": 500, "p95": 950, "p99": 990, "p999": 999}


class StreamMetrics(TypedDict):
    """The numbers of one stream; `delay_ns` has the keys of `DELAY_STATISTICS`, null if nothing arrived."""

    sent: int
    received: int
    lost: int
    reordered: int
    delay_ns: dict[str, int | None]


NOTHING = StreamMetrics(sent=0, received=0, lost=0, reordered=0, delay_ns=dict.fromkeys(DELAY_STATISTICS))
"""The numbers of a stream in which nothing was sent."""


def stream_metrics(packets: pd.DataFrame) -> StreamMetrics:
    """The numbers of the packets of one stream, as rows of samples.parquet."""
    arrived = packets[packets["arrival"].notna()].sort_values("arrival")
    return StreamMetrics(
        sent=len(packets),
        received=len(arrived),
        lost=len(packets) - len(arrived),
        reordered=reordered(arrived["seq"].to_numpy(dtype=np.int64)),
        delay_ns=delay_statistics(arrived["delay_ns"].to_numpy(dtype=np.int64)),
    )


def reordered(seq_by_arrival: Integers) -> int:
    """How many packets arrived after one that was sent later (RFC 4737, section 3.3)."""
    if len(seq_by_arrival) == 0:
        return 0
    greatest = np.maximum.accumulate(seq_by_arrival)
    return int(np.count_nonzero(seq_by_arrival[1:] < greatest[:-1]))


def delay_statistics(delay_ns: Integers) -> dict[str, int | None]:
    """Minimum, mean, percentiles and maximum in ns; all null without a delay.

    Percentiles are by nearest rank: always a delay that some packet had. The mean is rounded, half up.
    """
    count = len(delay_ns)
    if count == 0:
        return dict.fromkeys(DELAY_STATISTICS)
    ordered = np.sort(delay_ns)
    mean = (2 * int(ordered.sum()) + count) // (2 * count)
    ranks = {name: int(ordered[nearest_rank(count, share)]) for name, share in _PER_MILLE.items()}
    found = {"min": int(ordered[0]), "mean": mean, **ranks, "max": int(ordered[-1])}
    return {name: found[name] for name in DELAY_STATISTICS}


def nearest_rank(count: int, per_mille: int) -> int:
    """The index, from 0, of the smallest of `count` ordered values that `per_mille` of them do not exceed."""
    return max(0, -(-count * per_mille // 1000) - 1)


def statistic(numbers: Mapping[str, Any], wanted: str) -> int | None:
    """One number of a stream, in the unit of its kind."""
    value: int | None = (numbers["delay_ns"] if wanted in DELAY_STATISTICS else numbers)[wanted]
    return value
