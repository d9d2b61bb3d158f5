"""A finished run for attempts to report on: the synthetic one of the tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from robustness.stand_ins import PROJECT


@cache
def _made() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """Made once, in a folder that lasts as long as this process; an expectation of it does not hold.

    Another process makes it: tables start threads, and commands are not forked from a process that has some.
    """
    keeper = tempfile.TemporaryDirectory(prefix="finished-run-")
    run = Path(keeper.name) / "run"
    program = PROJECT / "tests" / "unit" / "synthetic_run.py"
    subprocess.run([sys.executable, str(program), str(run)], check=True, stdout=subprocess.DEVNULL)
    return keeper, run


def copy_to(place: Path) -> None:
    """Put a copy of the run there."""
    shutil.copytree(_made()[1], place)


def link_to(place: Path, changed: str) -> None:
    """As `copy_to`, in less time: only the file that is to be changed is a copy, all others are links."""
    shutil.copytree(_made()[1], place, copy_function=os.link)
    if (place / changed).exists():
        (place / changed).unlink()
        shutil.copy(_made()[1] / changed, place / changed)
