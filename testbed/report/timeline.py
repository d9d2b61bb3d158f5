"""What the events of one variant tell: how each channel and each job fared, and what marks the plots."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass(slots=True)
class Channel:
    """One session's channel: its state at the end, and its rate in each direction over time.

    `steps` are (instant in ns, rate in bit/s), each rate holding until the next step; `ended_at_ns`
    is when the last one stopped. A channel that was refused has no steps.
    """

    state: str
    steps: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    resizes: int = 0
    ended_at_ns: int = 0

    def rates_bps(self, direction: str) -> list[int]:
        """Every rate that the channel had, in order."""
        return [rate_bps for _, rate_bps in self.steps.get(direction, [])]

    def mean_bps(self, direction: str) -> int | None:
        """The rate averaged over the time the channel was open; None if that is no time at all."""
        steps = self.steps.get(direction, [])
        ends = [at_ns for at_ns, _ in steps[1:]] + [self.ended_at_ns]
        lasted_ns = sum(end - at_ns for (at_ns, _), end in zip(steps, ends, strict=False))
        if lasted_ns <= 0:
            return None
        bits = sum(rate * (end - at_ns) for (at_ns, rate), end in zip(steps, ends, strict=False))
        return (2 * bits + lasted_ns) // (2 * lasted_ns)


def channels(events: Iterable[Event], end_ns: int) -> dict[str, Channel]:
    """The channel of each session that asked for one, by session; `end_ns` ends those still open."""
    found: dict[str, Channel] = {}
    for event in events:
        kind = event["kind"]
        if kind == "channel.admit":
            steps = {direction: [(event["at_ns"], bps)] for direction, bps in event["rates"].items()}
            found[event["session"]] = Channel("admitted", steps, ended_at_ns=end_ns)
        elif kind == "channel.refuse":
            found.setdefault(event["session"], Channel("refused"))
        elif kind == "channel.resize":
            channel = found[event["session"]]
            channel.steps[event["direction"]].append((event["at_ns"], event["to_bps"]))
            channel.resizes += 1
        elif kind == "channel.release":
            found[event["session"]].state = "released"
            found[event["session"]].ended_at_ns = event["at_ns"]
    return found


def jobs(events: Iterable[Event]) -> dict[str, dict[str, str | None]]:
    """Where each job went and how it ended: {job: {node, backup, state}}."""
    found: dict[str, dict[str, str | None]] = {}
    for event in events:
        if event["kind"] == "job.place":
            found[event["job"]] = {"node": event["node"], "backup": event["backup"], "state": "placed"}
        elif event["kind"] == "job.refuse":
            found[event["job"]] = {"node": None, "backup": None, "state": "refused"}
        elif event["kind"] == "job.complete":
            found[event["job"]]["state"] = "completed"
    return found


def flows(events: Iterable[Event]) -> dict[str, dict[str, int]]:
    """What each background flow brought to its destination, by flow."""
    return {
        event["flow"]: {key: event[key] for key in ("received_bytes", "throughput_bps")}
        for event in events
        if event["kind"] == "flow.end"
    }


def of_variant(events: Sequence[Event], variant: str) -> list[Event]:
    """The events of one variant, in order."""
    return [event for event in events if event["variant"] == variant]


def of_session(events: Iterable[Event], session: str, *kinds: str) -> Iterator[Event]:
    """The events of some kinds that belong to one session."""
    return (event for event in events if event["kind"] in kinds and event.get("session") == session)
