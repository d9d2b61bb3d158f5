"""How far the numbers of real time are from those of virtual time, and both from what is configured.

    .venv/bin/python bench/host_distance.py [--seconds N] [--json]

The same packets go over the same network in both venues: over 20 km of fibre alone, through a queue that is
always full, and over a PON in frames, with fixed grants and with status reports. Where this machine's kernel
cannot carry a run on the host venue, as without netem or root, the embedded kernel without time travel stands
for it: more slowly than a host, because each system call costs it microseconds. What else runs on the machine
is in the numbers.
"""

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from testbed.cli.running import run_scenario
from testbed.errors import KernelError, TestbedError
from testbed.pon import propagation_ns
from testbed.record.events import HostLoaded
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile
from testbed.scenario.loading import from_mapping
from testbed.venue import host, kernel
from testbed.venue.pon_trial import trials
from testbed.venue.virtual import OUTPUT_IN_GUEST, Boot, boot

FIBRE_M = 20_000
RATE_BPS, QUEUE_BYTES = 10_000_000, 125_000
FRAME_NS = 125_000
MAIN = "import sys; from testbed.cli import main; sys.exit(main(sys.argv[1:]))"
FLOWS = (("shaped", "fibre"), ("shaped", "queue"), ("frames", "granted"), ("frames", "reported"))
STATISTICS = ("p50", "p99", "max")
WALL_LIMIT_S = 600.0


def scenario(seconds: int) -> ScenarioFile:
    """Packets every millisecond, and a little: they meet every phase of a PON's frame."""
    ends = f"{seconds} s"
    packets = {"protocol": "udp", "packet": "100 B", "interval": "1000437 ns", "starts": "0 s", "ends": ends}
    packets |= {"measured": True, "destination": "node"}
    line = {"rate": "10 Mbit/s", "committed": "0 bit/s", "queue": "125 kB"}
    filling = {"protocol": "udp", "source": "home2", "destination": "node", "starts": "0 s", "ends": ends}
    tcont = {"onus": ["onu1"], "fixed": "50 Mbit/s", "reporting": "fixed"}
    return from_mapping(
        {
            "title": "The same packets in virtual and in real time",
            "seed": 3,
            "duration": ends,
            "network": {
                "topology": "elastic_access",
                "parameters": {
                    "pon": "XGS-PON",
                    "onus": 2,
                    "fibre": f"{FIBRE_M} m",
                    "metro": "0 m",
                    "nodes": {"node": {"delay": "0 ns"}},
                },
            },
            "access": {"downstream": line, "upstream": line},
            "variants": {
                "shaped": {
                    "pon": {"model": "shaped_link"},
                    "background": {
                        "fibre": {**packets, "source": "home1"},
                        "queue": {**packets, "source": "home2"},
                        "filling": {**filling, "rate": "15 Mbit/s"},
                    },
                },
                "frames": {
                    "pon": {"tconts": {"fixed": tcont}},
                    "background": {
                        "granted": {**packets, "source": "home1", "tcont": "fixed"},
                        "reported": {**packets, "source": "home2"},
                    },
                },
            },
        },
        "host_distance",
    )


def configured_ns(flow: str) -> int | None:
    """The delay in the middle, by arithmetic; None where it hangs on what the OLT is told, and when."""
    fibre_ns = propagation_ns(FIBRE_M)
    full_ns = QUEUE_BYTES * 8 * 10**9 // RATE_BPS
    return {"fibre": fibre_ns, "queue": fibre_ns + full_ns, "granted": fibre_ns + FRAME_NS // 2}.get(flow)


def in_real_time(script: ScenarioFile, folder: Path) -> tuple[RunDirectory, str]:
    """A run on the host venue, and which kernel carried it."""
    if not host.missing_features(trials(script.variants.values(), script.networks.values())):
        return run_scenario(script, venue="host", out=folder / "run"), f"Linux {platform.release()}"
    (folder / "host_distance.yaml").write_text(script.text, encoding="utf-8")
    options = ("--venue", "host", "--force", "--out", f"{OUTPUT_IN_GUEST}/run", "--json")
    command = (sys.executable, "-c", MAIN, "run", f"{OUTPUT_IN_GUEST}/host_distance.yaml", *options)
    request = Boot(
        command=command,
        output_dir=folder,
        seed=1,
        time_travel=False,
        wall_limit_s=WALL_LIMIT_S,
        stall_limit_s=WALL_LIMIT_S,
    )
    found = kernel.require()
    outcome = boot(found, request, lambda _progress: None)
    if outcome.exit_status:
        raise KernelError(f"the run in real time failed:\n{outcome.console_path.read_text()[-2000:]}")
    return RunDirectory.open(str(folder / "run")), f"the embedded kernel {found.version}, without time travel"


def statistics_ns(run: RunDirectory, variant: str, flow: str) -> dict[str, int]:
    """By nearest rank, as everywhere."""
    table = pyarrow.parquet.read_table(run.samples_path).to_pandas()
    rows = table[(table["variant"] == variant) & (table["session"] == flow)]
    arrived = rows["delay_ns"].dropna().to_numpy(dtype=np.int64)
    found = np.percentile(arrived, (50, 99, 100), method="inverted_cdf")
    return dict(zip(STATISTICS, map(int, found), strict=True))


def measure(seconds: int) -> dict[str, Any]:
    """All rows, and what the machine did meanwhile."""
    script = scenario(seconds)
    with tempfile.TemporaryDirectory(prefix="host-distance-") as made:
        virtual = run_scenario(script, out=Path(made) / "virtual")
        (Path(made) / "real").mkdir()
        real, carrier = in_real_time(script, Path(made) / "real")
        rows = [
            {
                "flow": flow,
                "configured_ns": configured_ns(flow),
                "virtual_ns": statistics_ns(virtual, variant, flow),
                "host_ns": statistics_ns(real, variant, flow),
            }
            for variant, flow in FLOWS
        ]
        loads = [each.as_json() for each in real.events() if isinstance(each.event, HostLoaded)]
    return {"benchmark": "host_distance", "kernel": carrier, "seconds": seconds, "rows": rows, "loads": loads}


def show(found: dict[str, Any]) -> None:
    """The table, in microseconds."""
    print(f"real time by {found['kernel']}")
    print(f"{'':10}{'':5}{'configured':>12}{'virtual':>12}{'host':>12}{'host - virtual':>16}   us")
    for row in found["rows"]:
        for statistic in STATISTICS:
            virtual_ns, host_ns = row["virtual_ns"][statistic], row["host_ns"][statistic]
            middle_ns = row["configured_ns"] if statistic == "p50" else None
            configured = "-" if middle_ns is None else f"{middle_ns / 1000:,.1f}"
            numbers = (
                f"{virtual_ns / 1000:>12,.1f}{host_ns / 1000:>12,.1f}{(host_ns - virtual_ns) / 1000:>+16,.1f}"
            )
            print(f"{row['flow']:10}{statistic:5}{configured:>12}{numbers}")
    for load in found["loads"]:
        late = ", ".join(f"{name} {load[f'late_{name}_ns'] / 1e3:,.0f} us" for name in STATISTICS)
        print(f"{load['variant']}: timers late by {late}; processors busy {load['busy_ppm'] / 1e4:.0f} %")


def main() -> int:
    """The command line; see the top of the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, default=10, metavar="N", help="how long (default: %(default)d)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args()
    try:
        found = measure(options.seconds)
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
