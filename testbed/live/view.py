"""What a run looks like at an instant: events and samples folded into sessions, channels, jobs and rates.

    event or sample ──► take ──► the view's parts, each bounded

Pure: whoever reads the records tells the view of them, in their order.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.live.delay_window import DelayWindow
from testbed.record.event import Event
from testbed.record.events import (
    ChannelActivated,
    ChannelAdmitted,
    ChannelExpired,
    ChannelOrdered,
    ChannelPreempted,
    ChannelRefused,
    ChannelReleased,
    ChannelResized,
    HostWasLate,
    JobBackup,
    JobCancelled,
    JobCompleted,
    JobEvicted,
    JobPlaced,
    JobPromoted,
    JobQueued,
    JobRefused,
    OfChannel,
    OfJob,
)

MOST_EVENTS = 200
MOST_ENDED = 32
"""Channels that are over but were not given back: so many are still told of, the newest."""
MOST_RATES = 120
"""Samples that a rate's history has: a minute, at one each half second."""
RATE_BIN_NS = 500_000_000

_LATE_FOR_NS = 2_500_000_000
"""What was told of the machine counts for so long."""

ADMITTED, ACTIVE = "admitted", "active"
OPEN_STATES = (ADMITTED, ACTIVE)
_OVER: dict[type[Event], str] = {
    ChannelRefused: "refused",
    ChannelExpired: "expired",
    ChannelPreempted: "preempted",
}

Key = tuple[str, str]
"""A session, or whatever else is sampled, and a direction."""
StreamKey = tuple[str, str, str]
"""A stream: whose it is, its measure, its direction."""


@dataclass(slots=True)
class Usage:
    """What one direction is given and uses: the newest sample, and the throughput that it had before.

    `rate_bps` is None without a channel, `backlog_bytes` and `dropped` are None of what has no class.
    `minor` is the number of its class, in hexadecimal, where the sample is the kernel's own.
    """

    at_ns: int
    rate_bps: int | None
    throughput_bps: int | None
    backlog_bytes: int | None
    dropped: int | None
    minor: str | None = None
    history: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MOST_RATES))
    """Instants, in steps of half a second, and the throughput in bit/s then."""


@dataclass(slots=True)
class ChannelView:
    """A channel: how far it has come, what it is given by direction, and why."""

    state: str
    rates_bps: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    device: str | None = None
    profile: str | None = None


@dataclass(slots=True)
class JobView:
    """A job: `state` is running, waiting or refused."""

    state: str
    node: str | None = None
    backup: str | None = None


