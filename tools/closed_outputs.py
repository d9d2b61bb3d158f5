"""Runs every command with outputs that fail and counts wrong endings: `python tools/closed_outputs.py`.

Standard output and standard error are full, closed or without a reader, or have an encoding that lacks the
characters; folders have names that are no UTF-8. The exit status must be the verdict all the same, results
must be saved, and there must be no traceback. No kernel is booted: stand-ins take the place of the programs
that a command starts.
"""

import argparse
import sys

from robustness import outputs, stand_ins
from robustness.command import adopt_orphans

_NOT_UTF8 = b"caf\xe9 \xff"


def main() -> int:
    """Make the attempts, print the faults and the counts; 1 if there was any fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="each case with a part of the failing outputs")
    options = parser.parse_args()
    adopt_orphans()
    stand_ins.imported()
    sinks = outputs.SINKS
    results = []
    for number, case in enumerate(outputs.CASES):
        chosen = [sinks[number % 3], sinks[(number * 2 + 3) % len(sinks)]] if options.short else sinks
        results += outputs.attempts([case], chosen)
    results += outputs.attempts(
        outputs.CASES, outputs.ENCODED[:1] if options.short else outputs.ENCODED, _NOT_UTF8
    )
    for result in results:
        for fault in result.faults:
            print(f"{result.label}: {fault}")
    failed = sum(bool(result.faults) for result in results)
    print(f"{len(results)} commands with outputs that fail: {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
