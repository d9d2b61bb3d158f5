"""The guest main program, which a venue runs: one variant on the kernel that it is started on.

It reads and writes one folder: `scenario.yaml` in; the raw records of `testbed.record` and the venue's
progress lines out.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from testbed.cli.programs import PlannedPrograms
from testbed.driver.assignment import Assignment
from testbed.driver.children import Children
from testbed.driver.driver import Driver
from testbed.errors import TestbedError
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.line import Line
from testbed.host.load_watch import LoadWatch
from testbed.host.loop import Loop
from testbed.net.emulation import Emulation
from testbed.net.ledger import Ledger
from testbed.net.namespaces import unshare
from testbed.plan.make import make_plan
from testbed.scenario import load
from testbed.venue.launch import stop_on_terminate
from testbed.venue.progress import Progress, append_progress
from testbed.venue.venue import SCENARIO_FILE


def execute(
    folder: Path,
    variant: str,
    at_fork: Callable[[int], None],
    line: Line | None = None,
    *,
    real_time: bool = False,
) -> None:
    """Run one variant of `folder/scenario.yaml`; its raw records are in `folder` afterwards.

    With a line the network carries out the orders that come by it, and stays up until it is closed. In real
    time the machine is watched.

    Raises:
        TestbedError: Any of its kinds; nothing is left running.
    """
    scenario_file = load(str(folder / SCENARIO_FILE), variants=[variant])
    scenario, network = scenario_file.variants[variant], scenario_file.networks[variant]
    orders = scenario.northbound is not None or line is not None
    plan = make_plan(network, scenario.access, scenario.pon, orders=orders)

    def report(reached_ns: int, of_ns: int, text: str) -> None:
        append_progress(folder, Progress(reached_ns=reached_ns, of_ns=of_ns, text=text))

    unshare()
    with Emulation(plan) as emulation:
        programs = PlannedPrograms(plan, scenario, emulation.upstream_line, emulation.inside)
        watch = _load_watch if real_time else None
        Driver(scenario, emulation, programs, folder, report, at_fork, line, watch).run()


def _load_watch(clock: Clock, control: Control) -> Callable[[], None]:
    return LoadWatch(clock, control).run


def _line(end: str) -> Line:
    """Our end of the line to outside: an inherited socket by its number, or the path of a serial line."""
    return Line(int(end)) if end.isdecimal() else Line.serial(Path(end))


def shell(folder: Path, variant: str) -> None:
    """Build the network of a variant and give the user Mininet's command line on it."""
    scenario_file = load(str(folder / SCENARIO_FILE), variants=[variant])
    scenario = scenario_file.variants[variant]
    orders = scenario.northbound is not None
    plan = make_plan(scenario_file.networks[variant], scenario.access, scenario.pon, orders=orders)
    unshare()
    with Emulation(plan) as emulation:
        programs = PlannedPrograms(plan, scenario, emulation.upstream_line, emulation.inside)
        clock = Clock(time.clock_gettime_ns(time.CLOCK_REALTIME))
        children = Children(emulation, Loop(clock), lambda _pid: None)
        try:
            Assignment(emulation, programs, children, clock).start()
            emulation.cli()
        finally:
            children.kill()


def main(arguments: list[str]) -> int:
    """`python -m testbed.cli.guest_main FOLDER VARIANT [OPTIONS]`; the exit status is that of the error."""
    parser = argparse.ArgumentParser(prog="testbed.cli.guest_main")
    parser.add_argument("folder", type=Path)
    parser.add_argument("variant")
    parser.add_argument("--ledger", type=Path, help="record every process made in this file")
    parser.add_argument("--real-time", action="store_true", help="time goes on while anything computes")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--shell", action="store_true", help="Mininet's command line instead of a run")
    instead.add_argument("--serve", metavar="LINE", help="a serial line, or an inherited socket's number")
    options = parser.parse_args(arguments)
    ledger = Ledger(options.ledger) if options.ledger else None
    try:
        with stop_on_terminate():
            if options.shell:
                shell(options.folder, options.variant)
            else:
                at_fork = ledger.add if ledger else lambda _pid: None
                line = _line(options.serve) if options.serve else None
                execute(options.folder, options.variant, at_fork, line, real_time=options.real_time)
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except Exception:
        traceback.print_exc()
        return TestbedError.exit_status
    finally:
        # Whatever happened, leaving the network's context has removed everything.
        if ledger:
            ledger.close()
    return 0


if __name__ == "__main__":
    STATUS = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Interpreter shutdown would wait for threads of libraries; everything of ours is closed.
    os._exit(STATUS)
