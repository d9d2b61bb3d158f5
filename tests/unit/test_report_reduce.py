"""Shortened series: short enough, and with every extreme of the long one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from testbed.report.reduce import cumulative, envelope


def test_a_short_series_is_drawn_as_it_is() -> None:
    at_ns, value = np.arange(10), np.arange(10) ** 2
    series = envelope(at_ns, value, at_most=10)
    assert series.bucket_ns is None
    assert (series.value == value).all()


def test_a_single_late_packet_among_many_stays_visible() -> None:
    value = np.full(1_000_000, 8)
    value[123_457] = 62
    series = envelope(np.arange(1_000_000), value, at_most=1000)
    assert len(series.value) <= 1000
    assert series.at_ns[series.value == 62].tolist() == [123_457]
    # The negative control: taking every thousandth value would have hidden it.
    assert 62 not in value[::1000]


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)), min_size=1), st.integers(2, 20))
def test_the_drawn_points_are_real_in_order_and_have_both_extremes(
    points: list[tuple[int, int]], at_most: int
) -> None:
    points = sorted(points)
    at_ns, value = np.array(points, dtype=np.int64).T
    series = envelope(at_ns, value, at_most)
    drawn = list(zip(series.at_ns.tolist(), series.value.tolist(), strict=True))
    assert set(drawn) <= set(points)
    assert series.at_ns.tolist() == sorted(series.at_ns.tolist())
    assert (series.value.min(), series.value.max()) == (value.min(), value.max())
    assert len(drawn) <= at_most or series.bucket_ns is None


def test_a_curve_ends_at_the_share_that_arrived() -> None:
    value, share = cumulative(np.arange(90), of=100)
    assert (value[-1], share[-1]) == (89, 0.9)


def test_a_curve_of_many_values_keeps_the_ends() -> None:
    value, share = cumulative(np.arange(100_000), of=100_000)
    assert len(value) < 600
    assert (value[0], value[-1], share[-1]) == (0, 99_999, 1.0)
    assert (share > 0.9999).sum() >= 5


def test_nothing_received_has_no_curve() -> None:
    assert len(cumulative(np.empty(0, np.int64), of=5)[0]) == 0
