"""The numbers of a run as one object: what `--json` prints and summary.json keeps."""

from collections.abc import Iterable, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pandas as pd

from testbed.applications.application import all_reports
from testbed.applications.quantity import MEASURES, Expectation, Reference
from testbed.model.base import Direction
from testbed.record.event import RecordedEvent
from testbed.record.run_directory import RunDirectory
from testbed.report import failures, timeline
from testbed.report.channels import (
    AdmissionSummary,
    ChannelSummary,
    summarise_admission,
    summarise_channels,
)
from testbed.report.expectations import Compared, Verdict, compare, judged
from testbed.report.frames import rates, samples, streams
from testbed.report.host_load import HostLoadSummary, host_load
from testbed.report.metrics import NOTHING, StreamMetrics, stream_metrics
from testbed.report.records import VariantRecords

Streams = dict[str, dict[str, StreamMetrics]]
"""The numbers of one measure: {session: {direction: numbers}}."""

_DIRECTIONS = {
    "probe": (Direction.DOWNSTREAM, Direction.UPSTREAM),
    "frame": (Direction.DOWNSTREAM,),
    "packet": (Direction.DOWNSTREAM,),
    "command": (Direction.UPSTREAM,),
}
"""Frames and their packets go down to the player, commands go up, probes go both ways; in a meeting there
are frames and packets upstream as well."""


class VariantSummary(TypedDict):
    """The numbers of one variant; measures, channels, jobs and flows by session, job or flow.

    What only a variant with such work or faults has is missing from others. Each kind of application adds
    keys of its own.
    """

    probes: Streams
    frames: Streams
    packets: Streams
    commands: Streams
    channels: dict[str, ChannelSummary]
    admission: AdmissionSummary
    jobs: dict[str, dict[str, str | None]]
    flows: dict[str, timeline.FlowSummary]
    placement: failures.PlacementSummary
    messages: NotRequired[Streams]
    first_tokens: NotRequired[Streams]
    tokens: NotRequired[Streams]
    answers: NotRequired[Streams]
    dispatches: NotRequired[Streams]
    combinations: NotRequired[Streams]
    exchanges: NotRequired[Streams]
    blocks: NotRequired[Streams]
    requests: NotRequired[Streams]
    recoveries: NotRequired[Streams]
    refused: NotRequired[list[failures.RefusalSummary]]
    faults: NotRequired[list[failures.FaultSummary]]
    recovered: NotRequired[list[failures.RecoverySummary]]
    gaps: NotRequired[list[failures.GapSummary]]
    queues: NotRequired[list[timeline.QueueSummary]]
    host_load: NotRequired[HostLoadSummary]


class Summary(TypedDict):
    """The whole run. `not_run` has the expectations on variants that were left out of the run.

    `host_doubts` are why the machine may not carry a run in real time, as was known before it.
    """

    scenario: str
    seed: int
    venue: str
    wall_s: float
    virtual_s: float
    wall_s_per_virtual_s: float | None
    run_dir: str
    variants: dict[str, VariantSummary]
    expectations: list[Verdict]
    not_run: list[str]
    references: list[Compared]
    host_doubts: NotRequired[list[str]]


def summarise(
    run: RunDirectory, expectations: Iterable[Expectation], references: Iterable[Reference]
) -> Summary:
    """Work out the summary from the files of the run.

    Raises:
        ScenarioError: The run directory is damaged.
    """
    manifest = run.manifest()
    packets, sampled, events = samples(run), rates(run), run.events()
    variants = {
        name: _variant(
            packets[packets["variant"] == name],
            sampled[sampled["variant"] == name],
            timeline.of_variant(events, name),
            manifest["duration_ns"],
        )
        for name in manifest["variants"]
    }
    verdicts, not_run = judged(expectations, variants)
    wall_s, virtual_s = manifest["wall_s"], manifest["virtual_s"]
    doubts = manifest.get("host", {}).get("doubts")
    summary = Summary(
        scenario=manifest["scenario"],
        seed=manifest["seed"],
        venue=manifest["venue"],
        wall_s=wall_s,
        virtual_s=virtual_s,
        wall_s_per_virtual_s=round(wall_s / virtual_s, 3) if virtual_s else None,
        run_dir=str(run.path),
        variants=variants,
        expectations=verdicts,
        not_run=not_run,
        references=[
            compare(reference, variants) for reference in references if reference.variant in variants
        ],
    )
    if doubts:
        summary["host_doubts"] = doubts
    return summary


def all_hold(summary: Summary) -> bool:
    """Whether every expectation that was judged holds; a run without any holds."""
    return all(verdict["holds"] for verdict in summary["expectations"])


def _variant(
    packets: pd.DataFrame, sampled: pd.DataFrame, events: Sequence[RecordedEvent], end_ns: int
) -> VariantSummary:
    by_measure: dict[str, Streams] = {MEASURES[measure].key: {} for measure in _DIRECTIONS}
    for (_, session, measure, direction), of_stream in streams(packets):
        sessions = by_measure.setdefault(MEASURES[measure].key, {})
        sessions.setdefault(session, {})[direction] = stream_metrics(of_stream)
    flows, channels, jobs = timeline.flows(events), timeline.channels(events, end_ns), timeline.jobs(events)
    for measure, directions in _DIRECTIONS.items():
        sessions = by_measure[MEASURES[measure].key]
        sessions |= {name: _complete(sessions[name], directions) for name in sessions if name not in flows}
    numbers = VariantSummary(
        probes=by_measure.pop("probes"),
        frames=by_measure.pop("frames"),
        packets=by_measure.pop("packets"),
        commands=by_measure.pop("commands"),
        channels=summarise_channels(channels, packets, sampled),
        admission=summarise_admission(channels, sampled),
        jobs=jobs,
        flows=flows,
        placement=failures.placement(events, jobs),
    )
    further = {**by_measure, **_work(packets, sampled, events)}
    return cast("VariantSummary", {**numbers, **{key: value for key, value in further.items() if value}})


def _work(packets: pd.DataFrame, sampled: pd.DataFrame, events: Sequence[RecordedEvent]) -> dict[str, Any]:
    """What nodes did and what broke, by the keys of the summary; empty where there is nothing."""
    faults = failures.faults(events)
    data = VariantRecords(packets, sampled, events, faults)
    return {
        **{key: found for part in all_reports() for key, found in part.summarise(data).items()},
        "refused": failures.refusals(events),
        "faults": faults,
        "recovered": failures.recoveries(events),
        "gaps": failures.gaps(events),
        "queues": timeline.queues(events),
        "host_load": host_load(events),
    }


def _complete(found: dict[str, StreamMetrics], directions: Iterable[Direction]) -> dict[str, StreamMetrics]:
    """A session with every direction of a measure, so that a silent stream is seen and not missed."""
    return {direction.value: NOTHING for direction in directions} | found
