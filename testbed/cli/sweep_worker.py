"""One run of a sweep: takes its order from standard input, makes the run and its summary, and ends.

`python -m testbed.cli.sweep_worker`. Its standard input is its lifeline: when it closes, the run ends.
"""

import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from testbed.cli import interrupts
from testbed.cli.running import run_scenario
from testbed.errors import NotReadyError, TestbedError, one_line
from testbed.record.guest_files import remove
from testbed.report import summarise
from testbed.scenario import load
from testbed.sweep.run_order import LocalOrder
from testbed.sweep.scratch import scratch_folder
from testbed.venue import kernel
from testbed.venue.venue import SCENARIO_FILE

ARGUMENTS: tuple[str, ...] = ("-m", "testbed.cli.sweep_worker")
"""What follows `python` on any machine."""
COMMAND = (sys.executable, *ARGUMENTS)


def carry_out(placed: LocalOrder) -> None:
    """Make the run. There is no report of it, which `testbed report` can write: each would be 5 MB.

    Raises:
        TestbedError: The run failed; its directory stays, with its logs.
    """
    order = placed.order
    found = kernel.require()
    if found.key != order.kernel:
        raise NotReadyError(
            f"this machine's embedded kernel is {found.key}, the sweep's is {order.kernel}; "
            "run `testbed kernel build` with the same version of the testbed on all machines"
        )
    with scratch_folder() as (folder, _):
        path = folder / SCENARIO_FILE
        path.write_text(order.text, encoding="utf-8")
        scenario_file = load(str(path), seed=order.seed)
    run = run_scenario(
        scenario_file,
        out=Path(placed.out),
        settings=order.settings,
        wall_limit_s=order.wall_limit_s,
        stall_limit_s=order.stall_limit_s,
        side_by_side=placed.side_by_side,
    )
    summary = summarise(run, scenario_file.expectations, scenario_file.references)
    run.write_summary(dict(summary))


def main() -> int:
    """Carry out the order; the exit status is 0 for a finished run, whatever it expects."""
    placed = LocalOrder.from_line(sys.stdin.readline())
    threading.Thread(target=_end_with_starter, daemon=True).start()
    try:
        with interrupts.taken(to_the_end=True), interrupts.unwinding():
            carry_out(placed)
    except KeyboardInterrupt as interruption:
        if placed.scratch:
            # Whoever started us may have been killed, and then nobody else removes it.
            remove(Path(placed.scratch))
        print(f"error: {interrupts.sentence(interruption)}", file=sys.stderr)
        return interrupts.exit_status(interruption)
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except Exception as error:
        # All of it goes into the log; what is said last is what the sweep tells.
        traceback.print_exc()
        print(f"error: a defect of the testbed: {one_line(error)}", file=sys.stderr)
        return TestbedError.exit_status
    return 0


def _end_with_starter() -> None:
    """Wait until whoever started us is gone, then stop as if told to: the run's kernels end in order."""
    # Not by way of sys.stdin, which a thread that waits in it would hold while the interpreter ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
