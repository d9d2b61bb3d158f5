"""What the events of one variant tell: how each channel and each job fared, and what marks the plots."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

Event = dict[str, Any]


@dataclass(slots=True)
class Channel:
    """One session's channel: its state at the end, and its rate in each direction over time.

    `steps` are (instant in ns, rate in bit/s) as the network had them, each rate holding until the next
    step; `ended_at_ns` is when the last one stopped. A channel that was never opened has no steps.
    `growths` are (instant of the decision, instant at which the network had the higher rate). `reason`
    says why it was refused, or lost before its session released it.
    """

    state: str
    requested_at_ns: int
    ended_at_ns: int
    reason: str | None = None
    steps: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    growths: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def rates_bps(self, direction: str) -> list[int]:
        """Every rate that the channel had, in order."""
        return [rate_bps for _, rate_bps in self.steps.get(direction, [])]

    def opened_at_ns(self, direction: str) -> int | None:
        """When the network had it; None if it never did."""
        steps = self.steps.get(direction)
        return steps[0][0] if steps else None

    def bits(self, direction: str, from_ns: int, to_ns: int) -> int:
        """What its rate would have carried between two instants, in bits times 10⁹."""
        steps = self.steps.get(direction, [])
        ends = [at_ns for at_ns, _ in steps[1:]] + [self.ended_at_ns]
        return sum(
            rate_bps * max(0, min(end_ns, to_ns) - max(at_ns, from_ns))
            for (at_ns, rate_bps), end_ns in zip(steps, ends, strict=False)
        )


_LOST = {"channel.preempt": "preempted", "channel.expire": "expired"}
"""How a channel may end before its session gives it back."""


def channels(events: Iterable[Event], end_ns: int) -> dict[str, Channel]:
    """The channel of each session that asked for one, by session; `end_ns` ends those still open.

    Of a session that asked several times the last time counts.
    """
    found: dict[str, Channel] = {}
    decided_at_ns: dict[tuple[str, str], int] = {}
    for event in events:
        kind: str = event["kind"]
        at_ns: int = event["at_ns"]
        if kind in ("channel.admit", "channel.refuse"):
            state = "admitted" if kind == "channel.admit" else "refused"
            reason = event["reason"] if kind == "channel.refuse" else None
            found[event["session"]] = Channel(state, at_ns, end_ns, reason)
        elif kind in ("net.open", "net.resize"):
            channel, direction, rate_bps = found[event["session"]], event["direction"], event["rate_bps"]
            steps = channel.steps.setdefault(direction, [])
            if steps and rate_bps > steps[-1][1]:
                key = (event["session"], direction)
                channel.growths.setdefault(direction, []).append((decided_at_ns.get(key, at_ns), at_ns))
            steps.append((at_ns, rate_bps))
            channel.state = "open"
        elif kind == "channel.resize":
            decided_at_ns[event["session"], event["direction"]] = at_ns
        elif kind in _LOST:
            channel = found[event["session"]]
            channel.state, channel.ended_at_ns, channel.reason = _LOST[kind], at_ns, event["reason"]
        elif kind == "channel.release" and found[event["session"]].state in ("admitted", "open"):
            found[event["session"]].state, found[event["session"]].ended_at_ns = "released", at_ns
    return found


_STATES = {"job.refuse": "refused", "job.queue": "waiting", "job.evict": "waiting", "job.cancel": "cancelled"}
"""What becomes of a job that has no node after a decision."""


def jobs(events: Iterable[Event]) -> dict[str, dict[str, str | None]]:
    """Where each job went and how it ended: {job: {node, backup, state}}.

    A job whose node fails is lost until something is decided about it; that somebody is done with it is
    no such decision. A node that was cut off and alive gives its jobs back when it is repaired.
    """
    found: dict[str, dict[str, str | None]] = {}
    isolated: dict[str, str] = {}
    for event in events:
        kind = event["kind"]
        if kind == "job.place":
            backup = event.get("backup")
            found[event["job"]] = {"node": event["node"], "backup": backup, "state": "placed"}
        elif kind == "job.promote":
            found[event["job"]] = {"node": event["node"], "backup": None, "state": "placed"}
        elif kind in _STATES:
            found[event["job"]] = {"node": None, "backup": None, "state": _STATES[kind]}
        elif kind == "job.backup":
            found[event["job"]]["backup"] = event["backup"]
        elif kind == "job.complete" and found[event["job"]]["state"] != "lost":
            found[event["job"]]["state"] = "completed"
        elif kind == "fault" and event.get("isolated") is not None:
            isolated[event["fault"]] = event["isolated"]
            _become(found, event["isolated"], "placed", "lost")
        elif kind in ("fault", "node.fail") and event.get("node") is not None:
            _become(found, event["node"], "placed", "lost")
        elif kind == "repair" and event["fault"] in isolated:
            _become(found, isolated.pop(event["fault"]), "lost", "placed")
    return found


def _become(found: dict[str, dict[str, str | None]], node: str, state: str, after: str) -> None:
    """Change the state of all jobs on a node that have a certain one."""
    for job in found.values():
        if job["node"] == node and job["state"] == state:
            job["state"] = after


class Congestion(TypedDict):
    """Of a flow, what its ends say beside the bytes; all of it is missing where nothing could be said.

    `receive_window_ppm` is for how much of the time with data under way the receiver's window held it up, and
    `send_buffer_ppm` how often the sender's buffer did, when it had been full: both times the network would
    have taken more. `round_trip_ppm` is its round trip at its end, of the least that it had. Of `packets`,
    `ce_packets` arrived with CE.
    """

    round_trip_ppm: NotRequired[int]
    receive_window_ppm: NotRequired[int]
    send_buffer_ppm: NotRequired[int]
    packets: NotRequired[int]
    ce_packets: NotRequired[int]


class QueueSummary(TypedDict):
    """A queue with an AQM: what stood for it in the kernel, how often it set CE, and what it lost."""

    queue: str
    direction: str
    aqm: str
    discipline: str
    marks: int
    dropped_packets: int


def congestion(event: Event) -> Congestion:
    """What an event `flow.end` says of it."""
    found = Congestion()
    if event.get("busy_ns"):
        found["receive_window_ppm"] = event["receive_window_ns"] * 10**6 // event["busy_ns"]
    if event.get("least_round_trip_ns"):
        found["round_trip_ppm"] = event["round_trip_ns"] * 10**6 // event["least_round_trip_ns"]
    if event.get("refills"):
        found["send_buffer_ppm"] = event["dry_refills"] * 10**6 // event["refills"]
    if "packets" in event:
        found["packets"], found["ce_packets"] = event["packets"], event["ce_packets"]
    return found


def queues(events: Sequence[Event]) -> list[QueueSummary]:
    """Every queue with an AQM, in the order of the network."""
    return [
        QueueSummary(**{key: event[key] for key in QueueSummary.__annotations__})  # type: ignore[typeddict-item]
        for event in events
        if event["kind"] == "queue.end"
    ]


class FlowSummary(Congestion):
    """What a flow brought to its destination within its time, and what queues delivered after its end.

    Runs of earlier versions counted both as received; there `drained_bytes` is None.
    """

    received_bytes: int
    drained_bytes: int | None
    throughput_bps: int


def flows(events: Iterable[Event]) -> dict[str, FlowSummary]:
    """What each background flow brought to its destination, by flow."""
    return {
        event["flow"]: FlowSummary(
            received_bytes=event["received_bytes"],
            drained_bytes=event.get("drained_bytes"),
            throughput_bps=event["throughput_bps"],
            **congestion(event),
        )
        for event in events
        if event["kind"] == "flow.end"
    }


def of_variant(events: Sequence[Event], variant: str) -> list[Event]:
    """The events of one variant, in order."""
    return [event for event in events if event["variant"] == variant]


def of_session(events: Iterable[Event], session: str, *kinds: str) -> Iterator[Event]:
    """The events of some kinds that belong to one session."""
    return (event for event in events if event["kind"] in kinds and event.get("session") == session)
