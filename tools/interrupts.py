"""Ends commands by signals in all of their phases and counts what goes wrong: `python tools/interrupts.py`.

Each attempt must end with the documented status, say so in one line, show no traceback, leave no process, and
remove nothing of the user's. No kernel is booted: stand-ins take the place of the programs that a command
starts, and a command is held in a phase by pausing a function of it.
"""

import argparse
import sys

from robustness import signals, stand_ins
from robustness.command import adopt_orphans

_IMPORTING_S = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5)


def main() -> int:
    """Make the attempts, print the faults and the counts; 1 if there was any fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="one signal for each phase, in turn, not all")
    parser.add_argument("--phase", help="only phases whose name has this in it, as in 'run: boot'")
    options = parser.parse_args()
    adopt_orphans()
    stand_ins.imported()
    wanted = options.phase or ""
    phases = [phase for phase in signals.PHASES if wanted in phase.label]
    results = list(signals.attempts(phases, every_signal=not options.short))
    if not options.phase:
        results += signals.starting(_IMPORTING_S[::4] if options.short else _IMPORTING_S)
    for result in results:
        for fault in result.faults:
            print(f"{result.label}, {result.signal}: {fault}")
    failed = sum(bool(result.faults) for result in results)
    print(
        f"{len(results)} interrupts in {len({result.label for result in results})} phases: {failed} failures"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
