"""What an event is: a class for each kind, its JSON form in events.jsonl, and the way back.

A subclass of `Event` is all that a kind of event needs: it is written by `EventLog`, read by
`RunDirectory.events`, and listed in the reference. The events that belong to no kind of application are in
`testbed.record.events`, the others in the module `events` of their kind's package.
"""

import json
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_CLASSES: dict[str, type["Event"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened or was decided in a run.

    Every subclass that sets `kind` is a kind of event. Its docstring says when the event is written, the
    docstring below a field what the field means. A field whose default is None is left out of the JSON
    object if it is None; a field without a default is always there, as null if it is None.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}
    # The name of the kind in events.jsonl: "job.place".
    kind: ClassVar[str]
    # Of an entry that did not run because no node could take its job: the field with its name.
    refuses: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        # A dataclass with slots is made twice, the second time to stay.
        if "kind" in cls.__dict__:
            known = _CLASSES.get(cls.kind, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise TypeError(f"{cls.__qualname__} and {known.__qualname__} are both events {cls.kind!r}")
            _CLASSES[cls.kind] = cls

    @property
    def started_source(self) -> tuple[str, str] | None:
        """The session that begins with this event, and the node that serves it."""
        return None

    @property
    def ended_source(self) -> str | None:
        """The session, or other source of samples in rates.jsonl, that ends with this event."""
        return None

    def as_json(self) -> dict[str, Any]:
        """The kind and the fields, in the order of events.jsonl."""
        values = ((each, getattr(self, each.name)) for each in fields(self))
        return {
            "kind": self.kind,
            **{each.name: value for each, value in values if value is not None or each.default is MISSING},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(Event):
    """An event of a kind that this version of the testbed does not know, as it was read."""

    content: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The kind and the fields, as they were read."""
        return self.content


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event of a variant, at its instant in ns since the start of the scenario."""

    variant: str
    at_ns: int
    event: Event

    def as_json(self) -> dict[str, Any]:
        """The object of a line of events.jsonl."""
        return {"variant": self.variant, "at_ns": self.at_ns, **self.event.as_json()}


@cache
def event_classes() -> dict[str, type[Event]]:
    """The class of every kind of event, by `kind`; those that no kind of application owns come first."""
    # Writing needs no model and no list of kinds.
    from testbed.applications.registry import modules

    owners = [import_module("testbed.record.events"), *modules("events")]
    places = {owner.__name__: place for place, owner in enumerate(owners)}
    ordered = sorted(_CLASSES.values(), key=lambda each: places.get(each.__module__, len(places)))
    return {each.kind: each for each in ordered}


def parse(content: dict[str, Any]) -> Event:
    """The event of a JSON object with its kind and fields; the inverse of `Event.as_json`.

    Raises:
        ValueError: A field of its kind is missing or has a wrong type, or there is a field too many.
    """
    from pydantic import ValidationError

    kind = content["kind"]
    described = event_classes().get(kind)
    if described is None:
        return OtherEvent(content=content)
    values = {key: value for key, value in content.items() if key != "kind"}
    try:
        # In its JSON form, so that a list may stand for a tuple and a text for a direction.
        return _adapter(kind).validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where} of {kind}: {first['msg']}") from None


@cache
def _adapter(kind: str) -> "TypeAdapter[Event]":
    from pydantic import TypeAdapter

    return TypeAdapter(_CLASSES[kind])
