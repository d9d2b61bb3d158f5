"""Where a sweep lies on disk, and which of its runs are finished.

There is no list of finished runs that could differ from what is there: a run is finished if and only if its
folder has a summary, which is written last, and all of its files are what their checksums say. So a sweep may
be killed at any instant and started again, and a run that was damaged since is never counted.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.errors import ScenarioError
from testbed.record.atomic import explained, replacing
from testbed.record.guest_files import remove
from testbed.record.run_directory import RunDirectory
from testbed.sweep.plan import SweepPlan

_PATIENCE_S = 30.0
"""How long the runs of a sweep that was killed may take to end; they notice at once."""
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class SweepDirectory:
    """One sweep on disk. Nothing is read or written except by the methods that say so."""

    path: Path

    @classmethod
    def begin(cls, path: Path, plan: SweepPlan) -> "SweepDirectory":
        """The folder for a sweep: a new or empty one, or the one in which this very sweep was begun.

        Raises:
            ScenarioError: It holds a different sweep or anything else, or cannot be written.
        """
        found = cls(path.absolute())
        with explained("use as the sweep's directory", path):
            path.mkdir(parents=True, exist_ok=True)
            others = [each.name for each in path.iterdir() if not each.name.startswith(".")]
        wanted = plan.description()
        if found._description_path.is_file():
            found._require_same(wanted)
        elif others:
            raise ScenarioError(
                f"{path} is not empty and has no sweep in it; name a new directory with --out"
            )
        else:
            with replacing(found._description_path) as draft:
                text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
                draft.write_text(text, encoding="utf-8", errors="backslashreplace")
        return found

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the sweep alone; gives the descriptor that holds it, for runs to hold it as long as they last.

        Raises:
            ScenarioError: Another program is at work in it.
        """
        with explained("lock", self.path / ".lock"):
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(descriptor, self.path)
            yield descriptor
        finally:
            os.close(descriptor)

    def run(self, name: str) -> RunDirectory:
        """The run directory of one run."""
        return RunDirectory(self.path / "runs" / name)

    def is_finished(self, name: str) -> bool:
        """Whether a run is there whole, with every file as it was written."""
        return self.was_begun(name) and self.fault(name) is None

    def was_begun(self, name: str) -> bool:
        """Whether anything of a run is there that claims to be finished."""
        with explained("look for", self.run(name).path):
            return os.path.lexists(self.run(name).summary_path)

    def fault(self, name: str) -> str | None:
        """Why a run is not finished, naming the file; None if it is."""
        try:
            self.run(name).require_finished()
        except ScenarioError as error:
            return str(error)
        return None

    def clear(self, name: str) -> None:
        """Remove what an unfinished or failed run left."""
        with explained("empty", self.run(name).path):
            remove(self.run(name).path)
            self.log_path(name).unlink(missing_ok=True)
            self.log_path(name).parent.mkdir(exist_ok=True)
            self.run(name).path.parent.mkdir(exist_ok=True)

    def log_path(self, name: str) -> Path:
        """What a run's program printed; gone once the run is finished."""
        return self.path / "logs" / f"{name}.log"

    @property
    def numbers_path(self) -> Path:
        """The numbers of all runs as one table."""
        return self.path / "sweep.parquet"

    @property
    def report_path(self) -> Path:
        """The report to look at."""
        return self.path / "report.html"

    @property
    def _description_path(self) -> Path:
        return self.path / "sweep.json"

    def _require_same(self, wanted: dict[str, Any]) -> None:
        with explained("read", self._description_path):
            content = self._description_path.read_bytes()
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ScenarioError(f"{self._description_path} is damaged: {error}") from error
        differing = [key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]]
        if not differing:
            return
        key = differing[0]
        said = {
            "scenarios_sha256": "the scenario has changed since",
            "kernel": "the embedded kernel is another one now",
            "testbed": "it is of another version of the testbed",
        }.get(key, f"its {key} are {_short(found, key)}, not {json.dumps(wanted[key])}")
        raise ScenarioError(
            f"{self.path} holds a different sweep: {said}; name another directory with --out, or remove it"
        )


def _short(found: Any, key: str) -> str:
    return json.dumps(found.get(key) if isinstance(found, dict) else None)


def _lock(descriptor: int, path: Path) -> None:
    """Take the lock; the runs of a sweep that was just killed are given the time to end."""
    deadline_s, pause = time.monotonic() + _PATIENCE_S, threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise ScenarioError(
                    f"another testbed sweep is at work in {path}; wait for it, or name another directory"
                ) from None
            pause.wait(_POLL_S)
        else:
            return
