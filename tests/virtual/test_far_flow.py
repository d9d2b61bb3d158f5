"""A flow over a fast and long way reaches its share, and one with small buffers says what holds it up."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mechanism import results_of

RATE_BPS, ROUND_TRIP_S = 720_000_000, 0.16
INTERVAL_S = 0.5
BUFFER_BYTES = 4 * 14_400_000
"""Four times what the way holds in a round trip."""
KERNEL_LIMITS = {"tcp_rmem": 6 * 2**20, "tcp_wmem": 4 * 2**20}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By whose buffers they are, and by host."""
    folder: Path = tmp_path_factory.mktemp("far")
    results_of("far_flow.py", folder)
    return {
        whose: {host: json.loads((folder / whose / f"{host}.json").read_text()) for host in ("near", "far")}
        for whose in ("planned", "by_itself")
    }


def fastest_bps(result: dict[str, Any]) -> float:
    """What arrived in the best of its intervals, as a rate."""
    return max(later - earlier for earlier, later in pairwise(result["far"]["arrived"])) * 8 / INTERVAL_S


def test_the_hosts_have_the_limits_of_the_plan_and_keep_what_is_usual(results: dict[str, Any]) -> None:
    for host in ("near", "far"):
        for setting, most_bytes in KERNEL_LIMITS.items():
            planned = results["planned"][host]["limits"][setting]
            usual = results["by_itself"][host]["limits"][setting]
            assert planned == [*usual[:2], BUFFER_BYTES]
            assert usual[2] == most_bytes


def test_with_them_the_flow_has_all_that_the_link_carries(results: dict[str, Any]) -> None:
    payload_bps = RATE_BPS * 1448 / 1514
    assert fastest_bps(results["planned"]) == pytest.approx(payload_bps, rel=0.001)
    assert results["planned"]["near"]["outcome"]["dry_refills"] == 0


def test_without_them_it_has_a_seventh_and_says_that_its_buffer_holds_it_up(results: dict[str, Any]) -> None:
    """The control: 4 MiB in each round trip, of which the payload of the packets is less than a half."""
    carried_bps = fastest_bps(results["by_itself"])
    assert 0 < carried_bps < KERNEL_LIMITS["tcp_wmem"] / 2 * 8 / ROUND_TRIP_S
    outcome = results["by_itself"]["near"]["outcome"]
    assert outcome["dry_refills"] > outcome["refills"] / 2
    # No queue stands: the report does not take it for one that the network holds up.
    assert outcome["round_trip_ns"] < 1.2 * outcome["least_round_trip_ns"]
    assert outcome["least_round_trip_ns"] == pytest.approx(ROUND_TRIP_S * 10**9, rel=0.001)
