"""Delays of a stream while it flows: each packet counted once, in whatever order its two ends are told."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from testbed.live import delay_window as module
from testbed.live.delay_window import BIN_NS, BOUNDS_NS, MOST_BINS, MOST_WAITING, DelayWindow

PACKETS = st.lists(
    st.tuples(st.integers(0, 10**10), st.integers(0, 3 * 10**9) | st.none()), min_size=1, max_size=40
)
"""When each was sent, and the delay with which it arrived, if it did."""


def told(packets: list[tuple[int, int | None]], order: Random) -> DelayWindow:
    """A stream whose two ends tell of their packets in some order, piece by piece."""
    packets = sorted(packets, key=lambda packet: packet[0])
    sent = [(seq, 100, at_ns) for seq, (at_ns, _) in enumerate(packets)]
    received = [
        (seq, at_ns + delay_ns) for seq, (at_ns, delay_ns) in enumerate(packets) if delay_ns is not None
    ]
    stream = DelayWindow()
    while sent or received:
        if sent and (not received or order.random() < 0.5):
            size = order.randint(1, len(sent))
            stream.sent(sent[:size])
            del sent[:size]
        else:
            size = order.randint(1, len(received))
            stream.received(received[:size])
            del received[:size]
    return stream


@given(packets=PACKETS, seed=st.integers())
def test_every_arrival_counts_once_whichever_end_is_heard_of_first(
    packets: list[tuple[int, int | None]], seed: int
) -> None:
    stream = told(packets, Random(seed))
    delays_ns = [delay_ns for _, delay_ns in packets if delay_ns is not None]
    assert stream.arrived == len(delays_ns) == sum(stream.counts)
    assert stream.sum_ns == sum(delays_ns)
    for place, bound_ns in enumerate(BOUNDS_NS):
        assert sum(stream.counts[: place + 1]) == sum(delay_ns <= bound_ns for delay_ns in delays_ns)


@given(packets=PACKETS)
def test_the_bins_have_the_lowest_and_the_highest_of_what_was_sent_in_them(
    packets: list[tuple[int, int | None]],
) -> None:
    packets = sorted(packets, key=lambda packet: packet[0])
    stream = DelayWindow()
    stream.sent((seq, 100, at_ns) for seq, (at_ns, _) in enumerate(packets))
    stream.received(
        (seq, at_ns + (delay or 0)) for seq, (at_ns, delay) in enumerate(packets) if delay is not None
    )
    expected: dict[int, list[int]] = {}
    for at_ns, delay_ns in packets:
        if delay_ns is not None:
            expected.setdefault(at_ns // BIN_NS * BIN_NS, []).append(delay_ns)
    assert [(each.at_ns, each.lowest_ns, each.highest_ns) for each in stream.bins] == [
        (at_ns, min(found), max(found)) for at_ns, found in expected.items()
    ]


def test_a_duplicate_counts_for_nothing() -> None:
    stream = DelayWindow()
    stream.sent([(0, 100, 0)])
    stream.received([(0, 5), (0, 9)])
    assert (stream.arrived, stream.newest_ns) == (1, 5)


def test_memory_is_bounded_though_nothing_arrives_and_though_nothing_was_sent() -> None:
    lost, stray = DelayWindow(), DelayWindow()
    lost.sent((seq, 100, seq) for seq in range(MOST_WAITING + 50))
    stray.received((seq, seq) for seq in range(MOST_WAITING + 50))
    lost.received([(10, 11), (MOST_WAITING, MOST_WAITING + 3)])
    stray.sent([(10, 100, 9), (MOST_WAITING, 100, MOST_WAITING - 3)])
    assert (lost.arrived, lost.newest_ns) == (stray.arrived, stray.newest_ns) == (1, 3)


def test_only_the_newest_stretches_of_time_are_kept() -> None:
    stream = DelayWindow()
    for second in range(MOST_BINS):
        stream.sent([(second, 100, second * 2 * BIN_NS)])
        stream.received([(second, second * 2 * BIN_NS + 7)])
    stream.sent([(MOST_BINS, 100, 10**12)])
    stream.received([(MOST_BINS, 10**12 + 7)])
    assert len(stream.bins) == MOST_BINS
    assert stream.bins[0].at_ns == 2 * BIN_NS
    assert stream.bins[-1].at_ns == 10**12


def test_what_comes_too_late_for_its_stretch_still_counts() -> None:
    stream = DelayWindow()
    stream.sent([(0, 100, 0), (1, 100, 5 * BIN_NS)])
    stream.received([(1, 5 * BIN_NS + 1), (0, 5 * BIN_NS + 2)])
    assert stream.arrived == 2
    assert [each.at_ns for each in stream.bins] == [5 * BIN_NS]


def test_the_bounds_rise() -> None:
    assert list(module.BOUNDS_NS) == sorted(set(module.BOUNDS_NS))
