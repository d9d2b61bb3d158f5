"""Bandwidth maps that sch_pon refuses, and the last packet of a flow, which needs the right grant."""

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from mechanism import results_of
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.pon import propagation_ns
from testbed.scenario import load

FRAME_NS = 125_000


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the kernel refused, and when a packet went out that had waited meanwhile."""
    return results_of("pon_maps.py", tmp_path_factory.mktemp("maps"))["maps"]


def test_a_map_is_refused_that_is_further_ahead_than_maps_may_wait(maps: dict[str, Any]) -> None:
    refused = maps["refused"]
    for name in ("far", "beyond"):
        assert "a bandwidth map is for a frame more than 128 frames ahead" in refused[name]
    # The controls: the last frame that is not too far, and one that is over, which takes the next frame.
    assert (refused["last"], refused["past"], maps["late"]) == ("", "", 1)


def test_a_packet_that_waited_meanwhile_goes_in_the_next_frame(maps: dict[str, Any]) -> None:
    # Its last byte is in the first codeword behind 320 bytes of guard time: 568 bytes of the line.
    passed_ns = maps["arrived_ns"] - (maps["now"] + 1) * FRAME_NS
    assert 457 <= passed_ns < 1_000


def test_a_line_is_refused_whose_numbers_would_overflow(maps: dict[str, Any]) -> None:
    assert "a PON's first frame begins within the range of the clock" in maps["refused"]["epoch"]
    for name in ("unit", "frame"):
        assert "a PON's frame has 2 GiB at most, and every other length 64 KiB" in maps["refused"][name]


FLOW = {"protocol": "udp", "source": "home1", "destination": "office", "measured": True, "tcont": "assured"}
SCENARIO: dict[str, Any] = {
    "title": "Poisson packets in an assured T-CONT, a silence, and one more packet",
    "seed": 14,
    "duration": "1 s",
    "network": {
        "topology": "elastic_access",
        "parameters": {
            "pon": "XGS-PON",
            "onus": 1,
            "metro": "0 km",
            "nodes": {"office": {"delay": "0 s", "rate": "400 Gbit/s"}},
        },
    },
    "access": {
        "downstream": {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "1 MB"},
        "upstream": {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "1 MB"},
    },
    "pon": {"tconts": {"assured": {"assured": "100 Mbit/s", "queue": "1 MB"}}},
    "background": {
        "busy": FLOW
        | {"starts": "0 s", "ends": "20 ms", "interval": "131 us", "packet": "1500 B", "arrivals": "poisson"},
        "late": FLOW | {"starts": "900 ms", "ends": "901 ms", "interval": "10 ms", "packet": "100 B"},
    },
    "variants": {"followed": {}, "alone": {"background": {"late": None}}},
}


def test_the_last_packet_of_a_flow_does_not_wait_for_the_next_one(tmp_path: Path) -> None:
    embedded_kernel()
    path = tmp_path / "last.yaml"
    path.write_text(yaml.safe_dump(SCENARIO), encoding="utf-8")
    run = run_scenario(load(str(path)), out=tmp_path / "run")
    rows = pyarrow.parquet.read_table(run.samples_path).to_pylist()
    delays_ns: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        delays_ns.setdefault((row["variant"], row["session"]), []).append(row["delay_ns"])
    assert len(delays_ns["followed", "late"]) == 1
    # It waits for a report and for its grant, eight frames at this distance, and crosses the fibre.
    assert delays_ns["followed", "late"][0] < propagation_ns(20_000) + 8 * FRAME_NS
    for variant in ("followed", "alone"):
        busy_ns = delays_ns[variant, "busy"]
        assert None not in busy_ns
        # What 20 ms bring beyond 100 Mbit/s has to drain, and then two round trips are the most.
        assert max(busy_ns[-3:]) < 20_000_000 + 2 * 8 * FRAME_NS
    assert delays_ns["followed", "busy"] == delays_ns["alone", "busy"]
