"""Events as a report reads them, from JSON objects, and the other way round."""

from collections.abc import Iterable, Mapping
from typing import Any

from testbed.record.directory import RunDirectory
from testbed.record.event import RecordedEvent, parse


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
