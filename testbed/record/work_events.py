"""The events of services, surveys and user programs."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRefused(Event):
    """No node can take the service's job: neither the service nor its clients run."""

    kind: ClassVar[str] = "service.refuse"
    refuses: ClassVar[str] = "service"
    service: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEnded(Event):
    """A service has ended; what it did is counted over all nodes that it had."""

    kind: ClassVar[str] = "service.end"
    service: str
    node: str | None
    """The node that it has at its end."""
    requests: int
    answered: int
    tokens: int
    steps: int
    prefill_ns: int
    busy_ns: int
    least_ns: int
    of_ns: int
    mean_batch: float | None
    exchange_ns: int | None
    """Of a layer, the mean."""


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
