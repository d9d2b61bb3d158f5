"""Doing what a document says: its files saved, its commands run in its order, in a folder of its own.

A reader stands in the clone with the virtual environment. So does this, in a folder with links to the
project's folders, and with programs of its own in `.venv/bin` that lead to this interpreter's.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from documents.pages import PROJECT, Block, Output, Step, is_named, steps, title
from documents.table import Elsewhere, Instead, Left, Served, treatment

MOST_S = 900
"""For one command. None takes a tenth of this, so that it ends what hangs and nothing else."""
_LAST_LINES = 25
_PROGRAMS = {
    "testbed": ["-c", "import sys; from testbed.cli import main; sys.exit(main())"],
    "python": [],
    "pytest": ["-m", "pytest", "-p", "no:cacheprovider"],
    "ruff": ["-m", "ruff"],
}
_INTERRUPTED = (0, 130)
EXAMPLE = PROJECT / "README.md"
"""Its files are there on every page that does not show others under their names."""


@dataclass(slots=True)
class Course:
    """What came of a page: faults in words, what was printed for each output, and what was left out, why."""

    faults: list[str] = field(default_factory=list)
    printed: list[tuple[Output, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ended:
    status: int
    stdout: str
    stderr: str

    @property
    def last(self) -> str:
        return "\n".join((self.stdout + self.stderr).splitlines()[-_LAST_LINES:])


def follow(page: Path, folder: Path) -> Course:
    """Do what a page says, all of it, in a folder that is empty at first."""
    found = steps(page.read_text(encoding="utf-8"))
    _prepare(folder)
    for step in reversed([*steps(EXAMPLE.read_text(encoding="utf-8")), *found]):
        if step.saved and step.saved.name:
            _save(step.saved, folder / step.saved.name)
    course = Course()
    for number, step in enumerate(found):
        _take(step, number, found, folder, course, title(page))
    return course


def _take(step: Step, number: int, found: list[Step], folder: Path, course: Course, page: str) -> None:
    """One step: saved, run, or left to who else runs it."""
    place = f"{page}:{step.line}: {step.title}"
    line = None
    if step.saved:
        name = step.saved.name or f"block{number}.yaml"
        _save(step.saved, folder / name)
        if step.saved.language == "yaml" and not is_named(name, found):
            line = f"testbed run {name}"
    elif step.program:
        name = f"program{number}.py"
        _save(step.program, folder / name)
        line = f"python {name}"
    elif step.command:
        try:
            how = treatment(step.command)
        except LookupError as unknown:
            course.faults.append(f"{place}: {unknown}")
            return
        if isinstance(how, Elsewhere | Left):
            course.left.append(f"{place}: {how.reason}")
            if step.output:
                course.faults.append(f"{place}: has an output, and is not run here")
            return
        if isinstance(how, Served):
            _judge(_served(step.command.text, folder), _INTERRUPTED, place, course)
            return
        line = how.text if isinstance(how, Instead) else step.command.text
    if line is None:
        return
    ended = _run(line, folder)
    _judge(ended, (step.command.status if step.command else 0,), place, course)
    if step.output:
        course.printed.append((step.output, (ended.stdout or ended.stderr).replace(str(folder), "~/testbed")))


def _judge(ended: _Ended, expected: tuple[int, ...], place: str, course: Course) -> None:
    if ended.status not in expected:
        wanted = " or ".join(map(str, expected))
        course.faults.append(f"{place}: exit status {ended.status}, not {wanted}\n{ended.last}")


def _prepare(folder: Path) -> None:
    """The clone as a reader finds it, as far as commands look at it."""
    for each in PROJECT.iterdir():
        if each.is_dir() and not each.name.startswith((".", "_")) and each.name != "runs":
            (folder / each.name).symlink_to(each)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, arguments in _PROGRAMS.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments])} "$@"\n')
        program.chmod(0o755)


def _save(block: Block, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def _environment(folder: Path) -> dict[str, str]:
    """The same everywhere where it shows in what is printed."""
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    plain = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1", "PYTHONPATH": str(PROJECT)}
    return {**os.environ, "PATH": path, **plain}


def _started(line: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "-c", line],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _run(line: str, folder: Path) -> _Ended:
    process = _started(line, folder)
    try:
        stdout, stderr = process.communicate(timeout=MOST_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        stderr += f"\nstopped after {MOST_S} s; documents/table.py is the place to shorten it"
    return _Ended(process.returncode, stdout, stderr)


def _served(line: str, folder: Path) -> _Ended:
    """Start a server on any free port, wait until it serves, and interrupt it."""
    process = _started(f"exec {line} --listen 127.0.0.1:0", folder)
    patience = threading.Timer(MOST_S, os.killpg, (process.pid, signal.SIGKILL))
    patience.start()
    assert process.stdout is not None
    said = ""
    for text in process.stdout:
        said += text
        if "http://" in text:
            process.send_signal(signal.SIGINT)
            break
    stdout, stderr = process.communicate()
    patience.cancel()
    served = "http://" in said
    return _Ended(process.returncode if served else -1, said + stdout, stderr)
