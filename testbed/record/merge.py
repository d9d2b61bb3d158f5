"""Turns what the programs of each variant wrote into the events, samples and rates of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.errors import InvariantError
from testbed.record.atomic import explained, replacing
from testbed.record.events import RunWarning
from testbed.record.guest_files import keep, read_bytes, remove
from testbed.record.logs import EVENTS_FILE, RATES_FILE, json_line, json_object
from testbed.record.run_directory import RunDirectory
from testbed.record.samples import JoinedStream, join, stream_names
from testbed.record.tables import rate_table, sample_table, write_table

_Objects = list[dict[str, Any]]

_A = {int: "a whole number", str: "a text"}
_EVENT: Mapping[str, type] = {"at_ns": int, "kind": str}
_RATE: Mapping[str, type] = {"at_ns": int, "session": str, "direction": str, "throughput_bps": int}
"""What every line has; programs of a run that are not ours may have written any."""


@dataclass(frozen=True, slots=True)
class Merged:
    """How much a run recorded, and what makes its numbers worth a second look."""

    events: int
    samples: int
    rates: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _VariantRecords:
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
        remove(run.path / "raw")
    warnings = tuple(text for variant in read for text in variant.warnings)
    return Merged(len(events), samples.num_rows, rates.num_rows, warnings)


def _keep(raw: Path, kept: Path, *patterns: str) -> None:
    for path in sorted(path for pattern in patterns for path in raw.glob(pattern)):
        keep(path, kept / path.name)


def _read(raw: Path, name: str) -> _VariantRecords:
    try:
        events, event_warnings = _objects(raw / EVENTS_FILE, _EVENT)
    except FileNotFoundError:
        raise InvariantError(
            f"variant {name!r} left no {EVENTS_FILE} in {raw}; its driver never started or could not write. "
            f"See logs/{name}.log in the run directory"
        ) from None
    try:
        rates, rate_warnings = _objects(raw / RATES_FILE, _RATE)
    except FileNotFoundError:
        rates, rate_warnings = [], []
    streams = tuple(join(raw, stream) for stream in stream_names(raw))
    stream_warnings = (text for stream in streams for text in stream.warnings)
    return _VariantRecords(name, events, rates, streams, (*event_warnings, *rate_warnings, *stream_warnings))


def _objects(path: Path, needed: Mapping[str, type]) -> tuple[_Objects, list[str]]:
    """The objects of a line log, and a warning if its last line was cut off.

    Raises:
        FileNotFoundError: There is no such file.
        InvariantError: A line is no such object.
    """
    *lines, rest = read_bytes(path).split(b"\n")
    objects = [_object(f"{path}:{number}", line, needed) for number, line in enumerate(lines, start=1)]
    if not rest:
        return objects, []
    return objects, [
        f"{path.parent.name}/{path.name}: the last line is cut off, as when a program is killed; "
        f"the {len(lines)} whole lines are used"
    ]


def _object(where: str, line: bytes, needed: Mapping[str, type]) -> dict[str, Any]:
    found = json_object(line, f"{where} is not a")
    for key, kind in needed.items():
        # bool is a kind of int to Python, and no instant.
        if not isinstance(found.get(key), kind) or isinstance(found[key], bool):
            raise InvariantError(f"{where} has no {key} that is {_A[kind]}: {line[:80]!r}")
    return found


def _events(variant: _VariantRecords) -> _Objects:
    """The events in order of instant, those of one instant as they were written; then the warnings."""
    ordered = sorted(variant.events, key=lambda event: event["at_ns"])
    end_ns = ordered[-1]["at_ns"] if ordered else 0
    ordered += [{"at_ns": end_ns, **RunWarning(text=text).as_json()} for text in variant.warnings]
    return [{"variant": variant.name, **event} for event in ordered]


def _rates(variant: _VariantRecords) -> _Objects:
    rows = sorted(variant.rates, key=lambda rate: (rate["session"], rate["direction"], rate["at_ns"]))
    return [{"variant": variant.name, **rate} for rate in rows]
