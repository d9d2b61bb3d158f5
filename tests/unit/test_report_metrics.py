"""The numbers of a stream, against figures worked out by hand and against plain definitions."""

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.report.metrics import delay_statistics, nearest_rank, reordered, stream_metrics


def packets(*rows: tuple[int, int | None, int | None]) -> pd.DataFrame:
    """Rows of (seq, arrival, delay_ns)."""
    return pd.DataFrame(rows, columns=["seq", "arrival", "delay_ns"]).astype("Int64")


def test_a_stream_is_counted_and_its_delays_are_those_that_arrived() -> None:
    numbers = stream_metrics(packets((1, 0, 30), (2, None, None), (3, 1, 10), (4, 2, 21)))
    assert (numbers["sent"], numbers["received"], numbers["lost"], numbers["reordered"]) == (4, 3, 1, 0)
    assert numbers["delay_ns"] == {
        "min": 10,
        "mean": 20,
        "p50": 21,
        "p95": 30,
        "p99": 30,
        "p999": 30,
        "max": 30,
    }


def test_nothing_received_is_null_and_not_zero() -> None:
    numbers = stream_metrics(packets((1, None, None)))
    assert numbers["lost"] == 1
    assert set(numbers["delay_ns"].values()) == {None}


def test_a_stream_without_packets_has_neither_losses_nor_delays() -> None:
    numbers = stream_metrics(packets())
    assert (numbers["sent"], numbers["lost"], numbers["reordered"]) == (0, 0, 0)
    assert numbers["delay_ns"]["p50"] is None


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([], 0),
        ([1], 0),
        ([1, 2, 4, 5], 0),
        ([2, 1], 1),
        # The example of RFC 4737: packet 2 arrives after 3, 4 and 5, and only packet 2 is reordered.
        ([1, 3, 4, 5, 2, 6], 1),
        ([5, 1, 2, 3], 3),
    ],
)
def test_a_packet_is_reordered_if_a_later_one_came_before_it(order: list[int], expected: int) -> None:
    assert reordered(np.array(order, dtype=np.int64)) == expected


def test_order_is_judged_by_arrival_and_not_by_the_row() -> None:
    assert stream_metrics(packets((1, 1, 5), (2, 0, 5)))["reordered"] == 1
    assert stream_metrics(packets((2, 1, 5), (1, 0, 5)))["reordered"] == 0


@pytest.mark.parametrize(
    ("count", "per_mille", "rank"),
    [
        (1, 500, 0),
        (2, 500, 0),
        (3, 500, 1),
        (100, 990, 98),
        (101, 990, 99),
        (1000, 999, 998),
        (1001, 999, 999),
    ],
)
def test_percentiles_are_by_nearest_rank(count: int, per_mille: int, rank: int) -> None:
    assert nearest_rank(count, per_mille) == rank


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=300))
def test_a_percentile_is_the_smallest_value_with_enough_at_or_below_it(delays_ns: list[int]) -> None:
    found = delay_statistics(np.array(delays_ns))
    for name, per_mille in (("p50", 500), ("p95", 950), ("p99", 990), ("p999", 999)):
        enough = [d for d in delays_ns if sum(e <= d for e in delays_ns) * 1000 >= per_mille * len(delays_ns)]
        assert found[name] == min(enough)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=50), st.randoms())
def test_the_order_of_the_delays_does_not_matter(delays_ns: list[int], draws: random.Random) -> None:
    shuffled = delays_ns.copy()
    draws.shuffle(shuffled)
    assert delay_statistics(np.array(delays_ns)) == delay_statistics(np.array(shuffled))
