"""What nodes did for others and with each other: services, as numbers.

Everything is integer arithmetic, as in `testbed.report.metrics`. Shares are in millionths (ppm).
"""

from collections.abc import Iterable
from typing import TypedDict

from testbed.applications.inference.events import ServiceEnded
from testbed.record.event import RecordedEvent

MILLION = 1_000_000


class ServiceSummary(TypedDict):
    """A service at its end; `busy_ns` of `of_ns` it computed, and `mean_batch` were in a step.

    Its decoded tokens take `least_ns` in batches of the best size.
    """

    node: str | None
    requests: int
    answered: int
    tokens: int
    busy_ns: int
    least_ns: int
    of_ns: int
    steps: int
    mean_batch: float | None
    utilisation_ppm: int | None
    saturation_ppm: int | None
    token_rate: int | None


def services(events: Iterable[RecordedEvent]) -> dict[str, ServiceSummary]:
    """Every service that has ended."""
    return {
        end.service: ServiceSummary(
            node=end.node,
            requests=end.requests,
            answered=end.answered,
            tokens=end.tokens,
            busy_ns=end.busy_ns,
            least_ns=end.least_ns,
            of_ns=end.of_ns,
            steps=end.steps,
            mean_batch=end.mean_batch,
            utilisation_ppm=end.busy_ns * MILLION // end.of_ns if end.of_ns else None,
            saturation_ppm=end.least_ns * MILLION // end.of_ns if end.of_ns else None,
            token_rate=end.tokens * 10**9 // end.of_ns if end.of_ns else None,
        )
        for each in events
        if isinstance(end := each.event, ServiceEnded)
    }
