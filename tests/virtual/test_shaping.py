"""Distances and rates inside are those asked for: exact delays, and TCP at the rate of its class."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mechanism import results_of
from venue_boot import embedded_kernel

BENCH = Path(__file__).parents[2] / "bench" / "tcp_rates.py"
MICROSECOND_NS = 1_000


def ping_rtts_ns(text: str) -> tuple[int, int]:
    """The least and the greatest round trip that ping tells, and that it lost nothing."""
    assert "20 received, 0% packet loss" in text
    found = re.search(r"rtt min/avg/max/mdev = ([\d.]+)/[\d.]+/([\d.]+)/", text)
    assert found, text
    return round(float(found[1]) * 1e6), round(float(found[2]) * 1e6)


def test_five_milliseconds_of_distance_are_five_milliseconds_each_way(tmp_path: Path) -> None:
    results = results_of("one_way_delay.py", tmp_path, "5000000")
    for measured_at in ("near", "far"):
        delays_ns = results[measured_at]
        assert len(delays_ns) == 100
        assert 5_000_000 <= min(delays_ns) <= max(delays_ns) <= 5_000_000 + 20 * MICROSECOND_NS
    least_ns, greatest_ns = ping_rtts_ns(results["ping"])
    assert 10_000_000 <= least_ns <= greatest_ns <= 10_000_000 + 40 * MICROSECOND_NS


def test_without_distance_there_is_no_delay(tmp_path: Path) -> None:
    results = results_of("one_way_delay.py", tmp_path, "0")
    for measured_at in ("near", "far"):
        assert len(results[measured_at]) == 100
        assert max(results[measured_at]) < 20 * MICROSECOND_NS
    assert ping_rtts_ns(results["ping"])[1] < 20 * MICROSECOND_NS


def bench() -> ModuleType:
    """The benchmark as a module: what it measures is what these tests hold it to."""
    spec = importlib.util.spec_from_file_location("tcp_rates", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GIGABIT_BPS = 10**9
OURS = [(10, 0), (25, 0), (50, 0), (25, 24)]
"""Rates in Gbit/s, and overhead in bytes a frame (24: preamble, checksum and gap of Ethernet)."""

Rates = dict[tuple[str, int, int], dict[str, Any]]


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Rates:
    """All links measured in one boot, by who shapes them, their rate and their overhead."""
    embedded_kernel()
    tcp_rates = bench()
    cases = [tcp_rates.Case("testbed", gigabits * GIGABIT_BPS, overhead) for gigabits, overhead in OURS]
    cases += [tcp_rates.Case("mininet", gigabits * GIGABIT_BPS) for gigabits in (1, 25)]
    rows, _ = tcp_rates.measured_in_kernel(tuple(cases), tmp_path_factory.mktemp("rates"))
    return {(row["shaper"], row["rate_bps"] // GIGABIT_BPS, row["overhead_bytes"]): row for row in rows}


@pytest.mark.parametrize(("gigabits", "overhead_bytes"), OURS)
def test_tcp_is_carried_at_the_rate_of_its_class(rates: Rates, gigabits: int, overhead_bytes: int) -> None:
    # Of a frame of 1514 bytes, charged with its overhead, 1448 are payload.
    expected_bps = gigabits * GIGABIT_BPS * 1448 / (1514 + overhead_bytes)
    measured_bps = rates["testbed", gigabits, overhead_bytes]["measured_bps"]
    assert measured_bps == pytest.approx(expected_bps, rel=0.005)
    # HTB counts a frame's time in whole nanoseconds, 484 and not 484.48 at 25 Gbit/s: 0.1 % too fast.
    frame_ns = (1514 + overhead_bytes) * 8 // gigabits
    assert measured_bps == pytest.approx(1448 * 8 * 10**9 / frame_ns, rel=0.0003)


def test_mininet_keeps_a_gigabit_but_ignores_a_higher_rate(rates: Rates) -> None:
    one, twenty_five = rates["mininet", 1, 0], rates["mininet", 25, 0]
    assert one["measured_bps"] == pytest.approx(one["expected_bps"], rel=0.005)
    assert twenty_five["measured_bps"] > 2 * twenty_five["expected_bps"]
