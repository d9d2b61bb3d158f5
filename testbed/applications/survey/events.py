"""The events of surveys."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedDelay(Event):
    """The survey has a new delay between a node and another station."""

    kind: ClassVar[str] = "survey.delay"
    a: str
    b: str
    delay_ns: int
