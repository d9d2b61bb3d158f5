"""Turns what the programs of each variant wrote into the events, samples and rates of the run."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.errors import InvariantError
from testbed.record.atomic import explained, replacing
from testbed.record.directory import RunDirectory
from testbed.record.logs import EVENTS_FILE, RATES_FILE, json_line
from testbed.record.samples import JoinedStream, join, stream_names
from testbed.record.tables import rate_table, sample_table, write_table

_Objects = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Merged:
    """How much a run recorded, and what makes its numbers worth a second look."""

    events: int
    samples: int
    rates: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Variant:
    name: str
    events: _Objects
    rates: _Objects
    streams: tuple[JoinedStream, ...]
    warnings: tuple[str, ...]


def merge(run: RunDirectory, variants: Sequence[str]) -> Merged:
    """Write events.jsonl, samples.parquet and rates.parquet, then remove the raw files.

    Rows follow the order of `variants`. Each warning also becomes an event at the end of its variant.
    The raw files are removed last, so a merge that fails leaves everything to look into.

    Raises:
        InvariantError: A variant left no events, or its records contradict each other.
        ScenarioError: The run directory cannot be written, for want of space or permission.
    """
    with explained("read the raw records in", run.path):
        read = [_read(run.raw_path(variant), variant) for variant in variants]
    events = [event for variant in read for event in _events(variant)]
    with replacing(run.events_path) as draft, draft.open("w", encoding="ascii", newline="\n") as lines:
        lines.writelines(json_line(event) for event in events)
    samples = sample_table((variant.name, stream) for variant in read for stream in variant.streams)
    rates = rate_table([rate for variant in read for rate in _rates(variant)])
    write_table(samples, run.samples_path)
    write_table(rates, run.rates_path)
    with explained("keep the captures and the programs' output of", run.path):
        for variant in variants:
            _keep(run.raw_path(variant), run.captures_path(variant), "*.pcapng")
            _keep(run.raw_path(variant), run.programs_path(variant), "*.out", "*.err")
    with explained("remove the raw records in", run.path):
        shutil.rmtree(run.path / "raw")
    warnings = tuple(text for variant in read for text in variant.warnings)
    return Merged(len(events), samples.num_rows, rates.num_rows, warnings)


def _keep(raw: Path, kept: Path, *patterns: str) -> None:
    for path in sorted(path for pattern in patterns for path in raw.glob(pattern)):
        kept.mkdir(parents=True, exist_ok=True)
        path.rename(kept / path.name)


def _read(raw: Path, name: str) -> _Variant:
    if not (raw / EVENTS_FILE).is_file():
        raise InvariantError(
            f"variant {name!r} left no {EVENTS_FILE} in {raw}; its driver never started or could not write. "
            f"See logs/{name}.log in the run directory"
        )
    events, event_warnings = _objects(raw / EVENTS_FILE)
    rates, rate_warnings = _objects(raw / RATES_FILE)
    streams = tuple(join(raw, stream) for stream in stream_names(raw))
    stream_warnings = (text for stream in streams for text in stream.warnings)
    return _Variant(name, events, rates, streams, (*event_warnings, *rate_warnings, *stream_warnings))


def _objects(path: Path) -> tuple[_Objects, list[str]]:
    """The objects of a line log, and a warning if its last line was cut off; no file is no objects."""
    if not path.exists():
        return [], []
    *lines, rest = path.read_text(encoding="ascii").split("\n")
    objects = [_object(path, number, line) for number, line in enumerate(lines, start=1)]
    if not rest:
        return objects, []
    return objects, [
        f"{path.parent.name}/{path.name}: the last line is cut off, as when a program is killed; "
        f"the {len(lines)} whole lines are used"
    ]


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InvariantError(f"{path}:{number} is not a JSON object: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("at_ns"), int):
        raise InvariantError(f"{path}:{number} is not a JSON object with an instant at_ns: {line[:80]!r}")
    return found


def _events(variant: _Variant) -> _Objects:
    """The events in order of instant, those of one instant as they were written; then the warnings."""
    ordered = sorted(variant.events, key=lambda event: event["at_ns"])
    end_ns = ordered[-1]["at_ns"] if ordered else 0
    ordered += [{"at_ns": end_ns, "kind": "warning", "text": text} for text in variant.warnings]
    return [{"variant": variant.name, **event} for event in ordered]


def _rates(variant: _Variant) -> _Objects:
    rows = sorted(variant.rates, key=lambda rate: (rate["session"], rate["direction"], rate["at_ns"]))
    return [{"variant": variant.name, **rate} for rate in rows]
