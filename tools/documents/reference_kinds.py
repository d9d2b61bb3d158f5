"""The type of a key in words: "rate above 0", "whole number, 1 to 64", "list of names"."""

from collections.abc import Callable, Iterable
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PlainSerializer
from pydantic.fields import FieldInfo

from testbed.applications.inference.model import Service
from testbed.applications.quantity import Expectation, Quantified, Reference
from testbed.applications.script import NetworkChoice
from testbed.model.base import InputFile, Value
from testbed.model.carriers import MOST_COUNT, MOST_INSTANT_NS, MOST_LENGTH_M, MOST_SIZE_BYTES
from testbed.model.workload import Workload
from testbed.units import DURATION, LENGTH, RATE, SIZE, Dimension

BY_SUFFIX = {"_bps": RATE, "_ns": DURATION, "_bytes": SIZE, "_m": LENGTH}
_OF_A_STATISTIC = "count, duration, rate or share"
ODD: dict[tuple[type, str], str] = {
    (Expectation, "at_most"): _OF_A_STATISTIC,
    (Expectation, "at_least"): _OF_A_STATISTIC,
    (Reference, "value"): _OF_A_STATISTIC,
    (Service, "decode"): "list of [points](#servicesnamedecode), or `cloudmatrix384`",
    (NetworkChoice, "parameters"): "mapping",
    (Workload, "parameters"): "mapping",
    (Quantified, "measure"): "a [measure](results.md#measures)",
    (Quantified, "statistic"): "a [statistic](results.md#statistics)",
}
"""Where the type alone does not say what may be written."""

_NUMBERS = {int: "whole number", float: "number"}

Link = Callable[[type[Value]], str]
"""How the section of a type is written in a table."""


def dimension_of(name: str) -> Dimension | None:
    """What a field of this name counts in; None for what has no unit."""
    return next((each for suffix, each in BY_SUFFIX.items() if name.endswith(suffix)), None)


def kind_of(model: type[Value], name: str, link: Link) -> str:
    """The type of one field of a model, in words."""
    field = model.model_fields[name]
    odd = next((ODD[each, name] for each in model.__mro__ if (each, name) in ODD), None)
    if odd is not None:
        return odd
    if field.annotation is str and isinstance(field.default, Enum):
        return f"{_choices(type(field.default))}, or one of an installed package"
    kind = _kind(field.annotation, (*field.metadata,), link)
    return kind.replace("duration", "instant") if name.endswith("at_ns") else kind


def default_of(field: FieldInfo, name: str) -> str:
    """A field's default as a file has it, "required" without one, and nothing where a section says it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ({}, ()):
        return "none"
    if isinstance(value, BaseModel):
        return "its own"
    dimension = dimension_of(name)
    if dimension is not None:
        return dimension.format(value)
    if isinstance(value, bool):
        return str(value).lower()
    return (
        str(value.value)
        if isinstance(value, Enum)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _kind(shape: Any, metadata: tuple[Any, ...], link: Link) -> str:
    if shape == InputFile:
        return "path"
    while get_origin(shape) is Annotated:
        shape, *more = get_args(shape)
        metadata = (*more, *metadata)
    origin = get_origin(shape)
    if origin in (Union, UnionType):
        members = [each for each in get_args(shape) if each is not NoneType]
        return " or ".join(_kind(each, metadata, link) for each in members)
    if origin is dict:
        _, inside = get_args(shape)
        return f"by name: {_kind(inside, (), link)}"
    if origin is tuple:
        return f"list of {_several(_kind(get_args(shape)[0], (), link))}"
    return _single(shape, _flat(metadata), link)


def _single(shape: Any, metadata: list[Any], link: Link) -> str:
    dimension = next(
        (getattr(each.func, "__self__", None) for each in metadata if isinstance(each, PlainSerializer)), None
    )
    if dimension is not None:
        return str(dimension.name) + _bounds(metadata, dimension.format)
    if shape in _NUMBERS:
        return _NUMBERS[shape] + _bounds(metadata, lambda each: f"{each:,}")
    if shape is str:
        return "name" if any(getattr(each, "pattern", None) for each in metadata) else "text"
    if get_origin(shape) is Literal:
        return _listed(get_args(shape))
    if issubclass(shape, Enum):
        return _choices(shape)
    return link(shape) if issubclass(shape, Value) else "true or false"


def _choices(choices: type[Enum]) -> str:
    return _listed([each.value for each in choices])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _several(kind: str) -> str:
    return {"name": "names", "text": "texts"}.get(kind, kind)


def _flat(metadata: Iterable[Any]) -> list[Any]:
    """Bounds as pydantic keeps them, those inside of a `Field` too."""
    return [
        inner for each in metadata for inner in (each.metadata if isinstance(each, FieldInfo) else [each])
    ]


_BOUNDS = ("ge", "gt", "le", "lt")
_OF_ALL = {
    ("ge", 0),
    ("le", MOST_INSTANT_NS),
    ("le", MOST_SIZE_BYTES),
    ("le", MOST_COUNT),
    ("le", MOST_LENGTH_M),
}
"""What holds for every quantity is told once, above all keys."""


def _bounds(metadata: list[Any], written: Callable[[Any], str]) -> str:
    """What is allowed of a number, as ", 1 to 64", " from 1", " above 0"."""
    found = [(key, getattr(each, key)) for each in metadata for key in _BOUNDS if hasattr(each, key)]
    limits = {key: value for key, value in found if (key, value) not in _OF_ALL}
    least = written(limits["ge"]) if "ge" in limits else ""
    most = f"to {written(limits['le'])}" if "le" in limits else ""
    if "lt" in limits:
        below = limits["lt"]
        most = f"to {written(below - 1)}" if below > 1 else f"to below {written(below)}"
    if "gt" in limits:
        return f" above {limits['gt']}" + (f", at most {most.removeprefix('to ')}" if most else "")
    if least and most:
        return f", {least} {most}"
    return f" from {least}" if least and least != "0" else f", {most}" if most else ""
