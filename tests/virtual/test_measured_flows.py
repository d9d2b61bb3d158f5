"""Measured flows: delays that equal the arithmetic, arrivals as declared, and the same bytes twice."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from mechanism import results_of
from numpy.typing import NDArray
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import summarise
from testbed.scenario import ScenarioFile
from testbed.scenario.loading import from_mapping

SECOND = 10**9
US = 1_000
CLOCK_NS = 10
"""A delay or an instant may be longer by the clock reads of the programs and of the kernel, 1 ns each."""
PACKET_BYTES = 200
INTERVAL_NS, PHASE_NS = 126 * US, 10_001 * US
"""With an odd phase no packet is due at the very instant of a kernel's tick, after which it is 1 us late."""
POISSON_BPS = 20_000_000


def scenario() -> ScenarioFile:
    """For a second an idle network with a flow in each direction, then a Poisson process and TCP for another.

    The PON is a shaped link, whose delays are plain arithmetic: what its frames add has tests of its own.
    """
    first, second = {"starts": "0 s", "ends": "1 s"}, {"starts": "1 s", "ends": "2 s"}
    measured = {"protocol": "udp", "packet": f"{PACKET_BYTES} B", "measured": True}
    even = {**measured, **first, "interval": f"{INTERVAL_NS} ns", "phase": f"{PHASE_NS} ns"}
    poisson = {**measured, **second, "arrivals": "poisson", "rate": f"{POISSON_BPS} bit/s"}
    bulk = {"protocol": "tcp", "congestion": "dctcp", "starts": "1900 ms", "ends": "2 s"}
    line = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}
    packets = {"variant": "default", "session": "up", "direction": "upstream", "measure": "packet"}
    whole = {"variant": "default", "session": "random", "measure": "flow", "statistic": "throughput"}
    return from_mapping(
        {
            "title": "Measured flows",
            "seed": 7,
            "duration": "2 s",
            "network": {"topology": "elastic_access", "parameters": {"onus": 2}},
            "access": {"downstream": line, "upstream": line},
            "pon": {"model": "shaped_link"},
            "background": {
                "down": {**even, "source": "node1", "destination": "home1"},
                "up": {**even, "source": "home1", "destination": "node1"},
                "random": {**poisson, "source": "home2", "destination": "node2"},
                "bulk": {**bulk, "source": "node3", "destination": "home2"},
            },
            "expect": [
                {**packets, "statistic": "lost", "at_most": 0},
                {**whole, "at_least": "19 Mbit/s", "at_most": "21 Mbit/s"},
            ],
        },
        "measured_flows",
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(scenario(), out=tmp_path_factory.mktemp("measured"))


def column(run: RunDirectory, flow: str, name: str) -> NDArray[np.int64]:
    """A column of the samples of one flow, whose packets must all have arrived in order."""
    table = pyarrow.parquet.read_table(run.samples_path).to_pandas()
    rows = table[table["session"] == flow]
    assert rows["arrival"].tolist() == list(range(len(rows)))
    assert set(rows["measure"]) == {"packet"}
    found: NDArray[np.int64] = rows[name].to_numpy(dtype=np.int64)
    return found


def test_every_packet_leaves_at_its_own_instant(run: RunDirectory) -> None:
    sent_at_ns = column(run, "up", "sent_at_ns")
    due_at_ns = PHASE_NS + INTERVAL_NS * np.arange(len(sent_at_ns))
    assert len(sent_at_ns) == -(-(SECOND - PHASE_NS) // INTERVAL_NS)
    late_ns = sent_at_ns - due_at_ns
    assert 0 <= late_ns.min() <= late_ns.max() <= CLOCK_NS
    assert set(column(run, "up", "size_bytes")) == {PACKET_BYTES}


@pytest.mark.parametrize("flow", ["up", "down"])
def test_the_delay_over_an_idle_network_is_the_distance(run: RunDirectory, flow: str) -> None:
    """500 us to the node, 60 km of fibre at 4.9 us a km; nothing waits where nothing else is sent."""
    distance_ns = 500_000 + 60 * 4_900
    delay_ns = column(run, flow, "delay_ns")
    assert distance_ns <= delay_ns.min() <= delay_ns.max() <= distance_ns + CLOCK_NS


def test_a_poisson_flow_has_its_mean_rate_and_its_spread(run: RunDirectory) -> None:
    sent_at_ns = column(run, "random", "sent_at_ns")
    expected = POISSON_BPS / (8 * PACKET_BYTES)
    assert abs(len(sent_at_ns) - expected) < 3 * expected**0.5
    gaps_ns = np.diff(sent_at_ns)
    assert gaps_ns.std() == pytest.approx(gaps_ns.mean(), rel=0.05)


def test_the_summary_has_packets_and_throughput_and_judges_by_them(run: RunDirectory) -> None:
    summary = summarise(run, scenario().expectations, ())
    numbers = summary["variants"]["default"]
    up = numbers["packets"]["up"]["upstream"]
    assert (up["lost"], up["reordered"]) == (0, 0)
    # What was sent within a distance of the flow's end arrives after it.
    arrived = numbers["flows"]["up"]["received_bytes"] + (numbers["flows"]["up"]["drained_bytes"] or 0)
    assert arrived == up["received"] * PACKET_BYTES
    assert numbers["flows"]["bulk"]["throughput_bps"] > 100_000_000
    assert [verdict["holds"] for verdict in summary["expectations"]] == [True, True]


def test_two_runs_give_the_same_bytes(run: RunDirectory, tmp_path: Path) -> None:
    again = run_scenario(scenario(), out=tmp_path / "again")
    for name in ("samples.parquet", "events.jsonl"):
        assert (again.path / name).read_bytes() == (run.path / name).read_bytes(), name


def test_a_flow_uses_the_congestion_control_that_it_names_at_both_ends(tmp_path: Path) -> None:
    """And ECN is agreed on for DCTCP alone, whatever else the two hosts do."""
    embedded_kernel()
    results = results_of("congestion.py", tmp_path)
    cubic = [{"congestion": "cubic", "ecn": False}]
    bbr, dctcp = [{"congestion": "bbr", "ecn": False}], [{"congestion": "dctcp", "ecn": True}]
    assert results["near"] == results["far"] == [cubic, cubic, bbr, dctcp]
