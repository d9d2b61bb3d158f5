"""When a paced flow sends: evenly to the nanosecond, or as a Poisson process that a seed repeats."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest

from testbed.applications.flows.model import Flow
from testbed.workload.departures import departures

US = 1_000
MS = 1_000_000


def flow(**changes: Any) -> Flow:
    """A udp flow from 1 ms to 11 ms."""
    common = {"protocol": "udp", "source": "home1", "destination": "node1", "starts": "1 ms", "ends": "11 ms"}
    return Flow.model_validate(common | changes)


def instants(seed: str = "1/up/arrivals", **changes: Any) -> list[int]:
    return list(departures(flow(**changes), Random(seed)))


def test_packets_leave_at_every_multiple_of_the_interval_until_the_end() -> None:
    assert instants(interval="1 ms") == [number * MS for number in range(1, 11)]


def test_a_rate_that_divides_unevenly_does_not_drift() -> None:
    """A packet of 1400 B every 37,333.3 ns: each instant is cut to whole nanoseconds, their gaps are not."""
    found = instants(rate="300 Mbit/s")
    assert found[:4] == [MS, MS + 37_333, MS + 74_666, MS + 112_000]
    assert found[-1] == MS + 267 * 1400 * 8 * 10**9 // (300 * 10**6)


def test_the_phase_comes_before_the_first_packet() -> None:
    assert instants(interval="1 ms", phase="31 us") == [number * MS + 31 * US for number in range(1, 11)]


def test_an_interval_beside_the_frame_passes_through_all_its_phases() -> None:
    found = instants(interval="126 us", ends="17 ms")
    assert sorted((at_ns - MS) % (125 * US) for at_ns in found[:125]) == [n * US for n in range(125)]


def test_a_poisson_process_has_the_mean_and_the_spread_of_one() -> None:
    found = instants(interval="1 us", ends="101 ms", arrivals="poisson")
    gaps_ns = [late - early for early, late in pairwise(found)]
    assert abs(len(found) - 100_000) < 3 * 100_000**0.5
    mean_ns = sum(gaps_ns) / len(gaps_ns)
    variance = sum((gap - mean_ns) ** 2 for gap in gaps_ns) / len(gaps_ns)
    assert variance**0.5 == pytest.approx(mean_ns, rel=0.02)
    assert found == sorted(found)
    assert found[0] > MS
    assert found[-1] < 101 * MS


def test_the_mean_of_a_poisson_process_is_not_cut_to_whole_nanoseconds() -> None:
    """64 B at 3 Gbit/s are 170.67 ns apart; cut to 170 there would be 0.4 % too many packets."""
    found = instants(rate="3 Gbit/s", packet="64 B", ends="1001 ms", arrivals="poisson")
    expected = 3 * 10**9 / (64 * 8)
    assert abs(len(found) - expected) < 3 * expected**0.5


def test_the_same_seed_gives_the_same_instants_and_another_gives_others() -> None:
    poisson = {"interval": "100 us", "arrivals": "poisson"}
    assert instants(**poisson) == instants(**poisson)
    assert instants(**poisson) != instants("1/down/arrivals", **poisson)


@pytest.mark.parametrize(
    ("changes", "paced"),
    [
        ({"rate": "1 Mbit/s"}, False),
        ({"rate": "1 Mbit/s", "measured": True}, True),
        ({"rate": "1 Mbit/s", "arrivals": "poisson"}, True),
        ({"rate": "1 Mbit/s", "phase": "1 ns"}, True),
        ({"interval": "1 ms"}, True),
    ],
)
def test_a_flow_is_paced_unless_it_has_a_rate_and_nothing_else(changes: dict[str, Any], paced: bool) -> None:
    assert flow(**changes).is_paced is paced
