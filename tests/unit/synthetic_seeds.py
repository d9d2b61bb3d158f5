"""A sweep that never ran: its runs have summaries only, with numbers that follow from their values and seed.

Two variants, flows 1, 4 and 16, rates 50 and 100 Mbit/s, seeds 1 to 5. To look at its report:
python tests/unit/synthetic_seeds.py DIRECTORY
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testbed.report.numbers import numbers
from testbed.report.sweep_page import write_page
from testbed.sweep import dataset
from testbed.sweep.axes import combinations, parsed_axes
from testbed.sweep.plan import PlannedRun, Point, SweepPlan
from testbed.sweep.run_order import RunResult
from testbed.sweep.sweep_directory import SweepDirectory

MS = 1_000_000
VARIANTS = ("best_effort", "elastic")
SETTINGS = ("background.download.flows=1,4,16", "access.downstream.rate=50 Mbit/s,100 Mbit/s")
FAILED = RunResult("99-that_failed-seed1", 3, "variant elastic: <the kernel> died")


def plan(settings: Sequence[str] = SETTINGS, seeds: int = 5) -> SweepPlan:
    """The plan, with texts that are no scenarios."""
    axes = parsed_axes(settings)
    return SweepPlan(
        scenario="synthetic",
        title="A player beside a download <b>",
        variants=VARIANTS,
        axes=axes,
        seeds=tuple(range(1, seeds + 1)),
        points=tuple(Point(values, repr(values)) for values in combinations(axes)),
        kernel="k1",
        version="0.1.0",
    )


def median_ns(values: Sequence[str], seed: int, variant: str) -> int:
    """The p50 of the run's downstream probes."""
    flows = int(values[0]) if values else 1
    return (MS * (10 + 2 * flows) + 10_000 * seed) if variant == "best_effort" else 3 * MS


def summary(run: PlannedRun) -> dict[str, Any]:
    """A summary with probes, a flow and a channel; upstream nothing ever arrives."""
    return {
        "variants": {variant: _variant(run, variant) for variant in VARIANTS},
        "expectations": [
            {"text": "elastic is near", "holds": True, "measured": 1, "unit": "ns"},
            {"text": "seed is small", "holds": run.seed < 4, "measured": run.seed, "unit": "count"},
        ],
    }


def _variant(run: PlannedRun, variant: str) -> dict[str, Any]:
    median = median_ns(run.point.values, run.seed, variant)
    found = {"min": median - 5, "mean": median + 1, "p50": median, "p95": median + MS, "p99": median + 2 * MS}
    delays = {**found, "p999": median + 3 * MS, "max": median + 4 * MS}
    counts = {"sent": 100, "received": 98, "lost": 2, "reordered": 0}
    nothing = {"sent": 5, "received": 0, "lost": 5, "reordered": 0, "delay_ns": dict.fromkeys(delays)}
    streams = {"downstream": {**counts, "delay_ns": delays}, "upstream": nothing}
    return {
        "probes": {"player": streams},
        "frames": {},
        "packets": {},
        "commands": {},
        "channels": {},
        "admission": {},
        "jobs": {},
        "flows": {"download": {"received_bytes": 1, "throughput_bps": 40_000_000 + run.seed}},
    }


def write_sweep(path: Path, found: SweepPlan, failed: Sequence[RunResult] = ()) -> SweepDirectory:
    """The folder of a sweep with all its summaries, its table and its page."""
    directory = SweepDirectory.begin(path, found)
    summaries = {run.name: summary(run) for run in found.runs}
    for name, each in summaries.items():
        directory.clear(name)
        directory.run(name).path.mkdir()
        directory.run(name).summary_path.write_text(json.dumps(each))
    rows = [
        row
        for run in found.runs
        for row in dataset.rows(found, run, map(asdict, numbers(summaries[run.name])))
    ]
    dataset.write(found, rows, directory.numbers_path)
    write_page(found, directory, summaries, failed)
    return directory


if __name__ == "__main__":
    print(write_sweep(Path(sys.argv[1]), plan(), [FAILED]).report_path)
