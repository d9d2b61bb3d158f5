"""Stands in for the program of one run: does what its order's text says, and makes no network at all.

The text is a line of words: `finish`, `fail STATUS`, `wait` until the starter is gone, `once` to wait the
first time and finish the second. The file named in the variable SWEEP_DONE gets a line for each time it was
started.
"""

import os
import sys
from pathlib import Path

from testbed.record.run_directory import RECORDED, RunDirectory
from testbed.sweep.run_order import LocalOrder

VERDICT = {"text": "it is near", "holds": True, "measured": 1, "unit": "ns"}


def main() -> int:
    """Take the order and obey."""
    placed = LocalOrder.from_line(sys.stdin.readline())
    out = Path(placed.out)
    out.mkdir(parents=True)
    run = RunDirectory(out)
    with Path(os.environ["SWEEP_DONE"]).open("a+") as done:
        done.write(f"{placed.order.name}\n")
        done.flush()
        done.seek(0)
        times = done.read().split().count(placed.order.name)
    words = placed.order.text.split()
    if words[0] == "wait" or (words[0] == "once" and times == 1):
        os.write(2, b"waiting\n")
        os.read(0, 1)
        return 1
    if words[0] == "fail":
        print("error: it could not be", file=sys.stderr)
        return int(words[1])
    for name in RECORDED:
        (out / name).write_text("a file of a run\n")
    run.write_manifest({"seed": placed.order.seed})
    run.write_summary({"expectations": [VERDICT], "run_dir": str(out)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
