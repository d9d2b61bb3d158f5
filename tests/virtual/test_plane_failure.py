"""A transfer uses all planes of a fabric, loses one of k with 1/k of its rate, and no block."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from mechanism import results_of
from venue_boot import embedded_kernel

from testbed.cli import main
from testbed.cli.running import run_scenario
from testbed.scenario.loading import from_mapping

MS = 1_000_000
BLOCK_BYTES, HEADERS_BYTES = 60_000, 42
RATE_BPS = 100_000_000_000
"""Of a node, over all planes."""
CUT_AT_NS, MENDED_AT_NS, ENDS_AT_NS = 20 * MS, 30 * MS, 40 * MS
TIMEOUT_NS, RETRY_NS = 500_000, MS
WINDOW = 8


def transferred(output: Path, planes: int, *cut: int) -> dict[str, Any]:
    """A transfer over so many planes, of which some are cut; every block of it has arrived."""
    found: dict[str, Any] = results_of("striped.py", output, str(planes), *map(str, cut))["striped"]
    assert found["source"]["blocks"] == found["sink"]["blocks"] == len(found["arrived_at_ns"])
    assert min(found["arrived_at_ns"]) > 0
    return found


def rate_bps(found: dict[str, Any], start_ns: int, end_ns: int) -> float:
    """What arrived in a stretch of time."""
    blocks = sum(start_ns <= at_ns < end_ns for at_ns in found["arrived_at_ns"])
    return blocks * BLOCK_BYTES * 8 * 1e9 / (end_ns - start_ns)


@pytest.mark.parametrize("planes", [1, 4])
def test_a_transfer_has_the_rate_of_all_planes_less_the_headers(planes: int, tmp_path: Path) -> None:
    found = transferred(tmp_path, planes)
    expected_bytes = RATE_BPS * 30 * MS * BLOCK_BYTES / (BLOCK_BYTES + HEADERS_BYTES) / 8 / 1e9
    assert found["sink"]["in_time_bytes"] == pytest.approx(expected_bytes, rel=0.001)
    assert found["planes"] == []
    assert found["source"]["blocks_sent_again"] == 0


@pytest.mark.parametrize("planes", [2, 4, 8])
def test_of_k_planes_one_that_dies_costs_its_share_and_no_block(planes: int, tmp_path: Path) -> None:
    found = transferred(tmp_path, planes, 1)
    before_bps = rate_bps(found, 12 * MS, CUT_AT_NS)
    kept = rate_bps(found, CUT_AT_NS, MENDED_AT_NS) / before_bps
    assert kept == pytest.approx((planes - 1) / planes, rel=0.005)
    assert rate_bps(found, MENDED_AT_NS + 2 * RETRY_NS, ENDS_AT_NS) == pytest.approx(before_bps, rel=0.01)
    block_ns = BLOCK_BYTES * 8 * 10**9 * planes // RATE_BPS
    # Blocks go on arriving on the other planes.
    assert found["sink"]["outage_ns"] < 1.01 * block_ns
    # What was on its way on the dead one is missing for the timeout, and while it waits for the others.
    lost, again = found["planes"]
    assert (lost["plane"], lost["alive"], again["plane"], again["alive"]) == (1, False, 1, True)
    assert TIMEOUT_NS <= lost["after_ns"] < TIMEOUT_NS + 100
    assert lost["blocks"] == WINDOW == found["source"]["blocks_sent_again"]
    assert TIMEOUT_NS < found["sink"]["stalled_ns"] < TIMEOUT_NS + (WINDOW + 2) * block_ns
    assert MENDED_AT_NS < again["at_ns"] < MENDED_AT_NS + RETRY_NS
    # Whatever was lost has been counted: what was on its way, and a probe every `retry`.
    probes = (MENDED_AT_NS - lost["at_ns"]) // RETRY_NS
    assert found["packets_lost"] == WINDOW + probes


def test_without_any_plane_nothing_arrives_until_one_is_back_and_nothing_is_lost(tmp_path: Path) -> None:
    """The control: a cut plane does carry nothing, and what was sent on it is sent again."""
    found = transferred(tmp_path, 2, 1, 2)
    assert rate_bps(found, CUT_AT_NS + MS, MENDED_AT_NS) == 0
    outage_ns = MENDED_AT_NS - CUT_AT_NS
    assert outage_ns <= found["sink"]["outage_ns"] < outage_ns + RETRY_NS + 100_000
    assert found["source"]["blocks_sent_again"] == 2 * WINDOW
    assert rate_bps(found, MENDED_AT_NS + 2 * RETRY_NS, ENDS_AT_NS) > 0.99 * rate_bps(
        found, 12 * MS, CUT_AT_NS
    )


def test_two_nodes_without_a_fabric_have_one_way(tmp_path: Path) -> None:
    """Its window is what a round trip lets through: 64 blocks of 8 kB in the 2 ms there and back."""
    embedded_kernel()
    line = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}
    ends = {"source": "node1", "destination": "node2", "starts": "0 s", "ends": "100 ms"}
    run = run_scenario(
        from_mapping(
            {
                "title": "A transfer between two nodes",
                "duration": "200 ms",
                "network": {"topology": "elastic_access", "parameters": {"onus": 1, "mtu": "9 kB"}},
                "access": {"downstream": line, "upstream": line},
                "pon": {"model": "shaped_link"},
                "transfers": {"bulk": {**ends, "block": "8 kB", "timeout": "10 ms"}},
            },
            "one_way",
        ),
        out=tmp_path / "run",
    )
    events = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    (end,) = (event for event in events if event["kind"] == "transfer.end")
    assert end["throughput_bps"] == pytest.approx(64 * 8_000 * 8 / 2e-3, rel=0.02)
    rates = pyarrow.parquet.read_table(run.rates_path).to_pandas()
    assert set(rates["session"]) == {"bulk"}
    assert set(rates["direction"]) == {"across"}
    assert len(rates) == 10
    assert rates[["rate_bps", "demand_bps", "backlog_bytes", "dropped"]].isna().all().all()
    assert rates["throughput_bps"].sum() // 10 == end["throughput_bps"]


@pytest.mark.timeout(600)
def test_every_expectation_of_the_shipped_scenario_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded_kernel()
    assert main(["run", "plane_failure", "--out", str(tmp_path / "run")]) == 0, capsys.readouterr().out
