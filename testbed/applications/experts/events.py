"""The events of models of experts."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertsRefused(Event):
    """A rank finds no node: none of the experts run."""

    kind: ClassVar[str] = "experts.refuse"
    refuses: ClassVar[str] = "experts"
    experts: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertsEnded(Event):
    """Experts have ended."""

    kind: ClassVar[str] = "experts.end"
    experts: str
    steps: int
    exchange_ns: int | None
    """The mean of all exchanges."""
    given_up: int
    nodes: list[str]
    """By rank."""
