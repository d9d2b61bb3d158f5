"""Where the files of a run lie, and how they are read and written whole.

A run directory has everything needed to read the run later: manifest, effective scenario, plan,
events, samples, rates, summary and report. The tables are made by `testbed.record.merge`.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

from testbed.errors import ScenarioError
from testbed.record import checksums
from testbed.record.atomic import explained, replacing
from testbed.record.event import RecordedEvent, parse
from testbed.record.guest_files import remove
from testbed.text import quoted

RUNS = Path("runs")
"""Where runs are kept unless told otherwise, below the working directory."""

MANIFEST_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "testbed": str,
    "python": str,
    "scenario": str,
    "title": str,
    "seed": int,
    "venue": str,
    "kernel": dict,
    "variants": list,
    "settings": list,
    "duration_ns": int,
    "started_at": str,
    "wall_s": (int, float),
    "virtual_s": (int, float),
}
"""What every manifest has: versions, what was run, where, and how long it took."""

RECORDED = ("manifest.json", "scenario.yaml", "plan.txt", "events.jsonl", "samples.parquet", "rates.parquet")
"""What every run has that a report is made of; each has its checksum in SHA256SUMS."""
DECLARED, SUMMARY = "declared.json", "summary.json"
_WRITTEN = (*RECORDED, DECLARED, SUMMARY, "report.html", checksums.NAME)
_EVENT_KEYS: Mapping[str, type] = {"variant": str, "at_ns": int, "kind": str}
_FOLDERS = ("raw", "logs", "captures", "programs")
"""All that a run writes into its directory; see `RunDirectory.discard`."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One run on disk. Nothing is read or written except by the methods that say so."""

    path: Path
    made: tuple[Path, ...] = field(default=(), repr=False, compare=False)
    """The folders that were made for it, the innermost first; none of a run that was opened."""

    @classmethod
    def create(cls, scenario: str, seed: int, started_at: datetime, runs: Path = RUNS) -> Self:
        """Make a new directory below `runs`, named after the scenario, the seed and the second.

        Runs started in the same second get a number appended: making a directory either succeeds for
        one of them or fails, so no two share one.

        Raises:
            ScenarioError: The place cannot be written.
        """
        name = f"{scenario}-{seed}-{started_at:%Y%m%dT%H%M%S}"
        with explained("make a run directory below", runs):
            made = _make_folders(runs)
            for attempt in count(1):
                path = runs / (name if attempt == 1 else f"{name}-{attempt}")
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                return cls(path.absolute(), (path.absolute(), *made))
        raise AssertionError("unreachable: count() does not end")

    @classmethod
    def create_at(cls, out: Path) -> Self:
        """Use a directory named by the user, which must not exist or be empty.

        Raises:
            ScenarioError: It holds something already, or cannot be written.
        """
        with explained("use as the run directory", out):
            made = _make_folders(out)
            if any(out.iterdir()):
                raise ScenarioError(
                    f"{out} is not empty; name a new directory for the run, or empty this one"
                )
            if not os.access(out, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(out))
        return cls(out.absolute(), made)

    @classmethod
    def open(cls, name: str | Path, runs: Path = RUNS) -> Self:
        """Open an existing run by its path, or by its name below `runs`.

        Raises:
            ScenarioError: There is no such directory, or it is not that of a complete run.
        """
        with explained("look for a run at", Path(name)):
            path = next((place for place in (Path(name), runs / name) if place.is_dir()), None)
        if path is None:
            raise ScenarioError(f"there is no run {str(name)!r}, neither as a directory nor below {runs}/")
        run = cls(path.absolute())
        run.manifest()
        for needed in (run.events_path, run.samples_path, run.rates_path):
            if not needed.is_file():
                raise ScenarioError(
                    f"{path} is not a complete run: it has no {needed.name}; the run may have been stopped"
                )
        if run.has_checksums():
            run._verify(RECORDED)
        return run

    def has_checksums(self) -> bool:
        """Whether it can be told if its files are as they were written; runs of early versions have none."""
        return (self.path / checksums.NAME).is_file()

    def require_finished(self) -> None:
        """See that the run is whole, with its summary, and as it was written.

        Raises:
            ScenarioError: It is not; the message names the file.
        """
        self._verify((*RECORDED, SUMMARY))

    def _verify(self, names: Sequence[str]) -> None:
        has_declared = os.path.lexists(self.declared_path) or DECLARED in checksums.recorded(self.path)
        checksums.require(self.path, (*names, DECLARED) if has_declared else names)

    def discard(self) -> None:
        """Remove what a run has written here, and the folders that were made for it if they are empty then.

        What somebody has put there meanwhile stays, and so does a folder that was there before.
        """
        with explained("remove the interrupted run in", self.path):
            for name in _WRITTEN:
                (self.path / name).unlink(missing_ok=True)
            for name in _FOLDERS:
                remove(self.path / name)
            for folder in self.made:
                try:
                    folder.rmdir()
                except OSError:
                    break

    @property
    def manifest_path(self) -> Path:
        """What was run, with which versions."""
        return self.path / "manifest.json"

    @property
    def scenario_path(self) -> Path:
        """The effective scenario, with the settings of the command line in it."""
        return self.path / "scenario.yaml"

    @property
    def declared_path(self) -> Path:
        """The networks, conditions and expectations as values, for the report."""
        return self.path / DECLARED

    @property
    def plan_path(self) -> Path:
        """The network of each variant as text."""
        return self.path / "plan.txt"

    @property
    def events_path(self) -> Path:
        """Everything that happened, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def samples_path(self) -> Path:
        """Every packet and frame, when it was sent and received."""
        return self.path / "samples.parquet"

    @property
    def rates_path(self) -> Path:
        """Rates allocated, asked for and used along the run."""
        return self.path / "rates.parquet"

    @property
    def summary_path(self) -> Path:
        """The numbers of the run as one JSON object."""
        return self.path / "summary.json"

    @property
    def report_path(self) -> Path:
        """The report to look at."""
        return self.path / "report.html"

    def log_path(self, variant: str) -> Path:
        """The console of the variant."""
        return self.path / "logs" / f"{variant}.log"

    def captures_path(self, variant: str) -> Path:
        """The packets captured in a variant, a pcapng file for each station; there only if any were."""
        return self.path / "captures" / variant

    def programs_path(self, variant: str) -> Path:
        """What the user's own programs of a variant wrote, NAME.out and NAME.err, if there were any."""
        return self.path / "programs" / variant

    def raw_path(self, variant: str) -> Path:
        """Where the programs of a variant write while it runs; gone after the merge."""
        return self.path / "raw" / variant

    def manifest(self) -> dict[str, Any]:
        """Read the manifest.

        Raises:
            ScenarioError: There is none, or it is damaged.
        """
        manifest = self._read_object(self.manifest_path)
        missing = [key for key in MANIFEST_KEYS if key not in manifest]
        if missing:
            raise ScenarioError(f"{self.manifest_path} is damaged: it lacks {', '.join(missing)}")
        for key, kind in MANIFEST_KEYS.items():
            if not isinstance(manifest[key], kind) or isinstance(manifest[key], bool):
                raise ScenarioError(f"{self.manifest_path} is damaged: {key} is {quoted(manifest[key])}")
        return manifest

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write the manifest and the checksums, with which the run is whole; see `MANIFEST_KEYS`."""
        self._write_object(self.manifest_path, manifest)
        present = [name for name in (*RECORDED, DECLARED, SUMMARY) if (self.path / name).is_file()]
        checksums.write(self.path, present)

    def summary(self) -> dict[str, Any]:
        """Read the summary; ScenarioError if there is none or it is damaged."""
        return self._read_object(self.summary_path)

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the summary, and its checksum."""
        self._write_object(self.summary_path, summary)
        checksums.renew(self.path, SUMMARY)

    def events(self) -> list[RecordedEvent]:
        """Read all events, in order of variant and instant; ScenarioError if a line is damaged."""
        return list(self._events())

    def _events(self) -> Iterator[RecordedEvent]:
        with explained("read", self.events_path), self.events_path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise ScenarioError(f"{self.events_path}:{number} is not an event: {error}") from error
                if not isinstance(found, dict) or any(
                    not isinstance(found.get(key), kind) for key, kind in _EVENT_KEYS.items()
                ):
                    raise ScenarioError(
                        f"{self.events_path}:{number} is not an event: it has no {', '.join(_EVENT_KEYS)}"
                    )
                variant, at_ns = found.pop("variant"), found.pop("at_ns")
                try:
                    yield RecordedEvent(variant, at_ns, parse(found))
                except ValueError as error:
                    raise ScenarioError(f"{self.events_path}:{number} is damaged: {error}") from error

    def _read_object(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise ScenarioError(f"{self.path} is not a run directory: it has no {path.name}")
        try:
            with explained("read", path):
                found = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ScenarioError(f"{path} is damaged: {error}") from error
        if not isinstance(found, dict):
            raise ScenarioError(f"{path} is damaged: it holds no JSON object")
        return found

    def _write_object(self, path: Path, value: dict[str, Any]) -> None:
        with replacing(path) as draft:
            text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
            # A path that is no UTF-8 has lone surrogates, which JSON writes as escapes of the same form.
            draft.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _make_folders(path: Path) -> tuple[Path, ...]:
    """Make a folder and those above it that are missing; which were made, the innermost first."""
    missing = [each for each in (path.absolute(), *path.absolute().parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return tuple(missing)
