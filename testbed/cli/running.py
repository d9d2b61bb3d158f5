"""A run from the user's side: all its variants in a venue, and the run directory they end up in."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.cli.interrupts import held
from testbed.errors import InvariantError, ScenarioError, TestbedError, error_of
from testbed.lifeline import tied
from testbed.plan.make import make_plan
from testbed.plan.plan_text import plan_text
from testbed.record.atomic import explained
from testbed.record.guest_files import keep, remove
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile
from testbed.scenario.extensions import origins
from testbed.venue.launch import stop_on_terminate
from testbed.venue.registry import default_venue, find_venue, venue_class
from testbed.venue.venue import SCENARIO_FILE, STALL_LIMIT_S, WALL_LIMIT_S
from testbed.venue.virtual import CONSOLE_NAME

LAUNCHER = (sys.executable, "-m", "testbed.venue.launcher")
"""The launcher as a command, before its arguments."""
_STOP_S = 5.0
"""How long a variant may take to stop in order."""

ShowProgress = Callable[[str, int, int, str], None]
"""Told a variant, the virtual time it has reached, the whole, and what it is doing."""


def run_scenario(
    scenario_file: ScenarioFile,
    *,
    venue: str | None = None,
    out: Path | None = None,
    settings: Sequence[str] = (),
    show: ShowProgress = lambda *_: None,
    begun: Callable[[RunDirectory], None] = lambda _run: None,
    wall_limit_s: float = WALL_LIMIT_S,
    stall_limit_s: float = STALL_LIMIT_S,
    side_by_side: int | None = None,
    force: bool = False,
) -> RunDirectory:
    """Run every variant of a scenario and gather what they recorded; there is no report yet.

    Variants run side by side, one for each core unless told otherwise, if the venue allows it; one after
    another if they would disturb each other. `begun` is called with the run directory when only the scenario
    and the plan are in it. The host venue refuses what the machine cannot carry in real time, unless `force`
    is given.

    Raises:
        TestbedError: The venue is not ready, or a variant failed. The run directory stays, with its logs.
    """
    venue = venue or default_venue()
    venue_facts = require_venue(venue, scenario_file, force=force)
    seed = next(iter(scenario_file.variants.values())).seed
    started_at, began_s = datetime.now(), time.monotonic()
    variants = list(scenario_file.variants)
    at_once = min(len(variants), side_by_side or os.cpu_count() or 1) if find_venue(venue).parallel else 1
    run: RunDirectory | None = None
    try:
        with held():
            run = new_run(scenario_file, out, started_at)
        begun(run)
        running = _Variants(run, scenario_file, venue, (wall_limit_s, stall_limit_s), show)
        try:
            running.run_all(at_once)
        except TestbedError:
            keep_outputs(run, variants)
            raise
        finally:
            keep_logs(run, variants)
        wall_s = time.monotonic() - began_s
        gather(run, scenario_file)
        facts = {"seed": seed, "venue": venue, "settings": list(settings)}
        times = {"started_at": started_at.isoformat(timespec="seconds"), "wall_s": round(wall_s, 3)}
        run.write_manifest({**identity(scenario_file), **facts, **venue_facts, **times})
    except (KeyboardInterrupt, SystemExit):
        # Half a run is of no use to anybody; after an error it stays, to look into.
        if run is not None:
            run.discard()
        raise
    return run


def gather(run: RunDirectory, scenario_file: ScenarioFile) -> None:
    """Make the tables of what was recorded, and write down what a report says besides its numbers."""
    with held():
        # Arrow, numpy and pandas are loaded by those who have run something, not by those who check a file.
        from testbed.record.merge import merge
        from testbed.report.declared import Declared

    merge(run, [*scenario_file.variants])
    Declared.of(
        scenario_file.variants,
        scenario_file.networks,
        scenario_file.expectations,
        scenario_file.references,
    ).write(run)


def new_run(scenario_file: ScenarioFile, out: Path | None, started_at: datetime) -> RunDirectory:
    """A run directory with the scenario and the plan in it; `out`, or a new one below `runs`.

    Raises:
        ScenarioError: The place is in use or cannot be written; nothing is left there then.
    """
    seed = next(iter(scenario_file.variants.values())).seed
    run = RunDirectory.create_at(out) if out else RunDirectory.create(scenario_file.name, seed, started_at)
    try:
        with explained("write the scenario and its plan into", run.path):
            run.scenario_path.write_text(scenario_file.text, encoding="utf-8")
            run.plan_path.write_text(plan_texts(scenario_file), encoding="utf-8")
    except ScenarioError:
        run.discard()
        raise
    return run


def identity(scenario_file: ScenarioFile) -> dict[str, Any]:
    """What was run, by what, and how much virtual time it takes: the part of a manifest known before."""
    durations_ns = [scenario.duration_ns for scenario in scenario_file.variants.values()]
    return {
        "testbed": __version__,
        "python": platform.python_version(),
        "scenario": scenario_file.name,
        "title": scenario_file.title,
        "variants": list(scenario_file.variants),
        "duration_ns": max(durations_ns),
        "virtual_s": round(sum(durations_ns) / 1e9, 3),
        "extensions": [asdict(origin) for origin in origins(scenario_file.variants.values())],
    }


def plan_texts(scenario_file: ScenarioFile) -> str:
    """The network of every variant; once, where they are the same."""
    texts = {
        variant: plan_text(
            make_plan(
                scenario_file.networks[variant],
                scenario.access,
                scenario.pon,
                orders=scenario.northbound is not None,
            )
        )
        for variant, scenario in scenario_file.variants.items()
    }
    if len(set(texts.values())) == 1:
        return f"variants {', '.join(texts)}\n" + next(iter(texts.values()))
    return "\n".join(f"variant {variant}\n{text}" for variant, text in texts.items())


def require_venue(venue: str, scenario_file: ScenarioFile, *, force: bool) -> dict[str, Any]:
    """See `Venue.require`."""
    return find_venue(venue).require(scenario_file, force=force)


def failure(run: RunDirectory, variant: str, status: int, reason: str) -> TestbedError:
    """The error for a variant whose program ended with an exit status other than 0."""
    kind = error_of(status)
    return kind(f"variant {variant}: {reason}\nIts console is kept in {run.log_path(variant)}")


class _Variants:
    """The processes of a run, one for each variant that is under way."""

    def __init__(
        self,
        run: RunDirectory,
        scenario_file: ScenarioFile,
        venue: str,
        limits_s: tuple[float, float],
        show: ShowProgress,
    ) -> None:
        self._run, self._file, self._venue = run, scenario_file, venue
        self._limits_s, self._show = limits_s, show
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[str]] = []
        self._stopping = False

    def run_all(self, side_by_side: int) -> None:
        """Run every variant, so many at a time; if one fails or we are to stop, all of them end."""
        with stop_on_terminate(), ThreadPoolExecutor(side_by_side) as pool:
            try:
                # As they end, not as they were started: whichever fails first ends all of them at once.
                for future in as_completed([pool.submit(self.run, each) for each in self._file.variants]):
                    future.result()
            except BaseException:
                self.stop()
                raise

    def run(self, variant: str) -> None:
        """Run one variant to its end; the thread that calls reads its progress."""
        folder = self._run.raw_path(variant)
        with explained("write the scenario of a variant into", folder):
            folder.mkdir(parents=True)
            (folder / SCENARIO_FILE).write_text(self._file.text, encoding="utf-8")
        seed = str(self._file.variants[variant].seed)
        command = [*LAUNCHER, str(folder), variant, seed, venue_class(self._venue), *map(str, self._limits_s)]
        with self._lock:
            if self._stopping:
                return
            # A session of its own: Ctrl-C reaches us alone, and we stop the variants in order.
            process = subprocess.Popen(
                tied(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            self._processes.append(process)
        said: dict[str, Any] = {}
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "reached_ns" in said:
                self._show(variant, said["reached_ns"], said["of_ns"], said["text"])
        status = process.wait()
        remove(folder / SCENARIO_FILE)
        if status and not self._stopping:
            reason = said.get("error", f"its process ended with status {status}")
            raise failure(self._run, variant, status, reason)

    def stop(self) -> None:
        """End every variant, and wait until nothing of it is left."""
        with self._lock:
            self._stopping = True
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                # The kernel dies with the process that started it, however that ends.
                process.kill()
                process.wait()


def keep_logs(run: RunDirectory, variants: Sequence[str]) -> None:
    """Move the consoles from the raw records to where they stay."""
    for variant in variants:
        with explained("keep the console of a variant in", run.path), suppress(FileNotFoundError):
            keep(run.raw_path(variant) / CONSOLE_NAME, run.log_path(variant))


def keep_outputs(run: RunDirectory, variants: Sequence[str]) -> None:
    """Move what the user's programs have written so far to where it stays, after a run that failed.

    What is no regular file stays where it is: of a run that has failed already, that is no second error.
    """
    for variant in variants:
        raw = run.raw_path(variant)
        for path in sorted([*raw.glob("*.out"), *raw.glob("*.err")]):
            with suppress(InvariantError, FileNotFoundError):
                keep(path, run.programs_path(variant) / path.name)
