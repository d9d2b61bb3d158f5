"""What every value of the model shares: frozen, strict, and quantities that carry their unit.

A field is named with its unit last (`rate_bps`), a file's key without (`rate`), because there the
unit stands in the text. From code both names work, and a plain integer is taken in the field's unit.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo
from pydantic.config import JsonDict

from testbed.units import DURATION, LENGTH, RATE, SIZE, Dimension, QuantityError

FROM_TEXT = {"from_text": True}
"""Validation context for values read from a file: there a quantity without a unit is an error."""


class FieldError(ValueError):
    """A value that is wrong beside its neighbours.

    Raised by a validator of a whole value. `keys` leads from that value to the key at fault, as a file
    spells it, so that the message can name the line to mend.
    """

    def __init__(self, keys: str | tuple[str | int, ...], message: str) -> None:
        self.keys = (keys,) if isinstance(keys, str) else keys
        super().__init__(message)


_UNIT_SUFFIXES = ("_bps", "_ns", "_bytes", "_m")


def file_key(field: str) -> str:
    """The key that stands for a field in a scenario file: its name without the unit."""
    for suffix in _UNIT_SUFFIXES:
        if field.endswith(suffix):
            return field.removesuffix(suffix)
    return field


def _reader(dimension: Dimension) -> Callable[[Any, ValidationInfo], int]:
    def read(value: Any, info: ValidationInfo) -> int:
        if isinstance(value, str):
            return dimension.parse(value)
        in_code = not (info.context or {}).get("from_text", False)
        if in_code and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise QuantityError(dimension.refusal(value))

    return read


def _quantity(dimension: Dimension) -> Any:
    schema: JsonDict = {"type": "string", "examples": [dimension.example], "pattern": dimension.pattern}
    return Annotated[
        int,
        BeforeValidator(_reader(dimension), json_schema_input_type=str),
        PlainSerializer(dimension.format, return_type=str),
        Field(json_schema_extra=schema),
    ]


Rate = _quantity(RATE)
Duration = _quantity(DURATION)
Size = _quantity(SIZE)
Length = _quantity(LENGTH)


NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
LONGEST_NAME = 40
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]


InputFile = Annotated[str, Field(min_length=1, json_schema_extra={"format": "path"})]
"""A file that a scenario reads, by its path from the scenario's folder; absolute once it is loaded."""


class Value(BaseModel):
    """A frozen value that rejects keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=file_key, populate_by_name=True)


class Direction(StrEnum):
    """Which way traffic crosses the access network."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"

    @property
    def reverse(self) -> "Direction":
        """The other way."""
        return Direction.DOWNSTREAM if self is Direction.UPSTREAM else Direction.UPSTREAM


UPSTREAM = Direction.UPSTREAM
DOWNSTREAM = Direction.DOWNSTREAM
ACROSS = "across"
"""In place of a direction, of a stream whose two ends are on one side of the access network."""
