"""Events: every class has its JSON form and comes back from it, and nothing wrong is taken for an event."""

import json
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import pytest

from testbed.applications.transfer.events import TransferPlaneChanged
from testbed.model.base import DOWNSTREAM, Direction
from testbed.record.event import Event, OtherEvent, event_classes, parse
from testbed.record.events import ChannelRefused, JobPlaced

_VALUES: dict[Any, Any] = {str: "a", int: 3, float: 0.5, bool: True, Direction: DOWNSTREAM, Any: 7}


def value_of(kind: Any) -> Any:
    """A value of a type that fields of events have."""
    if kind in _VALUES:
        return _VALUES[kind]
    inner = [each for each in get_args(kind) if each is not type(None)]
    match get_origin(kind):
        case found if found is dict:
            return {value_of(inner[0]): value_of(inner[1])}
        case found if found is list:
            return [value_of(inner[0])]
    return value_of(inner[0])


def made(described: type[Event], is_taken: Any = lambda _field: True) -> Event:
    """An event of a class, with a value for each field that is taken and None for the others."""
    hints = get_type_hints(described)
    return described(**{f.name: value_of(hints[f.name]) if is_taken(f) else None for f in fields(described)})


def may_be_none(described: type[Event], each: Field[Any]) -> bool:
    return type(None) in get_args(get_type_hints(described)[each.name])


@pytest.mark.parametrize("kind", event_classes())
def test_every_event_comes_back_from_its_json_form(kind: str) -> None:
    described = event_classes()[kind]
    whole = made(described)
    least = made(described, lambda each: not may_be_none(described, each))
    for event in (whole, least):
        line = json.dumps(event.as_json())
        assert parse(json.loads(line)) == event
        assert json.dumps(parse(json.loads(line)).as_json()) == line
    assert list(whole.as_json()) == ["kind", *(each.name for each in fields(described))]
    kept = [f.name for f in fields(described) if f.default is MISSING or not may_be_none(described, f)]
    assert list(least.as_json()) == ["kind", *kept]


def test_every_event_says_when_it_is_written() -> None:
    for described in event_classes().values():
        assert (described.__doc__ or "").strip().endswith("."), described
        assert not (described.__doc__ or "").startswith(f"{described.__name__}("), described


def test_a_field_with_a_default_is_left_out_and_another_is_null() -> None:
    assert ChannelRefused(session="player", reason="full").as_json() == {
        "kind": "channel.refuse",
        "session": "player",
        "reason": "full",
    }
    placed = JobPlaced(job="a", node="n", backup=None, reason="", scores={"n": 0.5})
    assert placed.as_json()["backup"] is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"plane": "2"}, "plane of transfer.plane: Input should be a valid integer"),
        ({"alive": 1}, "alive of transfer.plane: Input should be a valid boolean"),
        ({"colour": "red"}, "colour of transfer.plane: Unexpected keyword argument"),
        ({"blocks": None}, "blocks of transfer.plane: Input should be a valid integer"),
    ],
)
def test_a_field_that_is_wrong_is_named(changed: dict[str, Any], why: str) -> None:
    event = TransferPlaneChanged(transfer="copy", plane=2, alive=False, after_ns=1, blocks=0)
    with pytest.raises(ValueError, match=why):
        parse({**event.as_json(), **changed})


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"session of channel.refuse: Field required"):
        parse({"kind": "channel.refuse", "reason": "full"})


def test_an_event_of_an_unknown_kind_stays_as_it_is() -> None:
    content = {"kind": "user.own", "colour": "red"}
    event = parse(content)
    assert event == OtherEvent(content=content)
    assert event.as_json() == content


def test_two_classes_cannot_have_one_kind() -> None:
    with pytest.raises(TypeError, match=r"Again and TransferPlaneChanged are both events 'transfer.plane'"):

        @dataclass(frozen=True, slots=True, kw_only=True)
        class Again(Event):
            """Again."""

            kind: ClassVar[str] = "transfer.plane"
