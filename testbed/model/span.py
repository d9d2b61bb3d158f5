"""The time from `starts` to `ends` that most parts of a scenario have."""

from typing import Self

from pydantic import Field, model_validator

from testbed.model.base import Duration, FieldError, Value
from testbed.units import DURATION


class Span(Value):
    """Something that begins at `starts` and is over at `ends`."""

    starts_at_ns: Duration = Field(alias="starts")
    """When it begins."""
    ends_at_ns: Duration = Field(alias="ends")
    """After `starts` and not after `duration`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        # A kind may let its `ends` be left out.
        if self.ends_at_ns is not None and self.ends_at_ns <= self.starts_at_ns:
            raise FieldError("ends", f"is not after starts, at {DURATION.format(self.starts_at_ns)}")
        return self