class View:
    """All that is known of one variant by now."""

    def __init__(self) -> None:
        self.at_ns: int | None = None
        """The newest instant that anything was told of; None before that."""
        self.sessions: dict[str, str] = {}
        """The sessions that are under way, with their nodes."""
        self.channels: dict[str, ChannelView] = {}
        self.jobs: dict[str, JobView] = {}
        self.rates: dict[Key, Usage] = {}
        self.delays: dict[StreamKey, DelayWindow] = {}
        self.events: deque[tuple[int, Event]] = deque(maxlen=MOST_EVENTS)
        """The newest, each with its instant."""
        self.told = 0
        """How many events there were that belong among the newest."""
        self.counts: Counter[str] = Counter()
        """How many events there were of each kind."""
        self._over: set[str] = set()
        self._late: tuple[int, int] | None = None

    @property
    def late_ns(self) -> int:
        """How late the machine was in the last seconds of real time, at most; 0 if it was not."""
        if self._late is None or self.at_ns is None or self.at_ns - self._late[0] > _LATE_FOR_NS:
            return 0
        return self._late[1]

    def take_event(self, at_ns: int, event: Event) -> None:
        """Fold one event, in the order of events.jsonl."""
        self._reached(at_ns)
        self.counts[event.as_json()["kind"]] += 1
        if isinstance(event, HostWasLate):
            # These would leave no room for other events.
            self._late = (at_ns, event.late_max_ns)
            return
        self.events.append((at_ns, event))
        self.told += 1
        match event:
            case OfChannel():
                self._channel(event)
            case OfJob():
                self._job(event)
        if event.started_source is not None:
            name, self.sessions[name] = event.started_source
            self._over.discard(name)
        if event.ended_source is not None:
            self._ended(event.ended_source)

    def take_rate(self, sample: Mapping[str, Any]) -> None:
        """Fold one line of rates.jsonl, or one class of the kernel's with the same keys and its `minor`.

        The last samples of a session that is over count for nothing.
        """
        self._reached(sample["at_ns"])
        if sample["session"] in self._over:
            return
        key = (sample["session"], sample["direction"])
        rate = self.rates.setdefault(key, Usage(0, None, None, None, None))
        rate.at_ns, rate.rate_bps = sample["at_ns"], sample["rate_bps"]
        rate.throughput_bps = sample["throughput_bps"]
        rate.backlog_bytes, rate.dropped = sample["backlog_bytes"], sample["dropped"]
        rate.minor = sample.get("minor")
        bin_ns = rate.at_ns // RATE_BIN_NS * RATE_BIN_NS
        if rate.throughput_bps is not None and (not rate.history or bin_ns > rate.history[-1][0]):
            rate.history.append((bin_ns, rate.throughput_bps))

    def keep_classes(self, keys: Iterable[Key]) -> None:
        """Forget what the kernel told of all other classes than these."""
        kept = set(keys)
        self.rates = {key: rate for key, rate in self.rates.items() if rate.minor is None or key in kept}

    def stream(self, key: StreamKey) -> DelayWindow:
        """The delays of a stream, made if need be."""
        return self.delays.setdefault(key, DelayWindow())

    def _reached(self, at_ns: int) -> None:
        self.at_ns = at_ns if self.at_ns is None else max(self.at_ns, at_ns)

    def _ended(self, name: str) -> None:
        self.sessions.pop(name, None)
        self._over.add(name)
        self._forget_rates(name)
        if name in self.channels and self.channels[name].state not in OPEN_STATES:
            del self.channels[name]

    def _forget_rates(self, name: str) -> None:
        self.rates = {key: rate for key, rate in self.rates.items() if key[0] != name}

    def _channel(self, event: OfChannel) -> None:
        name = event.session
        if isinstance(event, ChannelReleased):
            self.channels.pop(name, None)
            return
        channel = self.channels.setdefault(name, ChannelView(ADMITTED))
        match event:
            case ChannelOrdered():
                channel.state, channel.device, channel.profile = "ordered", event.device, event.profile
            case ChannelResized():
                channel.rates_bps[event.direction] = event.to_bps
                channel.reason = event.reason
            case ChannelAdmitted() | ChannelActivated():
                channel.state = ADMITTED if isinstance(event, ChannelAdmitted) else ACTIVE
                channel.rates_bps, channel.reason = (
                    {str(key): rate for key, rate in event.rates.items()},
                    event.reason,
                )
            case ChannelRefused() | ChannelExpired() | ChannelPreempted():
                channel.state, channel.rates_bps, channel.reason = _OVER[type(event)], {}, event.reason
                self._forget_ended()

    def _forget_ended(self) -> None:
        ended = [name for name, channel in self.channels.items() if channel.state in _OVER.values()]
        for name in ended[:-MOST_ENDED]:
            del self.channels[name]

    def _job(self, event: OfJob) -> None:
        name = event.job
        match event:
            case JobPlaced():
                self.jobs[name] = JobView("running", event.node, event.backup)
            case JobPromoted():
                self.jobs[name] = JobView("running", event.node)
            case JobBackup():
                self.jobs.setdefault(name, JobView("running")).backup = event.backup
            case JobQueued() | JobEvicted():
                self.jobs[name] = JobView("waiting")
            case JobRefused():
                self.jobs[name] = JobView("refused")
            case JobCompleted() | JobCancelled():
                self.jobs.pop(name, None)
