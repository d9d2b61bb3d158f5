"""Events as a report reads them, from JSON objects, and the other way round."""

from collections.abc import Iterable, Mapping
from typing import Any

from testbed.record.event import OtherEvent, RecordedEvent, parse
from testbed.record.logs import json_line
from testbed.record.run_directory import RunDirectory


def recorded(objects: Iterable[Mapping[str, Any]]) -> list[RecordedEvent]:
    """Events from their JSON objects; variant and instant may be missing."""
    return [
        RecordedEvent(each.get("variant", "default"), each.get("at_ns", 0), parse(_content(each)))
        for each in objects
    ]


def _content(each: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in each.items() if key not in ("variant", "at_ns")}


def objects(run: RunDirectory) -> list[dict[str, Any]]:
    """The events of a run as JSON objects."""
    return [each.as_json() for each in run.events()]


def assert_read_as_written(run: RunDirectory) -> None:
    """Every event of a run is of a class, and writing it again gives the same line."""
    events = run.events()
    assert [each for each in events if isinstance(each.event, OtherEvent)] == []
    assert [json_line(each.as_json()) for each in events] == run.events_path.read_text().splitlines(True)
