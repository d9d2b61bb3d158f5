"""The events that belong to no kind of application."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from testbed.model.base import Direction
from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReady(Event):
    """The network is built and the flows' programs are ready; before time 0."""

    kind: ClassVar[str] = "network.ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfJob(Event):
    """What all events of jobs have."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoNode(OfJob):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlaced(OfJob):
    """The scheduler gives a job a node."""

    kind: ClassVar[str] = "job.place"
    node: str
    backup: str | None
    reason: str
    scores: dict[str, float]
    """By node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRefused(_NoNode):
    """No node can take a job, and it does not wait for one."""

    kind: ClassVar[str] = "job.refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueued(_NoNode):
    """No node can take a job now; it waits."""

    kind: ClassVar[str] = "job.queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCompleted(OfJob):
    """A job is done, and its node is free again."""

    kind: ClassVar[str] = "job.complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(OfJob):
    """A job is given up; it no longer waits."""

    kind: ClassVar[str] = "job.cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPromoted(OfJob):
    """The node of a job has failed, and the job's backup takes over."""

    kind: ClassVar[str] = "job.promote"
    failed: str
    node: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvicted(OfJob):
    """A job has lost its node and had no backup; it waits."""

    kind: ClassVar[str] = "job.evict"
    failed: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobBackup(OfJob):
    """A job has another backup, or no longer has one."""

    kind: ClassVar[str] = "job.backup"
    backup: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobServed(OfJob):
    """The program of a job serves on a node for the first time."""

    kind: ClassVar[str] = "job.serve"
    node: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStopped(OfJob):
    """The agent of a node no longer serves a job: it was told to stop, or its lease is over."""

    kind: ClassVar[str] = "job.stop"
    node: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecovered(OfJob):
    """A job serves again after a fault."""

    kind: ClassVar[str] = "job.recover"
    node: str
    epoch: int
    recovery_ns: int
    """The sum of the five parts that follow."""
    detection_ns: int
    decision_ns: int
    transfer_ns: int
    restart_ns: int
    first_request_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfFault(Event):
    fault: str
    node: str | None = None
    isolated: str | None = None
    plane: int | None = None
    link: dict[str, Any] | None = None
    """`node` and `plane`. A fault has one of node, isolated, plane and link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultBegan(_OfFault):
    """Something breaks."""

    kind: ClassVar[str] = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRepaired(_OfFault):
    """What broke works again."""

    kind: ClassVar[str] = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFailed(Event):
    """A node was silent for so long that it is given up."""

    kind: ClassVar[str] = "node.fail"
    node: str
    silent_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReturned(Event):
    """A node that was given up sends again."""

    kind: ClassVar[str] = "node.return"
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfChannel(Event):
    """What all events of channels have."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrdered(OfChannel):
    """The API orders a channel."""

    kind: ClassVar[str] = "channel.order"
    session: str
    """The scenario's name of the session whose packets they are, or else the order's own name."""
    order: str
    """The API's own name of the channel."""
    device: str
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAdmitted(OfChannel):
    """The controller admits a channel: the committed rates are held from now on."""

    kind: ClassVar[str] = "channel.admit"
    rates: dict[Direction, int]
    """By direction."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelActivated(OfChannel):
    """A channel opens, once it is provisioned."""

    kind: ClassVar[str] = "channel.active"
    rates: dict[Direction, int]
    """By direction."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRefused(OfChannel):
    """The controller refuses a channel: the session runs without a channel."""

    kind: ClassVar[str] = "channel.refuse"
    reason: str
    fits: dict[Direction, int] | None = None
    """The committed rates that would have fitted, by direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResized(OfChannel):
    """The rate of a channel is changed."""

    kind: ClassVar[str] = "channel.resize"
    direction: Direction
    from_bps: int
    to_bps: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPreempted(OfChannel):
    """A channel is taken away for a channel of a higher priority."""

    kind: ClassVar[str] = "channel.preempt"
    by: str
    """The session of that channel."""
    link: str
    """The link that cannot carry both."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelExpired(OfChannel):
    """The lifetime of a channel is over."""

    kind: ClassVar[str] = "channel.expire"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReleased(OfChannel):
    """A channel is given back."""

    kind: ClassVar[str] = "channel.release"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfClass(Event):
    """What all events of a channel's class in tc have."""

    session: str
    direction: Direction
    rate_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOpened(OfClass):
    """The class and the filter of a channel were made in tc."""

    kind: ClassVar[str] = "net.open"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResized(OfClass):
    """The class of a channel was changed in tc."""

    kind: ClassVar[str] = "net.resize"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassClosed(OfClass):
    """The filter of a channel is removed; its class is removed when its queue is empty."""

    kind: ClassVar[str] = "net.close"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCalled(Event):
    """An application server has called the API."""

    kind: ClassVar[str] = "api.call"
    session: str
    operation: str
    status: int
    took_ns: int
    qosStatus: str | None = None
    """This and what follows are of the answer."""
    statusInfo: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEnded(Event):
    """What a queue with an active queue management did, at the end of the run."""

    kind: ClassVar[str] = "queue.end"
    queue: str
    direction: Direction
    aqm: str
    discipline: str
    """The kernel's queueing discipline that stood for `aqm`."""
    marks: int
    """How often it set CE."""
    dropped_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWarning(Event):
    """The numbers need a second look."""

    kind: ClassVar[str] = "warning"
    text: str
    program: str | None = None
    """A program that was late."""
    late_ns: int | None = None
    """How late it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The run is over, and what is left is recorded."""

    kind: ClassVar[str] = "run.end"


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfHost(Event):
    seconds: float
    timers: int
    late_p50_ns: int
    late_p99_ns: int
    late_max_ns: int
    busy_ppm: int
    steal_ppm: int
    waiting_ppm: int | None
    dropped: int
    squeezed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWasLate(_OfHost):
    """In real time: within this second a timer was more than 1 ms late, or the machine lost a packet."""

    kind: ClassVar[str] = "host.late"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoaded(_OfHost):
    """In real time, at the end: how well the machine kept real time."""

    kind: ClassVar[str] = "host.load"
    driver_late_ns: int


class Decided(Protocol):
    """A decision of the channels' controller or of the scheduler."""

    @property
    def kind(self) -> str:
        """The kind of its event."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields of its event."""


_DECIDED: Mapping[str, type[Event]] = {
    each.kind: each
    for each in (
        *(JobPlaced, JobRefused, JobQueued, JobCompleted, JobCancelled, JobPromoted, JobEvicted, JobBackup),
        *(ChannelAdmitted, ChannelActivated, ChannelRefused, ChannelResized, ChannelPreempted),
        *(ChannelExpired, ChannelReleased, RunWarning),
    )
}


def of_decision(decision: Decided) -> Event:
    """The event that records a decision."""
    return _DECIDED[decision.kind](**decision.fields)
