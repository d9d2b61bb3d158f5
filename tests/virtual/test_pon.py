"""The PON frame by frame: delays, goodput and shares are the arithmetic's, in virtual time."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.pon import propagation_ns
from testbed.record.run_directory import RunDirectory
from testbed.report import summarise
from testbed.scenario import load

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import fidelity

FRAME_NS = 125_000
WAY_NS = propagation_ns(20_000)


def measured(cases: Sequence[fidelity.Case], folder: Path) -> list[fidelity.Row]:
    """The rows of cases of the benchmark, measured in one boot."""
    embedded_kernel()
    rows, _ = fidelity.measured_in_kernel(cases, folder)
    return rows


def off(rows: Sequence[fidelity.Row]) -> list[str]:
    """The rows beyond their tolerance, in words."""
    return [
        f"{row.configured}: {row.quantity} {row.measured} for {row.expected}" for row in rows if not row.holds
    ]


def test_an_idle_line_makes_a_packet_wait_for_its_next_grant_and_no_longer(tmp_path: Path) -> None:
    rows = measured([*fidelity.delay_cases()], tmp_path)
    assert len(rows) == 4 * (4 * 2 + 2)
    assert off(rows) == []


def test_goodput_is_the_arithmetic_s_for_every_size_of_frame_both_ways(tmp_path: Path) -> None:
    rows = measured([*fidelity.goodput_cases()], tmp_path)
    assert len(rows) == 2 * 2 * 4
    assert off(rows) == []


def test_every_burst_costs_its_guard_time_and_preamble(tmp_path: Path) -> None:
    rows = measured([*fidelity.burst_cases()][:5], tmp_path)
    assert off(rows) == []
    # The planning figures of XGS-PON for 1, 8, 16, 32 and 64 bursts a frame.
    payload = [row.measured for row in rows if row.quantity == "payload"]
    assert payload == pytest.approx([8.650, 8.505, 8.368, 8.029, 7.415], rel=0.005)


def test_every_t_cont_has_the_share_of_the_reference_model(tmp_path: Path) -> None:
    rows = measured([*fidelity.shares_cases()], tmp_path)
    assert len({row.configured for row in rows}) >= 20
    assert off(rows) == []


def test_an_assured_rate_is_back_within_two_milliseconds(tmp_path: Path) -> None:
    assert off(measured([*fidelity.restoration_cases()], tmp_path)) == []


def test_a_rate_that_is_not_assured_is_not_back() -> None:
    """The control of the one before: a quarter of what was assured is seen as not restored."""
    arrivals_ns = range(0, 20_000_000, 4 * 6_080)
    assert fidelity.restored_after_ns(arrivals_ns, 2_000_000_000, 1514) > 19_000_000
    assert fidelity.restored_after_ns(range(0, 20_000_000, 6_000), 2_000_000_000, 1514) == 0


SCENARIO: dict[str, Any] = {
    "title": "Probes of one ONU on an XGS-PON",
    "seed": 1,
    "duration": "450 ms",
    "network": {
        "topology": "elastic_access",
        "parameters": {
            "pon": "XGS-PON",
            "onus": 2,
            "metro": "0 km",
            "nodes": {"office": {"delay": "0 s", "rate": "400 Gbit/s"}},
        },
    },
    "access": {
        "downstream": {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "1 MB"},
        "upstream": {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "1 MB"},
    },
    "pon": {"tconts": {"gold": {"onus": ["onu1"], "fixed": "20 Mbit/s", "reporting": "fixed"}}},
    "background": {
        "probe": {
            "protocol": "udp",
            "source": "home1",
            "destination": "office",
            "starts": "10 ms",
            "ends": "410 ms",
            "interval": "400050 ns",
            "packet": "86 B",
            "measured": True,
            "tcont": "gold",
        }
    },
}


def run(folder: Path, **changes: Any) -> RunDirectory:
    """A run of the scenario with whole keys changed."""
    embedded_kernel()
    path = folder / "probes.yaml"
    path.write_text(yaml.safe_dump(SCENARIO | changes), encoding="utf-8")
    return run_scenario(load(str(path)), out=folder / "run")


def delays_ns(run: RunDirectory, session: str = "probe") -> list[int]:
    """The delays of a measured flow in the order of sending; every packet has arrived."""
    table = pyarrow.parquet.read_table(run.samples_path).to_pylist()
    found = [row["delay_ns"] for row in table if row["session"] == session]
    assert found
    assert None not in found
    return found


def test_a_quiet_window_adds_its_length_to_a_frame_that_it_hits_and_an_activation_wavelength_does_not(
    tmp_path: Path,
) -> None:
    window_ns = 250_000
    for name in ("quiet", "wavelength"):
        (tmp_path / name).mkdir()
    quiet = SCENARIO["pon"] | {"discovery": {"every": "40 ms"}}
    with_window = delays_ns(run(tmp_path / "quiet", pon=quiet))
    without = delays_ns(run(tmp_path / "wavelength"))
    assert max(without) <= WAY_NS + FRAME_NS + 1_000
    assert WAY_NS + window_ns < max(with_window) <= WAY_NS + window_ns + 2 * FRAME_NS
    hit = [delay_ns for delay_ns in with_window if delay_ns > WAY_NS + FRAME_NS + 1_000]
    # Ten windows, and of the probes every 0.4 ms one or two fall into each and the frames that it cuts.
    assert 5 <= len(hit) <= 20


def test_who_tells_the_olt_in_advance_does_not_wait_for_a_report(tmp_path: Path) -> None:
    mean_ns = {}
    for reporting in ("status_reporting", "cooperative"):
        gold = {"onus": ["onu1"], "assured": "20 Mbit/s", "reporting": reporting}
        folder = tmp_path / reporting
        folder.mkdir()
        delays = delays_ns(run(folder, pon={"tconts": {"gold": gold}}))
        mean_ns[reporting] = sum(delays) / len(delays)
    assert mean_ns["status_reporting"] > WAY_NS + 400_000
    assert mean_ns["cooperative"] < WAY_NS + 10_000


def upload(congestion: str | None) -> dict[str, Any]:
    """A TCP upload from the probe's home, in the queue of its subscription."""
    flow = {"protocol": "tcp", "source": "home1", "destination": "office", "starts": "0 s", "ends": "450 ms"}
    return flow | ({"congestion": congestion} if congestion else {})


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a probe sees beside an upload of 100 Mbit/s, by the management of the queue that they share."""
    access = {
        "downstream": SCENARIO["access"]["downstream"],
        "upstream": {"rate": "100 Mbit/s", "committed": "0 bit/s", "queue": "500 kB"},
    }
    probe = {key: value for key, value in SCENARIO["background"]["probe"].items() if key != "tcont"}
    variants = {
        aqm: {"access": {"upstream": {"aqm": aqm}}, "background": {"upload": upload(congestion)}}
        for aqm, congestion in (("fifo", None), ("fq_codel", None), ("cake", None), ("l4s", "dctcp"))
    }
    made = run(
        tmp_path_factory.mktemp("queues"),
        pon={},
        access=access,
        background={"probe": probe, "upload": upload(None)},
        variants=variants,
    )
    return summarise(made, (), ())["variants"]  # type: ignore[return-value]


@pytest.mark.parametrize("aqm", ["fq_codel", "cake", "l4s"])
def test_an_active_queue_keeps_a_probe_from_waiting_behind_an_upload(
    queues: dict[str, dict[str, Any]], aqm: str
) -> None:
    fifo_ns = queues["fifo"]["packets"]["probe"]["upstream"]["delay_ns"]["p50"]
    managed_ns = queues[aqm]["packets"]["probe"]["upstream"]["delay_ns"]["p50"]
    assert fifo_ns > 10_000_000  # a full queue of 500 kB is 40 ms at 100 Mbit/s
    assert managed_ns < 1_000_000
    assert queues[aqm]["flows"]["upload"]["throughput_bps"] > 80_000_000


def test_two_runs_of_a_pon_give_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        flows = {"probe": SCENARIO["background"]["probe"], "upload": upload(None)}
        made.append(run(tmp_path / name, background=flows))
    first, second = made
    assert first.samples_path.read_bytes() == second.samples_path.read_bytes()
    assert first.events_path.read_bytes() == second.events_path.read_bytes()


def test_downstream_priority_is_strict_and_what_is_left_goes_by_weight(tmp_path: Path) -> None:
    def treated(**downstream: Any) -> dict[str, Any]:
        return {"assured": "1 Mbit/s", "downstream": {"queue": "10 MB", **downstream}}

    def flow(name: str, rate: str) -> dict[str, Any]:
        return {
            "protocol": "udp",
            "source": "office",
            "destination": "home1",
            "starts": "0 s",
            "ends": "60 ms",
            "rate": rate,
            "measured": True,
            "tcont": name,
        }

    tconts = {
        "first": treated(priority=1),
        "light": treated(priority=2),
        "heavy": treated(priority=2, weight=3),
    }
    flows = {
        "first": flow("first", "3 Gbit/s"),
        "light": flow("light", "6 Gbit/s"),
        "heavy": flow("heavy", "9 Gbit/s"),
    }
    made = run(tmp_path, duration="60 ms", pon={"tconts": tconts}, background=flows)
    table = pyarrow.parquet.read_table(made.samples_path).to_pylist()
    begin_ns, end_ns = 20_000_000, 60_000_000
    carried_bps = {
        name: sum(
            row["size_bytes"] * 8
            for row in table
            if row["session"] == name and begin_ns <= (row["received_at_ns"] or 0) < end_ns
        )
        * 10**9
        / (end_ns - begin_ns)
        for name in flows
    }
    assert carried_bps["first"] == pytest.approx(3e9, rel=0.01)
    assert carried_bps["heavy"] == pytest.approx(3 * carried_bps["light"], rel=0.01)
    assert sum(carried_bps.values()) == pytest.approx(8.5e9, rel=0.02)
