"""The events of inference services."""

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
