"""Intervals: Student's t against scipy, coverage, and what a block bootstrap must and must not find."""

from math import sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from testbed.report.metrics import nearest_rank
from testbed.sweep.statistics import Estimate, StreamDelays, across_seeds, differences, t_quantile

PER_MILLE = {"p50": 500, "p99": 990}


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8, 9, 10, 29, 30, 99, 1000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_the_quantile_of_student_s_t_is_scipy_s(level: float, degrees: int) -> None:
    assert t_quantile(level, degrees) == pytest.approx(stats.t.ppf((1 + level) / 2, degrees), rel=1e-9)


@given(st.lists(st.integers(0, 10**12), min_size=2, max_size=20))
def test_the_interval_across_seeds_is_the_textbook_s(values: list[int]) -> None:
    found = across_seeds(values)
    half = stats.t.ppf(0.975, len(values) - 1) * stdev(values) / sqrt(len(values))
    assert found.value == fmean(values)
    assert found.low == pytest.approx(fmean(values) - half, abs=1e-3, rel=1e-9)
    assert found.high == pytest.approx(fmean(values) + half, abs=1e-3, rel=1e-9)


def test_a_single_seed_has_no_interval_and_no_seed_no_mean() -> None:
    assert across_seeds([7]) == Estimate(7, None, None)
    assert not across_seeds([7]).is_clear
    with pytest.raises(ValueError, match="no mean"):
        across_seeds([])


def test_the_interval_has_the_true_mean_in_it_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    found = [across_seeds(list(row)) for row in random.normal(100, 15, (2000, 5))]
    covered = sum(each.low <= 100 <= each.high for each in found)  # type: ignore[operator]
    # Within four standard deviations of a count of 2000 at 95 %.
    assert abs(covered - 1900) <= 4 * sqrt(2000 * 0.95 * 0.05)


def stream(delay_ns: list[int] | np.ndarray, every_ns: int = 1000) -> StreamDelays:
    found = np.asarray(delay_ns, np.int64)
    return StreamDelays(np.arange(len(found), dtype=np.int64) * every_ns, found)


def waves(seed: int, longer_ns: int = 0) -> StreamDelays:
    """Delays that go up and down slowly, as a queue does: neighbours are alike."""
    random = np.random.default_rng(seed)
    steps = np.repeat(random.integers(0, 100_000, 160), 50)
    return stream(1_000_000 + steps + random.integers(0, 1000, len(steps)) + longer_ns)


def test_the_difference_is_that_of_the_two_statistics() -> None:
    base, other = waves(1), waves(2, 30_000)
    found = differences(base, other, PER_MILLE, seed=1)
    assert list(found) == ["mean", "p50", "p99"]
    assert found["mean"].value == pytest.approx(other.delay_ns.mean() - base.delay_ns.mean())
    for name, share in PER_MILLE.items():
        ranked = [np.sort(each.delay_ns)[nearest_rank(len(each.delay_ns), share)] for each in (base, other)]
        assert found[name].value == ranked[1] - ranked[0]


def test_a_run_does_not_differ_from_itself_and_does_from_a_slower_one() -> None:
    same = differences(waves(1), waves(1), PER_MILLE, seed=1)
    assert all(each == Estimate(0, 0, 0) and not each.is_clear for each in same.values())
    slower = differences(waves(1), waves(1, 7), PER_MILLE, seed=1)
    assert all(each == Estimate(7, 7, 7) and each.is_clear for each in slower.values())


def test_runs_alike_are_found_to_differ_as_seldom_as_the_level_says() -> None:
    """Packets drawn one by one, with no regard to how long they wait together, would cry wolf most times."""
    found = [
        differences(waves(2 * n), waves(2 * n + 1), {}, seed=n, resamples=300)["mean"] for n in range(100)
    ]
    assert sum(each.is_clear for each in found) <= 15
    one_by_one = 0
    for n in range(100):
        ours, theirs = waves(2 * n).delay_ns, waves(2 * n + 1).delay_ns
        half = 1.96 * sqrt(ours.var() / len(ours) + theirs.var() / len(theirs))
        one_by_one += abs(theirs.mean() - ours.mean()) > half
    assert one_by_one > 50


def test_the_same_seed_gives_the_same_interval() -> None:
    first, again, other = (differences(waves(1), waves(2), PER_MILLE, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["mean"] != other["mean"]


def test_a_stream_of_which_nothing_arrived_has_no_difference() -> None:
    assert differences(stream([]), waves(1), PER_MILLE, seed=1) == {}
    assert differences(waves(1), stream([]), PER_MILLE, seed=1) == {}


def test_streams_of_one_packet_and_of_no_common_time_are_compared_all_the_same() -> None:
    lone = differences(stream([5]), stream([8]), PER_MILLE, seed=1)
    assert {name: each.value for name, each in lone.items()} == {"mean": 3, "p50": 3, "p99": 3}
    late = StreamDelays(np.array([10**12]), np.array([9]))
    assert differences(stream([5, 6, 7]), late, PER_MILLE, seed=1)["p50"].value == 3
