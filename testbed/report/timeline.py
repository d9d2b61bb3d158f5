"""What the events of one variant tell: how each channel and each job fared, and what marks the plots."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from testbed.applications.flows.events import FlowEnded
from testbed.record.event import Event, RecordedEvent
from testbed.record.events import (
    ChannelAdmitted,
    ChannelExpired,
    ChannelPreempted,
    ChannelRefused,
    ChannelReleased,
    ChannelResized,
    ClassOpened,
    ClassResized,
    FaultBegan,
    FaultRepaired,
    JobBackup,
    JobCancelled,
    JobCompleted,
    JobEvicted,
    JobPlaced,
    JobPromoted,
    JobQueued,
    JobRefused,
    NodeFailed,
    QueueEnded,
)


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


_LOST: dict[type[Event], str] = {ChannelPreempted: "preempted", ChannelExpired: "expired"}
"""How a channel may end before its session gives it back."""


def channels(events: Iterable[RecordedEvent], end_ns: int) -> dict[str, Channel]:
    """The channel of each session that asked for one, by session; `end_ns` ends those still open.

    Of a session that asked several times the last time counts.
    """
    found: dict[str, Channel] = {}
    decided_at_ns: dict[tuple[str, str], int] = {}
    for recorded in events:
        at_ns = recorded.at_ns
        match recorded.event:
            case ChannelAdmitted(session=name):
                found[name] = Channel("admitted", at_ns, end_ns)
            case ChannelRefused(session=name, reason=reason):
                found[name] = Channel("refused", at_ns, end_ns, reason)
            case ClassOpened() | ClassResized() as done:
                _step(
                    found[done.session], done, at_ns, decided_at_ns.get((done.session, done.direction), at_ns)
                )
            case ChannelResized(session=name, direction=direction):
                decided_at_ns[name, direction] = at_ns
            case ChannelPreempted() | ChannelExpired() as lost:
                channel = found[lost.session]
                channel.state, channel.ended_at_ns = _LOST[type(lost)], at_ns
                channel.reason = lost.reason
            case ChannelReleased(session=name) if found[name].state in ("admitted", "open"):
                found[name].state, found[name].ended_at_ns = "released", at_ns
    return found


def _step(channel: Channel, done: ClassOpened | ClassResized, at_ns: int, decided_at_ns: int) -> None:
    steps = channel.steps.setdefault(done.direction, [])
    if steps and done.rate_bps > steps[-1][1]:
        channel.growths.setdefault(done.direction, []).append((decided_at_ns, at_ns))
    steps.append((at_ns, done.rate_bps))
    channel.state = "open"


_STATES: dict[type[Event], str] = {
    JobRefused: "refused",
    JobQueued: "waiting",
    JobEvicted: "waiting",
    JobCancelled: "cancelled",
}
"""What becomes of a job that has no node after a decision."""


def jobs(events: Iterable[RecordedEvent]) -> dict[str, dict[str, str | None]]:
    """Where each job went and how it ended: {job: {node, backup, state}}.

    A job whose node fails is lost until something is decided about it; its completion is no such decision.
    A node that was cut off and alive gives its jobs back when it is repaired.
    """
    found: dict[str, dict[str, str | None]] = {}
    isolated: dict[str, str] = {}
    for recorded in events:
        match recorded.event:
            case JobPlaced(job=job, node=node, backup=backup):
                found[job] = {"node": node, "backup": backup, "state": "placed"}
            case JobPromoted(job=job, node=node):
                found[job] = {"node": node, "backup": None, "state": "placed"}
            case JobRefused() | JobQueued() | JobEvicted() | JobCancelled() as decided:
                found[decided.job] = {"node": None, "backup": None, "state": _STATES[type(decided)]}
            case JobBackup(job=job, backup=backup):
                found[job]["backup"] = backup
            case JobCompleted(job=job) if found[job]["state"] != "lost":
                found[job]["state"] = "completed"
            case FaultBegan(fault=fault, isolated=str(node)):
                isolated[fault] = node
                _become(found, node, "placed", "lost")
            case FaultBegan(node=str(node)) | NodeFailed(node=node):
                _become(found, node, "placed", "lost")
            case FaultRepaired(fault=fault) if fault in isolated:
                _become(found, isolated.pop(fault), "lost", "placed")
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


def congestion(event: FlowEnded) -> Congestion:
    """What an event `flow.end` says of it."""
    found = Congestion()
    if event.busy_ns and event.receive_window_ns is not None:
        found["receive_window_ppm"] = event.receive_window_ns * 10**6 // event.busy_ns
    if event.least_round_trip_ns and event.round_trip_ns is not None:
        found["round_trip_ppm"] = event.round_trip_ns * 10**6 // event.least_round_trip_ns
    if event.refills and event.dry_refills is not None:
        found["send_buffer_ppm"] = event.dry_refills * 10**6 // event.refills
    if event.packets is not None and event.ce_packets is not None:
        found["packets"], found["ce_packets"] = event.packets, event.ce_packets
    return found


def queues(events: Iterable[RecordedEvent]) -> list[QueueSummary]:
    """Every queue with an AQM, in the order of the network."""
    return [
        QueueSummary(
            queue=end.queue,
            direction=end.direction,
            aqm=end.aqm,
            discipline=end.discipline,
            marks=end.marks,
            dropped_packets=end.dropped_packets,
        )
        for each in events
        if isinstance(end := each.event, QueueEnded)
    ]


class FlowSummary(Congestion):
    """What a flow brought to its destination within its time, and what queues delivered after its end.

    Runs of earlier versions counted both as received; there `drained_bytes` is None.
    """

    received_bytes: int
    drained_bytes: int | None
    throughput_bps: int


def flows(events: Iterable[RecordedEvent]) -> dict[str, FlowSummary]:
    """What each background flow brought to its destination, by flow."""
    return {
        end.flow: FlowSummary(
            received_bytes=end.received_bytes,
            drained_bytes=end.drained_bytes,
            throughput_bps=end.throughput_bps,
            **congestion(end),
        )
        for each in events
        if isinstance(end := each.event, FlowEnded)
    }


def of_variant(events: Iterable[RecordedEvent], variant: str) -> list[RecordedEvent]:
    """The events of one variant, in order."""
    return [event for event in events if event.variant == variant]
