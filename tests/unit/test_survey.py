"""What the survey makes of its packets: the median of the last ones, told when it has changed enough."""

from hypothesis import given
from hypothesis import strategies as st

from testbed.applications.survey.endpoints import Medians

PAIR = ("npu1", "home1")


def told(delays_ns: list[int], window: int = 5) -> list[int | None]:
    """What is news of packets that come on both ways at once."""
    medians = Medians(window)
    found = []
    for delay_ns in delays_ns:
        there = medians.take(PAIR, PAIR, delay_ns)
        back = medians.take(PAIR, PAIR[::-1], delay_ns)
        found.append(there if back is None else back)
    return found


def test_a_pair_is_known_by_the_mean_of_both_ways() -> None:
    medians = Medians(5)
    assert medians.take(PAIR, PAIR, 300_000) is None
    assert medians.take(PAIR, PAIR[::-1], 500_000) == 400_000


def test_the_first_packet_is_news_and_the_same_again_is_not() -> None:
    assert told([500_000, 500_000, 500_000]) == [500_000, None, None]


def test_one_packet_in_a_burst_decides_nothing() -> None:
    assert told([500_000, 500_000, 500_000, 9_000_000, 500_000]) == [500_000, None, None, None, None]


def test_a_new_delay_is_told_once_it_is_that_of_most_packets() -> None:
    assert told([500_000] * 5 + [900_000] * 3) == [500_000, *[None] * 6, 900_000]


def test_a_window_of_one_follows_every_packet() -> None:
    """The control: it is the window that holds a single packet back."""
    assert told([500_000, 9_000_000, 500_000], window=1) == [500_000, 9_000_000, 500_000]


def test_less_than_a_tenth_and_less_than_a_microsecond_is_no_news() -> None:
    assert told([500_000, 549_998, 550_000], window=1) == [500_000, None, 550_000]
    assert told([500, 1_498, 1_500], window=1) == [500, None, 1_500]


def test_pairs_are_apart() -> None:
    medians = Medians(1)
    assert medians.take(PAIR, PAIR, 5_000) is None
    assert medians.take(("npu2", "home1"), ("home1", "npu2"), 5_000) is None
    assert medians.take(PAIR, PAIR[::-1], 5_000) == 5_000


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.integers(1, 9))
def test_what_was_told_last_is_within_the_deadband_of_the_median(delays_ns: list[int], window: int) -> None:
    """With both ways alike; half of a change, when one way has it first, may be told in between."""
    news = [each for each in told(delays_ns, window) if each is not None]
    median_ns = sorted(delays_ns[-window:])[(min(window, len(delays_ns)) - 1) // 2]
    assert abs(median_ns - news[-1]) < max(news[-1] // 10, 1_000) or median_ns == news[-1]
