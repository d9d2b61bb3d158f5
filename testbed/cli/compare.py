"""`testbed compare`: finished runs side by side, on the terminal and as a page."""

import argparse
import sys

from rich.console import Console

from testbed.errors import ScenarioError
from testbed.record.directory import RUNS, RunDirectory
from testbed.report.compare_page import print_differences, write_page
from testbed.report.comparison import compared, of_other_versions


def compare(options: argparse.Namespace) -> int:
    """Compare all runs with the first; 0, whatever the differences are."""
    comparison = compared([_opened(name) for name in options.runs])
    for warning in of_other_versions(comparison):
        print(f"warning: {warning}", file=sys.stderr)
    print_differences(comparison, Console())
    write_page(comparison, options.out)
    print(f"wrote {options.out}", file=sys.stderr)
    return 0


def _opened(name: str) -> RunDirectory:
    for place in (RUNS / name, RUNS.parent / name):
        if (place / "sweep.json").is_file():
            raise ScenarioError(f"{name} is a sweep; name two of its runs, which are in {place}/runs")
    return RunDirectory.open(name)
