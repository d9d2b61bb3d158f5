"""What nodes did for others and with each other: services and experts, as numbers.

Everything is integer arithmetic, as in `testbed.report.metrics`. Shares are in millionths (ppm).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from testbed.report.timeline import Event

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


class ExpertsSummary(TypedDict):
    """A group of experts at its end: `exchange_ns` is the mean, `nodes` stand by rank."""

    steps: int
    exchange_ns: int | None
    nodes: list[str]


def services(events: Iterable[Event]) -> dict[str, ServiceSummary]:
    """Every service that has ended."""
    return {
        event["service"]: ServiceSummary(
            node=event["node"],
            requests=event["requests"],
            answered=event["answered"],
            tokens=event["tokens"],
            busy_ns=event["busy_ns"],
            least_ns=event["least_ns"],
            of_ns=event["of_ns"],
            steps=event["steps"],
            mean_batch=event["mean_batch"],
            utilisation_ppm=event["busy_ns"] * MILLION // event["of_ns"] if event["of_ns"] else None,
            saturation_ppm=event["least_ns"] * MILLION // event["of_ns"] if event["of_ns"] else None,
            token_rate=event["tokens"] * 10**9 // event["of_ns"] if event["of_ns"] else None,
        )
        for event in events
        if event["kind"] == "service.end"
    }


def experts(events: Iterable[Event]) -> dict[str, ExpertsSummary]:
    """Every group of experts that has ended."""
    return {
        event["experts"]: ExpertsSummary(
            steps=event["steps"], exchange_ns=event["exchange_ns"], nodes=event["nodes"]
        )
        for event in events
        if event["kind"] == "experts.end"
    }


def nodes_in_words(nodes: Sequence[str], shown: int = 8) -> str:
    """Where ranks stand: "npu1 (2), npu7", the first ones of many."""
    counts: Mapping[str, int] = {node: nodes.count(node) for node in dict.fromkeys(nodes)}
    words = [node if count == 1 else f"{node} ({count})" for node, count in counts.items()]
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return ", ".join(words[:shown]) + more
