"""A PON in frames on the host venue, in real time: the embedded kernel stands for a host that has sch_pon.

Without time travel it runs at the machine's own pace, and more slowly than a kernel on bare metal, because
each system call costs it some microseconds. In 21 runs on two cores, from idle to four other programs that
never rest, the medians were 232 to 298 us with fixed grants, where virtual time has 164 us, and 377 to
964 us with status reports, where it has 663 us. The 99th percentiles were 0.3 to 4.4 ms and 1.9 to 30 ms,
against 0.22 and 0.72 ms: those are the machine's, so only medians are compared.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from venue_boot import PYTHON, console_of, embedded_kernel, run_inside

from testbed.cli.running import run_scenario
from testbed.pon import propagation_ns
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile
from testbed.scenario.loading import from_mapping
from testbed.venue.virtual import OUTPUT_IN_GUEST

FIBRE_M = 20_000
MAIN = "import sys; from testbed.cli import main; sys.exit(main(sys.argv[1:]))"

WITHIN_NS = {"granted": 200_000, "reported": 400_000}
"""How far a median may be from that of virtual time; the most measured was 134 us and 301 us.

With fixed grants that is what programs and timers take here. With reports an OLT that is late leaves old
grants in force, or has packets wait for its next map: either sign is possible.
"""
GRANTS_NS = 100_000
"""What reports and grants take at the least, beside the same packets on a shaped link: 475 to 755 us here."""


def scenario() -> ScenarioFile:
    """Two homes, each with a packet a millisecond that meets the frame at every phase, on an idle PON."""
    packets: dict[str, Any] = {"protocol": "udp", "packet": "100 B", "interval": "1000437 ns"}
    packets |= {"starts": "0 s", "ends": "3 s", "measured": True, "destination": "node"}
    line = {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "500 kB"}
    parameters = {"pon": "XGS-PON", "onus": 2, "fibre": f"{FIBRE_M} m", "metro": "0 m"}
    return from_mapping(
        {
            "title": "A PON in real time",
            "seed": 3,
            "duration": "3 s",
            "network": {
                "topology": "elastic_access",
                "parameters": {**parameters, "nodes": {"node": {"delay": "0 ns"}}},
            },
            "access": {"downstream": line, "upstream": line},
            "background": {
                "granted": {**packets, "source": "home1"},
                "reported": {**packets, "source": "home2"},
            },
            "variants": {
                "frames": {
                    "pon": {
                        "tconts": {"fixed": {"onus": ["onu1"], "fixed": "50 Mbit/s", "reporting": "fixed"}}
                    },
                    "background": {"granted": {"tcont": "fixed"}},
                },
                "shaped": {"pon": {"model": "shaped_link"}},
            },
        },
        "host_pon",
    )


@dataclass(frozen=True)
class Runs:
    """The same scenario by virtual and by real time."""

    virtual: RunDirectory
    real: RunDirectory

    def delays_ns(self, venue: str, variant: str, flow: str) -> NDArray[np.int64]:
        """The delays of the packets of a flow, none of which may be lost."""
        run = self.virtual if venue == "virtual" else self.real
        table = pyarrow.parquet.read_table(run.samples_path).to_pandas()
        rows = table[(table["variant"] == variant) & (table["session"] == flow)]
        assert len(rows) == 2999
        found: NDArray[np.int64] = rows["delay_ns"].to_numpy(dtype=np.int64)
        return found

    def median_ns(self, venue: str, variant: str, flow: str) -> float:
        """The middle one of a flow's delays."""
        return float(np.median(self.delays_ns(venue, variant, flow)))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    embedded_kernel()
    out = tmp_path_factory.mktemp("host_pon")
    (out / "real").mkdir()
    (out / "real" / "pon.yaml").write_text(scenario().text)
    options = ("--venue", "host", "--out", f"{OUTPUT_IN_GUEST}/run", "--json")
    command = (PYTHON, "-c", MAIN, "run", f"{OUTPUT_IN_GUEST}/pon.yaml", *options)
    outcome = run_inside(out / "real", *command, time_travel=False, wall_limit_s=300.0, stall_limit_s=300.0)
    assert outcome.exit_status == 0, console_of(outcome)
    virtual = run_scenario(scenario(), out=out / "virtual")
    return Runs(virtual=virtual, real=RunDirectory.open(str(out / "real" / "run")))


def warnings_of(run: RunDirectory, variant: str) -> list[str]:
    """What a run says of its own numbers."""
    events = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    return [event["text"] for event in events if event["kind"] == "warning" and event["variant"] == variant]


def test_the_run_says_where_it_was(runs: Runs) -> None:
    manifest = json.loads(runs.real.manifest_path.read_text())
    assert (manifest["venue"], manifest["kernel"]["kind"]) == ("host", "host")


@pytest.mark.parametrize("flow", ["granted", "reported"])
def test_no_packet_is_faster_than_light_in_the_fibre(runs: Runs, flow: str) -> None:
    """However late anything is: a map that is kept too long may spare it the wait, never the way."""
    assert runs.delays_ns("host", "frames", flow).min() >= propagation_ns(FIBRE_M)


@pytest.mark.parametrize("flow", ["granted", "reported"])
def test_half_of_the_packets_are_as_they_are_in_virtual_time(runs: Runs, flow: str) -> None:
    """Within 200 us with fixed grants and 400 us with reports, see WITHIN_NS."""
    real_ns, virtual_ns = (runs.median_ns(venue, "frames", flow) for venue in ("host", "virtual"))
    assert abs(real_ns - virtual_ns) < WITHIN_NS[flow]


def test_grants_are_waited_for_and_a_shaped_link_is_not(runs: Runs) -> None:
    """The control: the same packets without frames lack what reports and grants take."""
    framed_ns, shaped_ns = (runs.median_ns("host", variant, "reported") for variant in ("frames", "shaped"))
    assert framed_ns - shaped_ns > GRANTS_NS


def test_an_olt_that_is_late_is_told_and_the_run_goes_on(runs: Runs) -> None:
    """One pause of two frames, in the 24,000 of this run, is enough; in virtual time there is none."""

    def late_maps(run: RunDirectory, variant: str) -> list[str]:
        return [
            text for text in warnings_of(run, variant) if "bandwidth maps came after their frames" in text
        ]

    assert len(late_maps(runs.real, "frames")) == 1
    assert late_maps(runs.real, "shaped") == late_maps(runs.virtual, "frames") == []
