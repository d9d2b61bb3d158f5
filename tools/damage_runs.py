"""Damages run directories in every way and counts wrong endings: `python tools/damage_runs.py`.

`report` and `compare` are given a run in which one file is damaged: cut, flipped, deleted, a folder or a
device in its place, a value of the wrong type. They must end with 2 and a sentence that names the run, or, if
the file is not needed, as they do without the damage; never with a traceback, or with a verdict that is not
the run's. Half of the attempts have no SHA256SUMS, as runs of earlier versions: there, a value that fits
cannot be told from a damaged one, and only the ending is judged.

A finished run of a sweep is damaged in the same ways: it must be made anew.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robustness import damage, finished_run, stand_ins
from robustness.command import Command, Ended, Streams, adopt_orphans

_NEEDED = ("manifest.json", "scenario.yaml", "plan.txt", "declared.json", "events.jsonl", "samples.parquet")
_NEEDED = (*_NEEDED, "rates.parquet", "SHA256SUMS")
_WRITTEN = ("summary.json", "report.html")
_IN_SWEEPS = (*_NEEDED[:3], *_NEEDED[4:], "summary.json")
_NOBODY = 65534
_EVERY = 100
_COMMANDS = {"report": ("report", "run", "--json"), "compare": ("compare", "other", "run")}
_VERDICT = {"report": 1, "compare": 0}
"""How the commands end without damage: an expectation of the run does not hold."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A command, a file of its run, a way of damaging it, and whether the run has checksums."""

    command: str
    name: str
    way: damage.Way
    summed: bool

    @property
    def label(self) -> str:
        return f"{self.command}, {self.name} {self.way.name}{'' if self.summed else ', without checksums'}"


def attempts(draws: random.Random) -> Iterator[Attempt]:
    """All of them."""
    with tempfile.TemporaryDirectory() as made:
        run = Path(made) / "run"
        finished_run.copy_to(run)
        for summed in (True, False):
            for name in (*_NEEDED, *_WRITTEN):
                if name == "SHA256SUMS" and not summed:
                    continue
                ways = [*damage.WAYS]
                if name in ("manifest.json", "declared.json"):
                    ways += damage.values_of(run / name)
                if name == "events.jsonl":
                    ways += damage.events_of(run / name, draws, 40)
                for way in ways:
                    for command in _COMMANDS:
                        yield Attempt(command, name, way, summed)


def faults(attempt: Attempt, draws: random.Random) -> Iterator[str]:
    """What is wrong with how the command ended."""
    with tempfile.TemporaryDirectory(prefix="attempt-") as made:
        place = Path(made)
        as_nobody = attempt.way.name == "not to be read"
        for name in ("run", "other"):
            if as_nobody:
                finished_run.copy_to(place / name)
            else:
                finished_run.link_to(place / name, attempt.name)
        if not attempt.summed:
            (place / "run" / "SHA256SUMS").unlink()
        path = place / "run" / attempt.name
        if path.exists():
            attempt.way.damage(path, draws)
        ended = _end(_COMMANDS[attempt.command], place, as_nobody=as_nobody)
        if "Traceback" in ended.out + ended.err:
            yield f"a traceback: {ended.err[-500:]}"
        if ended.status not in _allowed(attempt):
            yield f"status {ended.status}: {ended.err[-400:]}"
        if ended.status == 2 and str(place) not in ended.err and "run" not in ended.err:
            yield f"the run is not named: {ended.err[-300:]}"


def _allowed(attempt: Attempt) -> tuple[int, ...]:
    verdict = _VERDICT[attempt.command]
    if attempt.name in _WRITTEN:
        # They are written anew, or something is in their place that must not be replaced.
        return (verdict, 2)
    if attempt.name == "SHA256SUMS":
        return (2, verdict) if attempt.way.name in _NO_FILE else (2,)
    if attempt.summed:
        return (2,)
    # A value of the wrong size may be one that the run could have had; its verdict is then whatever it is.
    return (0, 1, 2)


_NO_FILE = {"deleted", "a folder", "a FIFO", "a socket"} | {
    "a link to nothing",
    "a link to itself",
    "a link to /dev/zero",
}
"""Ways that leave no file: the run is then one without checksums."""


def _end(arguments: Sequence[str], place: Path, *, as_nobody: bool) -> Ended:
    streams = Streams(place / "out.txt", place / "err.txt")
    for path in (place / "out.txt", place / "err.txt"):
        path.touch()

    def prepare() -> None:
        stand_ins.install(place / "mark")
        if as_nobody and not os.geteuid():
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)

    if as_nobody:
        for path in (place, *place.rglob("*")):
            os.chown(path, _NOBODY, -1, follow_symlinks=False)
    return Command(arguments, place, prepare, streams).end()


def swept(
    names: Sequence[str], ways: Sequence[damage.Way], draws: random.Random
) -> Iterator[tuple[str, str]]:
    """A sweep of two runs, of which one is damaged after its end: it alone is made anew."""
    arguments = ("sweep", "net.yaml", "--seeds", "2", "--out", "out")
    for name in names:
        for way in ways:
            with tempfile.TemporaryDirectory(prefix="attempt-") as made:
                place = Path(made)
                (place / "net.yaml").write_text(stand_ins.SCENARIO)
                _end(arguments, place, as_nobody=False)
                started = (place / "started").read_text().splitlines()
                victim = place / "out" / "runs" / started[0] / name
                before = victim.read_bytes()
                way.damage(victim, draws)
                ended = _end(arguments, place, as_nobody=False)
                again = (place / "started").read_text().splitlines()[2:]
                label = f"sweep, {name} {way.name}"
                unchanged = victim.is_file() and not victim.is_symlink() and before == victim.read_bytes()
                wanted = [] if unchanged and not again else started[:1]
                told = (
                    ""
                    if again == wanted and ended.status == 0 and "Traceback" not in ended.err
                    else (f"made again: {again}, not {wanted}; status {ended.status}: {ended.err[-300:]}")
                )
                yield label, told


def main() -> int:
    """Make the attempts, print the faults as they come and then the counts; 1 if there was any fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="60 of the attempts and few in sweeps")
    parser.add_argument("--count", type=int, help="so many of the attempts, drawn by the seed (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="of what is flipped and drawn (default: 1)")
    options = parser.parse_args()
    adopt_orphans()
    stand_ins.imported()
    draws = random.Random(options.seed)
    chosen = list(attempts(draws))
    names, ways = _IN_SWEEPS, [way for way in damage.WAYS if way.name != "not to be read"]
    if options.short:
        names, ways = ("samples.parquet", "summary.json"), draws.sample(ways, 3)
    if options.short or options.count:
        chosen = draws.sample(chosen, min(len(chosen), options.count or 60))
    found = [(each.label, tuple(faults(each, draws))) for each in _told(chosen)]
    sweeps = list(swept(names, ways, draws))
    found += [(label, (fault,) if fault else ()) for label, fault in sweeps]
    for label, each in found:
        for fault in each:
            print(f"{label}: {fault}")
    failed = sum(bool(each) for _, each in found)
    print(f"{len(chosen)} damaged runs reported on, {len(sweeps)} in sweeps: {failed} failures")
    return 1 if failed else 0


def _told(chosen: Sequence[Attempt]) -> Iterator[Attempt]:
    """The attempts, with a line now and then of how many are made."""
    for number, attempt in enumerate(chosen):
        if number % _EVERY == 0:
            print(f"{number} of {len(chosen)} made", file=sys.stderr, flush=True)
        yield attempt


if __name__ == "__main__":
    sys.exit(main())
