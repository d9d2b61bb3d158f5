"""Every command with outputs that fail: full, closed, without a reader, or of too small an encoding."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robustness import finished_run, stand_ins
from robustness.command import Command, Ended, Streams

_NOT_WRITTEN = 2
_FULL = Path("/dev/full")


@dataclass(frozen=True, slots=True)
class Case:
    """A command, its status where all is well, and whether what it prints is its only result."""

    name: str
    arguments: tuple[str, ...]
    status: int
    tells: bool
    variant: str = "finish"
    saves: tuple[str, ...] = ()
    """Files that must be there afterwards, whatever became of the outputs."""


_RUN = ("summary.json", "report.html", "manifest.json")
_SAVED = tuple(f"out/{name}" for name in _RUN)
CASES = (
    Case("help", ("--help",), 0, True),
    Case("version", ("--version",), 0, True),
    Case("a wrong command line", ("rum",), 2, True),
    Case("list", ("list",), 0, True),
    Case("check", ("check", "net.yaml"), 0, True),
    Case("check of a wrong file", ("check", "wrong.yaml"), 2, True),
    Case("plan", ("plan", "net.yaml"), 0, True),
    Case("schema", ("schema",), 0, True),
    Case("schema --out", ("schema", "--out", "s.json"), 0, True, saves=("s.json",)),
    Case("report", ("report", "finished"), 1, True, saves=("finished/report.html",)),
    Case("report --json", ("report", "finished", "--json"), 1, True, saves=("finished/report.html",)),
    Case("report of no run", ("report", "nothing"), 2, True),
    Case("compare", ("compare", "finished", "other"), 0, True, saves=("compare.html",)),
    Case("run", ("run", "net.yaml", "--out", "out"), 0, False, saves=_SAVED),
    Case("run --json", ("run", "net.yaml", "--out", "out", "--json"), 0, False, saves=_SAVED),
    Case("run with a false expectation", ("run", "false.yaml", "--out", "out"), 1, False, saves=_SAVED),
    Case("run that fails", ("run", "net.yaml", "--out", "out"), 3, False, "fail", ("out/logs/default.log",)),
    Case("exec", ("exec", "net.yaml", "home1", "--out", "out", "--", "true"), 0, False),
    Case("sweep", ("sweep", "false.yaml", "--seeds", "2", "--jobs", "1", "--out", "out"), 0, False),
    Case("clean", ("clean",), 0, False),
)


@dataclass(frozen=True, slots=True)
class Sink:
    """Where both outputs go: `good` (a file), `full`, `closed`, or `gone` (a pipe without a reader)."""

    out: str
    err: str
    encoding: str = "utf-8"

    @property
    def label(self) -> str:
        return f"stdout {self.out}, stderr {self.err}, {self.encoding}"


_WAYS = ("good", "full", "closed", "gone")
SINKS = tuple(Sink(out, err) for out in _WAYS for err in _WAYS if (out, err) != ("good", "good"))
ENCODED = (Sink("good", "good", "ascii"), Sink("good", "good", "latin-1"))


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt and what was wrong with how it ended."""

    label: str
    faults: tuple[str, ...]


def attempts(cases: Sequence[Case], sinks: Sequence[Sink], folder_name: bytes = b"place") -> Iterator[Result]:
    """Every case with every sink, in a folder of this name."""
    for case in cases:
        for sink in sinks:
            with tempfile.TemporaryDirectory(prefix="attempt-") as made:
                place = Path(os.fsdecode(os.fsencode(made) + b"/" + folder_name))
                yield Result(
                    f"{case.name}, {sink.label}", tuple(_faults(case, sink, place, _end(case, sink, place)))
                )


def _end(case: Case, sink: Sink, place: Path) -> Ended:
    place.mkdir()
    (place / "net.yaml").write_text(stand_ins.SCENARIO)
    (place / "false.yaml").write_text(stand_ins.SCENARIO + stand_ins.EXPECTED)
    (place / "wrong.yaml").write_text(stand_ins.SCENARIO + "sead: 7\n")
    if case.name.startswith(("report", "compare")):
        finished_run.copy_to(place / "finished")
        finished_run.copy_to(place / "other")
    streams = Streams(place.parent / "out", place.parent / "err", sink.encoding)
    kept: list[int] = []
    streams.pipes = [
        _descriptor(way, path, kept) for way, path in ((sink.out, streams.out), (sink.err, streams.err))
    ]
    mark = place.parent / "mark"
    command = Command(case.arguments, place, lambda: stand_ins.install(mark, variant=case.variant), streams)
    for descriptor in kept:
        os.close(descriptor)
    return command.end()


def _descriptor(way: str, path: Path | None, kept: list[int]) -> int:
    """What a stream is put on; -1 for closed."""
    assert path is not None
    if way == "closed":
        return -1
    if way == "gone":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(path if way == "good" else _FULL, os.O_WRONLY | os.O_CREAT)
    kept.append(writing)
    return writing


def _faults(case: Case, sink: Sink, place: Path, ended: Ended) -> Iterator[str]:
    nothing_told = case.tells and sink.out in ("full", "closed") and _prints(case)
    wanted = (case.status or _NOT_WRITTEN) if nothing_told else case.status
    if ended.status != wanted:
        yield f"status {ended.status}, not {wanted}: {ended.err[-400:]}"
    if "Traceback" in ended.out + ended.err or "Exception ignored" in ended.err:
        yield f"a traceback: {(ended.out + ended.err)[-600:]}"
    told = sink.out in ("full", "closed") and sink.err == "good" and _prints(case) and case.status != 2
    if told and "standard output could not be written" not in ended.err:
        yield f"it is not said that standard output failed: {ended.err[-300:]}"
    for name in case.saves:
        if not (place / name).is_file():
            yield f"{name} was not saved"
    if ended.left:
        yield f"{ended.left} processes are left"


def _prints(case: Case) -> bool:
    """Whether anything goes to standard output where all is well."""
    return case.name not in ("schema --out", "a wrong command line", "run that fails", "report of no run")
