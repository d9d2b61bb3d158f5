"""The events of user programs."""

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
