"""Several runs held against the first: which streams they share, and by how much each differs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from testbed.errors import ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.report.frames import samples, streams
from testbed.report.metrics import StreamMetrics, stream_metrics
from testbed.sweep.statistics import Estimate, StreamDelays, differences

PER_MILLE = {"p50": 500, "p95": 950, "p99": 990}
"""The percentiles of which differences are told; of a maximum there can be no interval."""
SEED = 1
"""Of the bootstrap: the same runs give the same page."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The name of a stream of packets."""

    variant: str
    session: str
    measure: str
    direction: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One stream in one run: its numbers, its delays, and how it differs from the first run's."""

    metrics: StreamMetrics
    delays: StreamDelays
    differences: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, as (label, directory), and every stream that at least two of them have, by label."""

    runs: tuple[tuple[str, RunDirectory], ...]
    streams: dict[Stream, dict[str, Compared]]


def compared(runs: Sequence[RunDirectory]) -> Comparison:
    """Hold the runs against the first.

    Raises:
        ScenarioError: They are fewer than two, of two venues, damaged, or share no stream.
    """
    if len(runs) < 2:
        raise ScenarioError("a comparison needs two runs at least; `testbed report` is about one")
    _require_one_venue(runs)
    labels = _labels(runs)
    found = {label: _streams(run) for label, run in zip(labels, runs, strict=True)}
    every = dict.fromkeys(stream for of_run in found.values() for stream in of_run)
    shared = [stream for stream in every if sum(stream in of_run for of_run in found.values()) > 1]
    if not shared:
        variants = "; ".join(
            f"{label} has {', '.join(dict.fromkeys(stream.variant for stream in of_run))}"
            for label, of_run in found.items()
        )
        raise ScenarioError(
            f"these runs have no stream of packets in common to compare; their variants: {variants}"
        )
    return Comparison(
        tuple(zip(labels, runs, strict=True)), {stream: _against_first(stream, found) for stream in shared}
    )


def _require_one_venue(runs: Sequence[RunDirectory]) -> None:
    """Numbers of a machine's own clock and of virtual time must never stand side by side."""
    venues = {run.path.name: run.manifest()["venue"] for run in runs}
    if len(set(venues.values())) > 1:
        said = ", ".join(f"{name} is {venue}" for name, venue in venues.items())
        raise ScenarioError(
            f"runs of different venues are not compared: {said}; run all of them in the same venue"
        )


def of_other_versions(comparison: Comparison) -> list[str]:
    """Warnings: the packages that runs have used in different versions, so that they may differ by these."""
    used: dict[str, dict[str, str]] = {}
    for label, run in comparison.runs:
        for each in run.manifest().get("extensions", ()):
            used.setdefault(each["distribution"], {})[label] = each["version"]
    return [
        f"{name} is not the same in all of these runs: "
        + ", ".join(f"{version} in {label}" for label, version in versions.items())
        for name, versions in used.items()
        if len(set(versions.values())) > 1
    ]


def _labels(runs: Sequence[RunDirectory]) -> list[str]:
    """The shortest names that tell the runs apart: folders, with those above them as far as needed."""
    paths = [run.path.parts for run in runs]
    if len(set(paths)) < len(paths):
        raise ScenarioError("a run is named twice; a run does not differ from itself")
    depth = 1
    while len({path[-depth:] for path in paths}) < len(paths):
        depth += 1
    return ["/".join(path[-depth:]) for path in paths]


def _streams(run: RunDirectory) -> dict[Stream, tuple[StreamMetrics, StreamDelays]]:
    return {
        Stream(*name): (stream_metrics(packets), _delays(packets)) for name, packets in streams(samples(run))
    }


def _delays(packets: pd.DataFrame) -> StreamDelays:
    arrived = packets[packets["delay_ns"].notna()]
    return StreamDelays(
        arrived["sent_at_ns"].to_numpy(dtype=np.int64), arrived["delay_ns"].to_numpy(dtype=np.int64)
    )


def _against_first(
    stream: Stream, found: dict[str, dict[Stream, tuple[StreamMetrics, StreamDelays]]]
) -> dict[str, Compared]:
    """The stream in every run that has it; without it in the first run there are no differences."""
    base = next(iter(found.values())).get(stream)
    rows = {}
    for index, (label, of_run) in enumerate(found.items()):
        if stream in of_run:
            metrics, delays = of_run[stream]
            differs = {}
            if index and base is not None:
                differs = differences(base[1], delays, PER_MILLE, seed=SEED)
            rows[label] = Compared(metrics, delays, differs)
    return rows
