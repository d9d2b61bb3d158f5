"""The program that a venue runs: one variant on the kernel that it finds itself on.

Everything it needs lies in one folder, and everything it makes goes there: `scenario.yaml` in, the
raw records of `testbed.record` and `progress.jsonl` out.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from testbed.cli.programs import PlannedPrograms
from testbed.driver.driver import Driver
from testbed.errors import TestbedError
from testbed.net.emulation import Emulation
from testbed.net.namespaces import unshare
from testbed.plan.make import make_plan
from testbed.scenario import load

PROGRESS_FILE = "progress.jsonl"


def execute(folder: Path, variant: str, at_fork: Callable[[int], None] = lambda pid: None) -> None:
    """Run one variant of `folder/scenario.yaml`; its raw records are in `folder/raw/VARIANT` afterwards.

    Raises:
        TestbedError: Any of its kinds; nothing is left running.
    """
    scenario_file = load(str(folder / "scenario.yaml"), variants=[variant])
    scenario, network = scenario_file.variants[variant], scenario_file.networks[variant]
    logs = folder / "raw" / variant
    logs.mkdir(parents=True, exist_ok=True)
    plan = make_plan(network, scenario.access)
    unshare()
    with (
        (folder / PROGRESS_FILE).open("a", buffering=1, encoding="ascii") as progress,
        Emulation(plan) as emulation,
    ):

        def report(reached_ns: int, of_ns: int, text: str) -> None:
            progress.write(json.dumps({"reached_ns": reached_ns, "of_ns": of_ns, "text": text}) + "\n")

        for pid in emulation.pids():
            at_fork(pid)
        programs = PlannedPrograms(plan, scenario.seed)
        Driver(scenario, emulation, programs, logs, report, at_fork).run()


def main(arguments: list[str]) -> int:
    """`python -m testbed.cli.inner FOLDER VARIANT`: the exit status is that of DESIGN's error tree."""
    folder, variant = arguments
    try:
        execute(Path(folder), variant)
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
