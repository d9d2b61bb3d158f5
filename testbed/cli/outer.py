"""One variant from outside: starts the inner program in a venue and passes its progress on as JSON lines.

A process of its own for each variant, so that several run side by side and each can be stopped.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from testbed.cli.defects import summary
from testbed.cli.foreign import extension_folders, search_path
from testbed.cli.pon_trial import require_host
from testbed.cli.settled import SCENARIO_FILE
from testbed.errors import LimitError, TestbedError
from testbed.lifeline import tied
from testbed.net.ledger import ledger_folder
from testbed.record.guest_files import read_console
from testbed.scenario import ScenarioFile, load
from testbed.scenario.input_files import files_read
from testbed.venue import diagnosis, kernel
from testbed.venue.launch import stop_on_terminate
from testbed.venue.progress import Progress, ProgressTail
from testbed.venue.virtual import CONSOLE_NAME, OUTPUT_IN_GUEST, Boot, boot

_POLL_S = 0.1
_GRACE_S = 4.0
"""From SIGTERM to SIGKILL; less than whoever ends us waits."""


def run_in_virtual(
    folder: Path,
    variant: str,
    seed: int,
    wall_limit_s: float,
    stall_limit_s: float,
    on_progress: Callable[[Progress], None],
) -> int:
    """Boot the embedded kernel for one variant; the inner program's exit status."""
    command = (sys.executable, "-u", "-m", "testbed.cli.inner", OUTPUT_IN_GUEST, variant)
    request = Boot(
        command=command,
        output_dir=folder,
        seed=seed,
        wall_limit_s=wall_limit_s,
        stall_limit_s=stall_limit_s,
        **within_reach(folder),
    )
    return boot(kernel.require(), request, on_progress).exit_status


def run_on_host(
    folder: Path, variant: str, seed: int, wall_limit_s: float, on_progress: Callable[[Progress], None]
) -> int:
    """Run one variant on this machine's kernel in real time; the inner program's exit status."""
    scenario_file = _loaded(folder, variant)
    require_host(scenario_file.variants.values(), scenario_file.networks.values())
    ledger = ledger_folder() / f"{os.getpid()}.jsonl"
    inner = [sys.executable, "-u", "-m", "testbed.cli.inner", str(folder), variant]
    command = [*inner, "--real-time", "--ledger", str(ledger)]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed % 2**32)}
    tail, began_s = ProgressTail(folder), time.monotonic()
    with stop_on_terminate(), (folder / CONSOLE_NAME).open("wb") as console:
        process = subprocess.Popen(
            tied(command, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=environment,
        )
        try:
            while True:
                try:
                    return process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    for progress in tail.new_lines():
                        on_progress(progress)
                    if time.monotonic() - began_s > wall_limit_s:
                        raise LimitError(diagnosis.wall_limit(wall_limit_s)) from None
        finally:
            _end(process)
            tail.remove()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the inner program, in order if it can: it ends its own programs, and forgets its ledger."""
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Reach(TypedDict):
    """What a `Boot` lets the inner program find."""

    environment: dict[str, str]
    visible: tuple[Path, ...]


def within_reach(folder: Path) -> Reach:
    """What a scenario reads from outside the project, in all variants: all of it is checked again inside."""
    scripts = load(str(folder / SCENARIO_FILE)).variants.values()
    visible = [*extension_folders(scripts)]
    for script in scripts:
        network = script.network
        visible += [Path(network.topology).parent] if network.topology.endswith(".py") else []
        visible += files_read(script, folder)
        words = [word for program in script.programs.values() for word in program.command]
        visible += [Path(word) for word in words if word.startswith("/") and os.path.lexists(word)]
    return Reach(environment=search_path(scripts), visible=tuple(dict.fromkeys(visible)))


def _loaded(folder: Path, variant: str) -> ScenarioFile:
    return load(str(folder / SCENARIO_FILE), variants=[variant])


def main(arguments: list[str]) -> int:
    """`python -m testbed.cli.outer FOLDER VARIANT SEED VENUE WALL_LIMIT STALL_LIMIT`: says lines of JSON."""
    parser = argparse.ArgumentParser(prog="testbed.cli.outer")
    parser.add_argument("folder", type=Path)
    parser.add_argument("variant")
    parser.add_argument("seed", type=int)
    parser.add_argument("venue", choices=("virtual", "host"))
    parser.add_argument("wall_limit_s", type=float)
    parser.add_argument("stall_limit_s", type=float)
    options = parser.parse_args(arguments)

    def say(**fields: object) -> None:
        print(json.dumps(fields), flush=True)

    def on_progress(progress: Progress) -> None:
        say(reached_ns=progress.reached_ns, of_ns=progress.of_ns, text=progress.text)

    which = (options.folder, options.variant, options.seed, options.wall_limit_s)
    try:
        if options.venue == "virtual":
            status = run_in_virtual(*which, options.stall_limit_s, on_progress)
        else:
            status = run_on_host(*which, on_progress)
    except TestbedError as error:
        say(error=str(error), exit_status=error.exit_status)
        return error.exit_status
    except Exception as error:
        with (options.folder / CONSOLE_NAME).open(
            "a", encoding="utf-8", errors="backslashreplace"
        ) as console:
            traceback.print_exc(file=console)
        say(error=f"a defect of the testbed: {summary(error)}", exit_status=TestbedError.exit_status)
        return TestbedError.exit_status
    if status:
        say(error=last_error(options.folder / CONSOLE_NAME), exit_status=status)
    return status


_TRACEBACK = "Traceback "
_TURNED_OFF = "reboot: Power down"
"""What the embedded kernel prints last, however the program ended."""


def last_error(console: Path) -> str:
    """What the inner program printed on its way out; of a traceback the line that tells what it was."""
    lines = [line for line in read_console(console).splitlines() if line != _TURNED_OFF]
    starts = [number for number, line in enumerate(lines) if line.startswith(("error: ", _TRACEBACK))]
    shown = lines[starts[-1] :] if starts else lines[-30:]
    if starts and shown[0].startswith(_TRACEBACK):
        # The frames are indented; the exception's own line is the first that is not.
        raised = [line for line in shown[1:] if line and not line.startswith(" ")]
        return f"a defect of the testbed: {raised[0]}" if raised else "a defect of the testbed"
    return "\n".join(shown).removeprefix("error: ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
