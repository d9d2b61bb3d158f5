"""Every signal that ends a command, in every phase of every command that takes time."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from robustness import finished_run, stand_ins
from robustness.command import PATIENCE_S, Command, Ended, Streams

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_CAUGHT = 1 << (signal.SIGTERM - 1)
"""The bit of SIGTERM in the mask of caught signals in /proc/PID/status."""
_OURS = "of the user"


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of one command, and how to have the command be in it.

    It pauses at a function, `at`, or a stand-in waits, `says` is on standard output, or the file that it
    `makes` is there.
    """

    command: str
    name: str
    arguments: tuple[str, ...]
    at: tuple[str, str] | None = None
    variant: str = "finish"
    network: str = ""
    says: str = ""
    makes: str = ""
    status: int | None = None
    """The documented status, if it is not 128 and the number of the signal."""

    @property
    def label(self) -> str:
        return f"{self.command}: {self.name}"


_RUN = ("run", "net.yaml", "--out", "out")
_EXEC = ("exec", "net.yaml", "home1", "--", "true")
_EXEC_OUT = ("exec", "../net.yaml", "home1", "--out", ".", "--", "true")
_SWEEP = ("sweep", "net.yaml", "--seeds", "2", "--out", "out")
_SERVE = ("serve", "net.yaml", "--venue", "host", "--listen", "127.0.0.1:0", "--out", "out")
_REPORT = ("report", "finished")
_COMPARE = ("compare", "finished", "other", "--out", "page.html")
_MERGE = ("testbed.record.merge", "merge")

