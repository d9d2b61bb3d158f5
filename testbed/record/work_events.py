"""The events of surveys and user programs."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramExited(Event):
    """A user program has ended."""

    kind: ClassVar[str] = "program.exit"
    program: str
    status: int
    """Negative if a signal ended it: the signal's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedDelay(Event):
    """The survey has a new delay between a node and another station."""

    kind: ClassVar[str] = "survey.delay"
    a: str
    b: str
    delay_ns: int
