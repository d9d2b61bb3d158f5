"""`testbed exec`: a scenario with one more program, whose output and status are those of the command."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from testbed.applications.user_program.events import ProgramExited
from testbed.cli.interrupts import held, unwinding
from testbed.cli.output import not_written
from testbed.cli.progress import ProgressView
from testbed.cli.running import run_scenario
from testbed.errors import InvariantError, ScenarioError, TestbedError
from testbed.record.guest_files import open_regular, remove
from testbed.record.run_directory import RunDirectory
from testbed.scenario import load
from testbed.text import instead

NAME = "exec"
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a program."""


def execute(options: argparse.Namespace) -> int:
    """Run the scenario with the program, print what it wrote, and give its status.

    Raises:
        TestbedError: As a run would.
    """
    program = {"host": options.host, "command": options.program, "starts": options.starts}
    ours = f"programs.{NAME}={json.dumps(program)}"
    settings = [*options.settings, ours]
    known = list(load(options.scenario, seed=options.seed, settings=options.settings).variants)
    variant = options.variant or known[0]
    if variant not in known:
        raise ScenarioError(f"--variant {variant}: there is no such variant; {instead(variant, known)}")
    try:
        scenario_file = load(options.scenario, seed=options.seed, settings=settings, variants=[variant])
    except ScenarioError as error:
        # The scenario alone was loaded above. What is left of the message is about the argument named first.
        raise ScenarioError(str(error).removeprefix(f"--set {ours}: programs.{NAME}.")) from error
    with unwinding(), _place(options.out) as place:
        try:
            with ProgressView() as view:
                run = run_scenario(
                    scenario_file,
                    venue=options.venue,
                    out=place.path,
                    settings=settings,
                    show=view,
                    wall_limit_s=options.wall_limit,
                    stall_limit_s=options.stall_limit,
                    force=options.force,
                )
        except TestbedError:
            with suppress(InvariantError):
                _show_output(RunDirectory(place.path), variant)
            raise
        _show_output(run, variant)
        if not_written() and options.out is None:
            place.keep = True
            print(f"what the program wrote is kept in {run.programs_path(variant)}", file=sys.stderr)
        return _status(run)


def _show_output(run: RunDirectory, variant: str) -> None:
    """Print what the command wrote.

    Raises:
        InvariantError: There is none of its output, or no file that could be read.
    """
    for suffix, stream in ((".out", sys.stdout), (".err", sys.stderr)):
        stream.flush()
        _pass_on(run.programs_path(variant) / f"{NAME}{suffix}", stream.buffer)
        stream.flush()


@dataclass(slots=True)
class _Place:
    """The folder of the run, and whether it stays."""

    path: Path
    keep: bool = False


@contextmanager
def _place(out: Path | None) -> Iterator[_Place]:
    """The folder that the user has named, or one of our own that is gone afterwards."""
    if out is not None:
        yield _Place(out)
        return
    made: Path | None = None
    place: _Place | None = None
    try:
        with held():
            made = Path(tempfile.mkdtemp(prefix="testbed-exec-"))
        place = _Place(made)
        yield place
    except TestbedError:
        # A run that failed has left its console there, and the message says so.
        if place is not None:
            place.keep = any(place.path.iterdir())
        raise
    finally:
        if made is not None and not (place is not None and place.keep):
            remove(made)


def _pass_on(path: Path, stream: BinaryIO) -> None:
    """In parts: the output of a program may be larger than memory."""
    try:
        with open_regular(path) as file:
            shutil.copyfileobj(file, stream)
    except FileNotFoundError:
        raise InvariantError(f"the output {path} is gone: a program inside has removed it") from None


def _status(run: RunDirectory) -> int:
    for each in run.events():
        match each.event:
            case ProgramExited(program=name, status=status) if name == NAME:
                return status if status >= 0 else _SIGNALLED - status
    raise InvariantError(f"no event in {run.events_path} tells how the program ended")