PHASES = (
    Phase("run", "check", _RUN, ("testbed.cli.commands", "_loaded")),
    Phase("run", "venue", _RUN, ("testbed.cli.running", "require_venue")),
    Phase("run", "boot", _RUN, variant="boot"),
    Phase("run", "running", _RUN, variant="run"),
    Phase("run", "running in .", ("run", "../net.yaml", "--out", "."), variant="run"),
    Phase("run", "running in a new folder", ("run", "net.yaml", "--out", "new/er"), variant="run"),
    Phase("run", "gathering", _RUN, _MERGE),
    Phase("run", "reporting", _RUN, ("testbed.report", "write")),
    Phase("exec", "check", _EXEC, ("testbed.cli.execute", "load")),
    Phase("exec", "boot", _EXEC, variant="boot"),
    Phase("exec", "running", _EXEC, variant="run"),
    Phase("exec", "running in .", _EXEC_OUT, variant="run"),
    Phase("exec", "gathering", _EXEC, _MERGE),
    Phase("exec", "printing", _EXEC, ("testbed.cli.execute", "not_written")),
    Phase("sweep", "check", _SWEEP, ("testbed.cli.sweep", "make_plan")),
    Phase("sweep", "running", _SWEEP, variant="run"),
    Phase("sweep", "reporting", _SWEEP, ("testbed.report.numbers", "numbers")),
    Phase("serve", "check", _SERVE, ("testbed.cli.serve", "_checked")),
    Phase("serve", "boot", _SERVE, network="silent", makes="out/raw/default/events.jsonl", status=0),
    Phase("serve", "serving", _SERVE, says="look ", status=0),
    Phase("report", "verifying", _REPORT, ("testbed.record.checksums", "require")),
    Phase("report", "reporting", _REPORT, ("testbed.report", "write")),
    Phase("compare", "comparing", _COMPARE, ("testbed.cli.compare", "compared")),
)


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt and what was wrong with how the command ended; nothing if it ended as it must."""

    label: str
    signal: str
    faults: tuple[str, ...]


def attempts(phases: Sequence[Phase], *, every_signal: bool) -> Iterator[Result]:
    """Every phase with every signal, or with one of them each, in turn."""
    for number, phase in enumerate(phases):
        signums = SIGNALS if every_signal else (SIGNALS[number % len(SIGNALS)],)
        for signum in signums:
            yield Result(phase.label, signum.name, tuple(_attempt(phase, signum)))


def _attempt(phase: Phase, signum: signal.Signals) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="attempt-") as made:
        place, marks = Path(made) / "place", Path(made) / "marks"
        marks.mkdir()
        _prepare(place, phase)
        mark, streams = marks / "mark", Streams(marks / "out", marks / "err")

        def prepare() -> None:
            stand_ins.install(mark, variant=phase.variant, network=phase.network)
            if phase.at:
                stand_ins.pause(*phase.at, mark)

        before = _listing(place)
        command = Command(phase.arguments, place, prepare, streams)
        if not command.reaches(lambda: _is_there(phase, place, mark, streams)):
            ended = command.end()
            yield f"it ended before it was there, with status {ended.status}: {ended.err[-300:]}"
            return
        if "out" in phase.arguments and (place / "out").is_dir():
            (place / "out" / "meanwhile").write_text(_OURS)
        command.send(signum)
        yield from _faults(phase, signum, command.end())
        yield from _removed(place, before)
        if phase.command in ("run", "exec") and phase.name != "reporting":
            yield from _left(place, before)


def _prepare(place: Path, phase: Phase) -> None:
    """A user's folder: a scenario, a finished run, and an empty folder for the output.

    If the run is to be in the folder itself, the scenario is beside it.
    """
    place.mkdir()
    if "." in phase.arguments:
        (place.parent / "net.yaml").write_text(stand_ins.SCENARIO)
        return
    (place / "net.yaml").write_text(stand_ins.SCENARIO)
    (place / "out").mkdir()
    if phase.command in ("report", "compare"):
        for name in ("finished", "other"):
            finished_run.copy_to(place / name)


def _is_there(phase: Phase, place: Path, mark: Path, streams: Streams) -> bool:
    if phase.makes:
        return (place / phase.makes).exists()
    if phase.says:
        assert streams.out is not None
        return streams.out.is_file() and phase.says in streams.out.read_text(errors="replace")
    if phase.command == "sweep" and phase.variant == "run":
        return mark.with_name("started").is_file()
    return mark.exists()


def _faults(phase: Phase, signum: signal.Signals, ended: Ended) -> Iterator[str]:
    wanted = 128 + signum if phase.status is None else phase.status
    if ended.status != wanted:
        yield f"status {ended.status}, not {wanted}: {ended.err[-300:]}"
    if "Traceback" in ended.out + ended.err:
        yield f"a traceback: {ended.err[-600:]}"
    if phase.status is None:
        told = [line for line in ended.err.splitlines() if "nothing is left running" in line]
        if len(told) != 1:
            yield f"it is said in {len(told)} lines: {ended.err[-300:]}"
    if ended.left:
        yield f"{ended.left} processes are left"


def _listing(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")}


def _removed(place: Path, before: set[str]) -> Iterator[str]:
    """What of the user's is not there any more."""
    if gone := before - _listing(place):
        yield f"removed: {', '.join(sorted(gone))}"
    meanwhile = place / "out" / "meanwhile"
    if (place / "out").exists() and "out" in before and meanwhile.exists() and meanwhile.read_text() != _OURS:
        yield "a file that was put there meanwhile has changed"


def _left(place: Path, before: set[str]) -> Iterator[str]:
    """What of half a run is still there."""
    left = {path for path in _listing(place) - before if not path.endswith("meanwhile")}
    if left:
        yield f"left behind: {', '.join(sorted(left))}"


def starting(delays_s: Sequence[float]) -> Iterator[Result]:
    """The command as it is, in a Python of its own, which gets a signal while it imports.

    The first instant is that at which signals are taken; before, Python itself is starting.
    """
    for number, delay_s in enumerate(delays_s):
        signum = SIGNALS[number % len(SIGNALS)]
        code = "import sys; from testbed.cli import main; sys.exit(main())"
        with subprocess.Popen(
            [sys.executable, "-c", code, "plan", "cloud_gaming"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            _wait(lambda: _takes_signals(process.pid) or process.poll() is not None)
            time.sleep(delay_s)
            process.send_signal(signum)
            out, err = process.communicate(timeout=PATIENCE_S)
        ended = Ended(process.returncode, out, err, 0)
        phase = Phase("plan", f"importing, {delay_s * 1000:.0f} ms", (), status=None)
        # One that was quicker than the signal has ended well.
        faults = () if ended.status == 0 and not err else tuple(_faults(phase, signum, ended))
        yield Result(phase.label, signum.name, faults)


def _takes_signals(pid: int) -> bool:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) & _CAUGHT)
    return False


def _wait(reached: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not reached() and time.monotonic() < give_up_s:
        time.sleep(0.001)
