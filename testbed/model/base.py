"""What every value of the model shares: frozen, strict, and quantities that carry their unit.

A field is named with its unit last (`rate_bps`), a file's key without (`rate`), because there the
unit stands in the text. From code both names work, and a plain integer is taken in the field's unit.
"""

import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
)
from pydantic.config import JsonDict

from testbed.model.carriers import (
    LEAST_RATE_BPS,
    MOST_ARGUMENT_BYTES,
    MOST_INSTANT_NS,
    MOST_LENGTH_M,
    MOST_PATH_BYTES,
    MOST_QUEUE_BYTES,
    MOST_RATE_BPS,
    MOST_SIZE_BYTES,
)
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


def _quantity(dimension: Dimension, most: int, least: int = 0) -> Any:
    schema: JsonDict = {"type": "string", "examples": [dimension.example], "pattern": dimension.pattern}
    return Annotated[
        int,
        BeforeValidator(_reader(dimension), json_schema_input_type=str),
        PlainSerializer(dimension.format, return_type=str),
        Field(json_schema_extra=schema, ge=least, le=most),
    ]


Rate = _quantity(RATE, MOST_RATE_BPS)
Duration = _quantity(DURATION, MOST_INSTANT_NS)
Size = _quantity(SIZE, MOST_SIZE_BYTES)
Length = _quantity(LENGTH, MOST_LENGTH_M)

PositiveRate = _quantity(RATE, MOST_RATE_BPS, least=1)
"""Of what a program sends; nothing but the program carries the number."""
CarriedRate = _quantity(RATE, MOST_RATE_BPS, LEAST_RATE_BPS)
"""Of a port or a class, which the kernel must keep to."""
QueueSize = _quantity(SIZE, MOST_QUEUE_BYTES, least=1)
"""What may wait in a queue of the kernel's."""


NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
LONGEST_NAME = 40
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]


def _one_line(text: str) -> str:
    """Refuse what a terminal would obey, what would break a table, and what UTF-8 cannot write."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(f"has the character U+{ord(character):04X}; write one line of printable text")
    return text


def _for_the_kernel(most_bytes: int) -> Callable[[str], str]:
    """Refuse what does not fit a C string of so many bytes."""

    def check(text: str) -> str:
        if "\0" in text:
            raise ValueError("has a NUL character, at which the kernel takes it to end; remove it")
        try:
            size_bytes = len(text.encode())
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise ValueError(f"has U+{code:04X}, half of a character; write it whole") from None
        if size_bytes > most_bytes:
            raise ValueError(f"has {size_bytes:,} bytes; the kernel takes at most {most_bytes:,}")
        return text

    return check


Line = Annotated[str, AfterValidator(_one_line)]
"""Text for people: one line, without control characters."""
Argument = Annotated[str, Field(min_length=1), AfterValidator(_for_the_kernel(MOST_ARGUMENT_BYTES))]
"""An argument of a program."""
INPUT_FILE = "input file"
"""Marks the type of a path, so that whoever loads a scenario finds all files that it reads."""
InputFile = Annotated[
    str,
    INPUT_FILE,
    Field(min_length=1, json_schema_extra={"format": "path"}),
    AfterValidator(_for_the_kernel(MOST_PATH_BYTES)),
]
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
