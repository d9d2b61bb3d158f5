"""How well a machine keeps real time, judged from its kernel's counters."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.host.load import Counters, Load, complaints, counters, lateness_ns, load_between

STAT = "cpu  100 0 200 600 50 0 30 20 7 0\ncpu0 50 0 100 300 25 0 15 10 3 0\nintr 5\n"
SOFTNET = "0000c091 00000002 00000003 00000000\n0003d0aa 00000001 0000000a 00000000\n"
PRESSURE = "some avg10=0.16 avg60=20.80 total=7199\nfull avg10=0.00 avg60=0.00 total=0\n"
IDLE = Load(
    seconds=10.0,
    timers=1000,
    late_p50_ns=50_000,
    late_p99_ns=90_000,
    late_max_ns=200_000,
    busy_ppm=100_000,
    steal_ppm=0,
    waiting_ppm=None,
    dropped=0,
    squeezed=0,
)


def loaded(**changed: float) -> Load:
    return replace(IDLE, **changed)  # type: ignore[arg-type]


def test_counters_are_read_of_all_processors_together() -> None:
    """Hexadecimal in one file, ticks in the other; a guest's ticks are in its user's already."""
    assert counters(STAT, SOFTNET, PRESSURE) == Counters(
        idle_ticks=650, stolen_ticks=20, all_ticks=1000, dropped=3, squeezed=13, waiting_us=7199
    )


def test_a_kernel_may_not_count_who_waits() -> None:
    assert counters(STAT, SOFTNET, None).waiting_us is None
    before = counters(STAT, SOFTNET, None)
    assert load_between(before, counters(STAT, SOFTNET, PRESSURE), [0], 1.0).waiting_ppm is None


def test_shares_are_of_what_went_by_between_two_readings() -> None:
    before = counters(STAT, SOFTNET, PRESSURE)
    later = Counters(
        idle_ticks=675, stolen_ticks=30, all_ticks=1100, dropped=4, squeezed=20, waiting_us=507_199
    )
    load = load_between(before, later, [3, 1, 2], 1.0)
    assert (load.busy_ppm, load.steal_ppm, load.waiting_ppm) == (750_000, 100_000, 500_000)
    assert (load.dropped, load.squeezed) == (1, 7)
    assert (load.timers, load.late_p50_ns, load.late_p99_ns, load.late_max_ns) == (3, 2, 3, 3)


def test_an_idle_machine_is_not_complained_of() -> None:
    assert complaints(IDLE) == []
    assert not IDLE.is_late


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"late_max_ns": 4_100_000}, "timers fired up to 4.100 ms late (99 of 100 within 0.090 ms)"),
        ({"dropped": 12}, "12 packets were dropped before any queue of the network"),
        ({"squeezed": 101}, "packets were left over for want of time 101 times"),
        ({"busy_ppm": 970_000}, "the processors were busy 97.0 % of the time"),
        ({"steal_ppm": 30_000}, "other machines had 3.0 % of the processors' time"),
    ],
)
def test_each_kind_of_want_is_told_and_no_other(changed: dict[str, int], said: str) -> None:
    assert complaints(loaded(**changed)) == [said]


@pytest.mark.parametrize(
    "changed", [{"late_max_ns": 1_000_000}, {"squeezed": 100}, {"busy_ppm": 900_000}, {"steal_ppm": 10_000}]
)
def test_at_its_bound_nothing_is_told(changed: dict[str, int]) -> None:
    assert complaints(loaded(**changed)) == []


def test_timers_that_were_due_meanwhile_are_not_left_out() -> None:
    """Held up for 35 ns every 10 ns: three others were due in that time."""
    assert lateness_ns(100, 135, 10) == [35, 25, 15, 5]
    assert lateness_ns(100, 103, 10) == [3]
    assert lateness_ns(100, 99, 10) == []


@given(st.integers(0, 10**9), st.integers(1, 10**8))
def test_every_missed_timer_is_later_than_the_next_one_by_an_interval(late_ns: int, interval_ns: int) -> None:
    interval_ns = max(interval_ns, late_ns // 1000 + 1)
    found = lateness_ns(0, late_ns, interval_ns)
    assert found[0] == late_ns
    assert 0 <= found[-1] < interval_ns
    assert all(before - after == interval_ns for before, after in pairwise(found))


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=50))
def test_quantiles_are_some_of_what_was_measured_and_in_order(late_ns: list[int]) -> None:
    same = counters(STAT, SOFTNET, None)
    load = load_between(same, same, late_ns, 1.0)
    assert {load.late_p50_ns, load.late_p99_ns, load.late_max_ns} <= set(late_ns)
    assert load.late_p50_ns <= load.late_p99_ns <= load.late_max_ns == max(late_ns)
    assert load.is_late is (max(late_ns) > 1_000_000)
