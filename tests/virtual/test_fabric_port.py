"""A port of a fabric serialises to the nanosecond and then holds each packet for its own destination.

What is above the arithmetic is clock reads: each costs a nanosecond of virtual time.
"""

from itertools import pairwise
from typing import Any

import pytest
from mechanism import results_of

CLOCK_READS_NS = 4
FRAME_NS = 60_000 * 8 / 400
"""Of 60 kB at 400 Gbit/s."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = results_of("fabric_port.py", tmp_path_factory.mktemp("fabric"))["results"]
    return found


def gaps(arrivals_ns: list[int]) -> list[int]:
    return [after - before for before, after in pairwise(arrivals_ns)]


def test_every_pair_has_its_own_distance_both_ways(results: dict[str, Any]) -> None:
    assert len(results["single"]) == 72
    assert len({distance_ns for distance_ns, _, _ in results["single"]}) > 30
    for distance_ns, measured_ns, frame_bytes in results["single"]:
        serialised_ns = frame_bytes * 8 / 400
        assert 0 <= measured_ns - distance_ns - serialised_ns <= CLOCK_READS_NS


def test_a_distance_may_be_seconds(results: dict[str, Any]) -> None:
    assert max(distance_ns for distance_ns, _, _ in results["single"]) > 4_000_000_000


def test_without_distances_nobody_is_apart(results: dict[str, Any]) -> None:
    """The control: the delay is the table's, not the wire's."""
    assert results["no_distance"] == [3]


def test_packets_back_to_back_are_serialised_exactly(results: dict[str, Any]) -> None:
    assert gaps(results["burst_400g"]) == [FRAME_NS] * 49


def test_terabits_are_exact_over_many_packets(results: dict[str, Any]) -> None:
    """60 kB at 3.136 Tbit/s take 153.06 ns: what is below a nanosecond is not lost over a hundred."""
    arrivals_ns = results["burst_3t"]
    assert len(arrivals_ns) == 100
    took_ns = arrivals_ns[-1] - arrivals_ns[0]
    assert abs(took_ns - 99 * 60_000 * 8 / 3_136) <= CLOCK_READS_NS
    assert abs(took_ns - 99 * 153) > CLOCK_READS_NS


def test_many_senders_to_one_wait_for_each_other_and_one_alone_does_not(results: dict[str, Any]) -> None:
    """Seven packets arrive with their last bits at one instant: one passes, each other waits its turn."""
    incast = results["incast"]
    arrivals_ns = incast["arrivals"]
    assert len(arrivals_ns) == 7
    assert 0 <= arrivals_ns[0] - incast["last_ns"] - FRAME_NS <= 10
    assert all(FRAME_NS <= gap <= FRAME_NS + CLOCK_READS_NS for gap in gaps(arrivals_ns))


def test_a_near_destination_overtakes_a_far_one(results: dict[str, Any]) -> None:
    assert results["overtaking"] == ["near", "far"]


def test_what_does_not_fit_is_dropped_and_counted(results: dict[str, Any]) -> None:
    """10 kB may wait: ten frames of 1 kB, of twenty."""
    before, full, _ = results["slow"]["counters"]
    assert before == [0, 0, 0, 0]
    assert full == [10, 10_000, 0, 10]


def test_a_change_keeps_what_waits_at_its_instants_and_holds_for_what_comes(results: dict[str, Any]) -> None:
    _, full, changed = results["slow"]["counters"]
    assert changed == full
    kept, after = results["slow"]["gaps"]
    assert kept == [1_000_000] * 9
    assert after == [100_000] * 4


def test_packets_to_nobody_in_the_table_are_dropped_and_counted(results: dict[str, Any]) -> None:
    """Three addresses that no node has; then a table of two nodes, which no longer has the third."""
    assert results["strangers"]["counters"] == [0, 0, 4, 0]
    [moved_ns] = results["strangers"]["moved"]
    assert 0 <= moved_ns - 77_000 - 100 * 8 / 400 <= CLOCK_READS_NS
