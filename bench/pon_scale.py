"""What a virtual second of a 50G-PON costs in wall time, by ONUs and by what they send.

    .venv/bin/python bench/pon_scale.py [--json]

Each row is the difference of two runs of the same PON, one longer than the other, so that booting and
building are not in it; they stand in a column of their own. The last column is the ratio to the first row:
how the cost grows. Wall times are this machine's, and other work on it is in them.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from fidelity import Case, measured_in_kernel

from testbed.errors import TestbedError
from testbed.model.base import UPSTREAM

STANDARD, FRAME_BYTES, FRAME_NS = "50G-PON", 1518, 125_000
SHORT_FRAMES, LONG_FRAMES = 400, 3_600
ONUS = (1, 4, 16, 64)
OFFERED_BPS = (0, 1_000_000_000, 10_000_000_000)


def run_of(onus: int, offered_bps: int, frames: int) -> dict[str, Any]:
    """A PON whose ONUs offer so much together, for so many frames."""
    loads = [
        {
            "home": f"home{n}",
            "direction": UPSTREAM,
            "frame_bytes": FRAME_BYTES,
            "rate_bps": offered_bps // onus,
        }
        for n in range(1, onus + 1)
        if offered_bps
    ]
    return {
        "measure": "throughput",
        "standard": STANDARD,
        "onus": onus,
        "fibre_m": 20_000,
        "settle_ns": 5_000_000,
        "frames": frames,
        "loads": loads,
    }


def wall_s(onus: int, offered_bps: int, frames: int) -> float:
    """The wall time of one run, from the kernel's start to its end."""
    with tempfile.TemporaryDirectory(prefix="pon-scale-") as output:
        case = Case(run_of(onus, offered_bps, frames), lambda _measured: [])
        return measured_in_kernel([case], Path(output))[1]


def measure(onus: int, offered_bps: int) -> dict[str, Any]:
    """One row of the table."""
    short_s, long_s = (wall_s(onus, offered_bps, frames) for frames in (SHORT_FRAMES, LONG_FRAMES))
    virtual_s = (LONG_FRAMES - SHORT_FRAMES) * FRAME_NS / 1e9
    return {
        "onus": onus,
        "offered_bps": offered_bps,
        "wall_s_per_virtual_s": round((long_s - short_s) / virtual_s, 3),
        "boot_and_build_s": round(
            short_s - (long_s - short_s) * SHORT_FRAMES / (LONG_FRAMES - SHORT_FRAMES), 3
        ),
    }


def print_row(row: dict[str, Any], first: dict[str, Any]) -> None:
    """A row as soon as it is there: they take a while."""
    ratio = row["wall_s_per_virtual_s"] / first["wall_s_per_virtual_s"]
    print(
        f"{row['onus']:>4}  {row['offered_bps'] / 1e9:>7.0f} Gbit/s  {row['wall_s_per_virtual_s']:>9.2f}"
        f"  {row['boot_and_build_s']:>9.1f} s  {ratio:>6.1f}",
        flush=True,
    )


def main() -> int:
    """The command line; see the top of the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args()
    if not options.json:
        print("ONUs    offered upstream  wall/virtual  boot, build   ratio")
    rows: list[dict[str, Any]] = []
    try:
        for onus in ONUS:
            for offered_bps in OFFERED_BPS:
                rows.append(measure(onus, offered_bps))
                if not options.json:
                    print_row(rows[-1], rows[0])
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    if options.json:
        print(json.dumps({"benchmark": "pon_scale", "standard": STANDARD, "rows": rows}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
