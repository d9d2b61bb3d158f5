"""The launcher: runs one variant in a venue as a process of its own, and prints its progress as JSON lines.

Separate processes let several variants run side by side and be stopped one by one.
"""

import argparse
import json
import sys
import traceback
from pathlib import Path

from testbed.errors import TestbedError, one_line
from testbed.record.guest_files import read_console
from testbed.venue.progress import Progress
from testbed.venue.registry import load_venue
from testbed.venue.venue import Limits, Variant
from testbed.venue.virtual import CONSOLE_NAME


def main(arguments: list[str]) -> int:
    """`python -m testbed.venue.launcher FOLDER VARIANT SEED MODULE:CLASS WALL_LIMIT STALL_LIMIT`.

    The venue's class is an argument so that a venue registered by the parent process is known here too.
    """
    parser = argparse.ArgumentParser(prog="testbed.venue.launcher")
    parser.add_argument("folder", type=Path)
    parser.add_argument("variant")
    parser.add_argument("seed", type=int)
    parser.add_argument("venue", type=load_venue)
    parser.add_argument("wall_limit_s", type=float)
    parser.add_argument("stall_limit_s", type=float)
    options = parser.parse_args(arguments)

    def say(**fields: object) -> None:
        print(json.dumps(fields), flush=True)

    def on_progress(progress: Progress) -> None:
        say(reached_ns=progress.reached_ns, of_ns=progress.of_ns, text=progress.text)

    variant = Variant(folder=options.folder, name=options.variant, seed=options.seed)
    limits = Limits(wall_s=options.wall_limit_s, stall_s=options.stall_limit_s)
    try:
        status: int = options.venue.launch(variant, limits, on_progress)
    except TestbedError as error:
        say(error=str(error), exit_status=error.exit_status)
        return error.exit_status
    except Exception as error:
        with (options.folder / CONSOLE_NAME).open(
            "a", encoding="utf-8", errors="backslashreplace"
        ) as console:
            traceback.print_exc(file=console)
        say(error=f"a defect of the testbed: {one_line(error)}", exit_status=TestbedError.exit_status)
        return TestbedError.exit_status
    if status:
        say(error=last_error(options.folder / CONSOLE_NAME), exit_status=status)
    return status


_TRACEBACK = "Traceback "
_TURNED_OFF = "reboot: Power down"
"""What the embedded kernel prints last, however the program ended."""


def last_error(console: Path) -> str:
    """What the guest main program printed last; for a traceback, the line that names the exception."""
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
