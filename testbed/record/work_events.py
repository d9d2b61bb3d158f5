"""The events of services, experts, surveys and user programs."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertsRefused(Event):
    """A rank finds no node: none of the experts run."""

    kind: ClassVar[str] = "experts.refuse"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRefused(Event):
    """No node can take the service's job: neither the service nor its clients run."""

    kind: ClassVar[str] = "service.refuse"
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
