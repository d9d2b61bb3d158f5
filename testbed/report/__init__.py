"""What a run says: its numbers, whether they are as expected, and pages and tables to look at.

A report is about one run, and a run has one venue: numbers of two venues never stand side by side.
Importing this package loads pandas; do so only when there is something to report.
"""

from testbed.report.frames import rates, samples, summary_frame, to_csv
from testbed.report.html import write
from testbed.report.summary import Summary, all_hold, summarise
from testbed.report.terminal import print_table

__all__ = [
    "Summary",
    "all_hold",
    "print_table",
    "rates",
    "samples",
    "summarise",
    "summary_frame",
    "to_csv",
    "write",
]
