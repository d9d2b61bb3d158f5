"""What a class that was idle sends at once is the bound that is documented, to the nanosecond.

HTB lets a class send while its bucket is not overdrawn, so that what leaves at once is what the bucket holds
whole, and one packet more. After those, packet k of a burst leaves when k packets have been paid for.
"""

from itertools import pairwise
from typing import Any

import pytest
from mechanism import results_of

FRAME_BYTES = 1514
FRAMES = 60
TICK_NS = 64
"""In which the kernel is told how long a bucket lasts (include/uapi/linux/pkt_sched.h, PSCHED_SHIFT)."""
CLOCK_READ_NS = 1
SINGLE = {"1": (10**8, 3), "2": (10**9, 3), "3": (10 * 10**9, 9), "4": (25 * 10**9, 21)}
"""By class: its rate, and how many full frames leave at once."""
SHARED, COMMITTED_BPS, CEILING_BPS = "5", 250_000_000, 10**9


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return results_of("htb_burst.py", tmp_path_factory.mktemp("burst"))


def departures_ns(rate_bps: int, burst_bytes: int) -> list[int]:
    """When each of the frames leaves by the law, from the first one on."""
    frame_ns = FRAME_BYTES * 8 * 10**9 // rate_bps
    bucket_ns = -(-(burst_bytes * 8 * 10**9 // rate_bps) // TICK_NS) * TICK_NS
    return [max(0, number * frame_ns - bucket_ns) for number in range(FRAMES)]


def check(instants: list[int], rate_bps: int, burst_bytes: int, at_once: int) -> None:
    found = [at_ns - instants[0] for at_ns in instants]
    expected = departures_ns(rate_bps, burst_bytes)
    assert expected.count(0) == at_once == 1 + burst_bytes // FRAME_BYTES
    assert found[:at_once] == [0] * at_once
    # A watchdog reads the clock once before it lets the next one go.
    assert [at_ns - CLOCK_READ_NS for at_ns in found[at_once:]] == expected[at_once:]


@pytest.mark.parametrize("minor", SINGLE)
def test_a_class_of_one_rate_sends_what_its_bucket_holds_and_one_frame(
    measured: dict[str, Any], minor: str
) -> None:
    rate_bps, at_once = SINGLE[minor]
    check(measured["far"][minor], rate_bps, measured["classes"][minor]["burst_bytes"], at_once)


def test_the_ceiling_s_bucket_bounds_a_class_that_may_borrow(measured: dict[str, Any]) -> None:
    """Its neighbour is idle: all it may not do is exceed its ceiling."""
    instants = measured["far"][SHARED][:FRAMES]
    check(instants, CEILING_BPS, measured["classes"][SHARED]["burst_bytes"], 3)


def test_the_committed_bucket_bounds_a_class_that_finds_nothing_to_borrow(measured: dict[str, Any]) -> None:
    """Its neighbour takes all that is left of what they share."""
    instants = measured["far"][SHARED][FRAMES:]
    check(instants, COMMITTED_BPS, measured["classes"][SHARED]["burst_bytes"], 3)


def test_no_class_sends_faster_than_its_rate_after_its_bucket(measured: dict[str, Any]) -> None:
    for minor, (rate_bps, at_once) in SINGLE.items():
        gaps = [later - earlier for earlier, later in pairwise(measured["far"][minor][at_once:])]
        assert set(gaps) == {FRAME_BYTES * 8 * 10**9 // rate_bps}


def test_the_kernel_warns_of_nothing_that_the_host_venue_tries(measured: dict[str, Any]) -> None:
    """Without a quantum, a class has one of its rate: above 200 kB HTB warns, in the log of older kernels."""
    assert {name: said for name, said in measured["trials"].items() if said} == {}
    assert "HTB shaping (module sch_htb)" in measured["trials"]
