"""Exchanges of experts over the fabric take what distance and rate say, and placement by affinity less."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest
from mechanism import results_of
from venue_boot import embedded_kernel

from testbed.cli import main
from testbed.cli.running import run_scenario
from testbed.scenario.loading import from_mapping

RATE_BPS = 100_000_000_000
HEADERS_BYTES = 42
"""Ethernet, IPv4 and UDP."""
CLOCK_NS = 20
"""Clock reads of 1 ns each between the beginning of an exchange and its packets."""


def way_ns(packets_bytes: tuple[int, ...], distance_ns: int) -> int:
    """How long packets take that are sent at once: all of them through the port, then the distance."""
    sent_bytes = sum(packets_bytes) + HEADERS_BYTES * len(packets_bytes)
    return sent_bytes * 8 * 10**9 // RATE_BPS + distance_ns


@pytest.mark.parametrize(("there", "distance_ns"), [("npu2", 929), ("npu3", 2_500)])
def test_an_exchange_takes_its_bytes_and_its_distance_twice(
    there: str, distance_ns: int, tmp_path: Path
) -> None:
    """Eight tokens of 7,168 B there, in one packet, and their results of 14,336 B back, in two."""
    exchange = results_of("exchange_at.py", tmp_path, "npu1", there)["exchange"]
    expected_ns = way_ns((8 * 7_168,), distance_ns) + way_ns((60_000, 8 * 14_336 - 60_000), distance_ns)
    assert (exchange["steps"], exchange["given_up"]) == (5, 0)
    assert len(exchange["took_ns"]) == 5 * 2
    for took_ns in exchange["took_ns"]:
        assert expected_ns <= took_ns <= expected_ns + CLOCK_NS


def test_two_ranks_on_one_node_need_no_network(tmp_path: Path) -> None:
    """The control: without a distance and without a port there is no time to measure."""
    exchange = results_of("exchange_at.py", tmp_path, "npu1", "npu1")["exchange"]
    assert exchange["took_ns"] == [0] * 10


@pytest.mark.timeout(600)
def test_affinity_takes_a_third_less_than_random_or_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And every other expectation of the shipped scenario holds."""
    embedded_kernel()
    assert main(["run", "moe_affinity", "--out", str(tmp_path / "run")]) == 0, capsys.readouterr().out


def affinity(output: Path, *options: str) -> int:
    """Run the one variant; the exit status."""
    return main(["run", "moe_affinity", "--variant", "affinity", *options, "--out", str(output)])


@pytest.mark.timeout(300)
def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    embedded_kernel()
    assert affinity(tmp_path / "one") == affinity(tmp_path / "two") == 0
    for name in ("samples.parquet", "events.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


@pytest.mark.timeout(300)
def test_what_is_expected_of_affinity_fails_of_any_other_placement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The control."""
    embedded_kernel()
    assert affinity(tmp_path / "run", "--set", "variants.affinity.placement.policy=least_loaded") == 1
    assert "FAIL" in capsys.readouterr().out


@pytest.mark.timeout(300)
def test_a_rank_whose_node_dies_goes_on_at_another(tmp_path: Path) -> None:
    """Exchanges are given up while it is nowhere, and complete again once it has moved."""
    embedded_kernel()
    line = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}
    rank = {"weight": 10, "kind": "inference"}
    run = run_scenario(
        from_mapping(
            {
                "title": "A rank's node dies",
                "duration": "1500 ms",
                "network": {"topology": "elastic_supernode", "parameters": {"onus": 1, "nodes": 5}},
                "access": {"downstream": line, "upstream": line},
                "pon": {"model": "shaped_link"},
                "placement": {"policy": "round_robin"},
                "health": {"heartbeat": "10 ms"},
                "experts": {
                    "moe": {"ranks": 4, "job": rank, "starts": "1 s", "ends": "1400 ms", "interval": "20 ms"}
                },
                "faults": {"death": {"node": "npu2", "at": "1110 ms"}},
            },
            "rank_dies",
        ),
        out=tmp_path / "run",
    )
    events = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    (end,) = (event for event in events if event["kind"] == "experts.end")
    assert end["nodes"] == ["npu1", "npu5", "npu3", "npu4"]
    assert end["given_up"] >= 1
    samples = pyarrow.parquet.read_table(run.samples_path).to_pandas()
    exchanges = samples[samples["measure"] == "exchange"].sort_values("seq")
    arrived = exchanges["received_at_ns"].notna()
    assert len(exchanges) - arrived.sum() == end["given_up"]
    assert arrived.iloc[:5].all(), "before the fault"
    assert arrived.iloc[-5:].all(), "after the rank has moved"
    assert any(event["kind"] == "warning" and "given up" in event["text"] for event in events)
