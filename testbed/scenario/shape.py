"""The layout of a scenario file as types, and which keys may stand where in it."""

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Field

from testbed.applications.quantity import Expectation, Reference
from testbed.applications.script import Script
from testbed.model.base import Name, Value
from testbed.scenario.tree import Keys


class Demands(Value):
    """What is expected of a scenario, and what it is compared with."""

    expect: tuple[Expectation, ...] = ()
    """Bounds on numbers; they decide the exit status."""
    references: tuple[Reference, ...] = ()
    """Published figures to set beside ours; they decide nothing."""


class Layout(Script, Demands):
    """A whole scenario file. A variant changes what it names and inherits the rest.

    `name` is for files that must keep a name other than their own, such as the copy in a run directory.
    """

    name: Name | None = None
    """The scenario's name; without it the file's, without `.yaml`."""
    variants: Annotated[dict[Name, Script], Field(min_length=1)] | None = None
    """Changes to the above; each variant is run and compared."""


def known_keys(shape: Any) -> tuple[str, ...] | None:
    """The keys that a value of this type has in a file, or None where they are the author's own."""
    for part in parts(shape):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return tuple(field.alias or name for name, field in part.model_fields.items())
    return None


def below(shape: Any, key: str | int) -> Any:
    """The type of what stands under a key; Any where nothing is known about it.

    Raises:
        KeyError: There can be no such key; `known_keys` tells which there are.
    """
    for part in parts(shape):
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, field in part.model_fields.items():
                if key == (field.alias or name):
                    return field.annotation
            raise KeyError(key)
        if get_origin(part) in (dict, tuple, list):
            # Of a mapping the values' type, of a list the items'.
            return get_args(part)[1 if get_origin(part) is dict else 0]
    return Any


def is_single(shape: Any) -> bool:
    """Whether a value of this type is a scalar, with nothing below it."""
    inside = (dict, tuple, list)
    return not any(
        part is Any or get_origin(part) in inside or (isinstance(part, type) and issubclass(part, BaseModel))
        for part in parts(shape)
    )


def along(shape: Any, keys: Keys) -> Any:
    """The type of what stands at the end of these keys; KeyError as for `below`."""
    for key in keys:
        shape = below(shape, key)
    return shape


def parts(shape: Any) -> tuple[Any, ...]:
    """The types that a value may have: the members of a union, without None and without annotations."""
    origin = get_origin(shape)
    if origin is Annotated:
        return parts(get_args(shape)[0])
    if origin in (Union, UnionType):
        return tuple(part for member in get_args(shape) if member is not NoneType for part in parts(member))
    return (shape,)
