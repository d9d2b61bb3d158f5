"""`testbed compare`: finished runs side by side, on the terminal and as a page."""

import argparse
import os
import sys

from rich.console import Console

from testbed.cli.interrupts import unwinding
from testbed.cli.opening import opened
from testbed.errors import ScenarioError
from testbed.record.run_directory import RUNS
from testbed.report.compare_page import print_differences, write_page
from testbed.report.comparison import compared, of_other_versions


def compare(options: argparse.Namespace) -> int:
    """Compare all runs with the first; 0, whatever the differences are."""
    with unwinding():
        return _compared(options)


def _compared(options: argparse.Namespace) -> int:
    for name in options.runs:
        _require_no_sweep(name)
    with opened(options.runs) as runs:
        comparison = compared(runs)
        for warning in of_other_versions(comparison):
            print(f"warning: {warning}", file=sys.stderr)
        print_differences(comparison, Console())
        write_page(comparison, options.out)
    print(f"wrote {options.out}", file=sys.stderr)
    return 0


def _require_no_sweep(name: str) -> None:
    for place in (RUNS / name, RUNS.parent / name):
        if os.path.lexists(place / "sweep.json"):
            raise ScenarioError(f"{name} is a sweep; name two of its runs, which are in {place}/runs")
