"""What can be measured of a run: measures, their statistics, and in what these count. Pure.

Here are those that no single kind of application owns; a kind declares its own beside its model.
"""

from dataclasses import dataclass
from enum import StrEnum

from testbed.model.base import ACROSS
from testbed.units import DURATION, RATE, SHARE, Dimension


class Unit(StrEnum):
    """What a statistic counts in."""

    DELAY = "delay"
    COUNT = "count"
    RATE = "rate"
    SHARE = "share"

    @property
    def dimension(self) -> Dimension | None:
        """The dimension in which it is written; None for a bare number."""
        return {Unit.DELAY: DURATION, Unit.RATE: RATE, Unit.SHARE: SHARE}.get(self)

    @property
    def unit(self) -> str:
        """The unit of its whole numbers inside, as the summary names it."""
        return {Unit.DELAY: "ns", Unit.COUNT: "count", Unit.RATE: "bit/s", Unit.SHARE: "ppm"}[self]

    def written(self, value: int) -> str:
        """A number as a file would have it: "8 ms", "3", "2 Gbit/s", "35 %"."""
        return str(value) if self.dimension is None else self.dimension.format(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A number that is worked out of one stream or of a whole.

    With `of_faults` there is none in a variant in which nothing breaks.
    """

    name: str
    kind: Unit
    meaning: str
    of_faults: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a number is of: a stream of packets or of messages, or one thing as a whole.

    The summary of a variant has its numbers under `key`. A stream whose names have one direction each has
    it as `direction`. A whole has `statistics` of its own, and `undirected` says why it has no direction.
    """

    name: str
    key: str
    meaning: str
    direction: str | None = None
    statistics: tuple[str, ...] | None = None
    undirected: str = ""
    of_faults: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether it is of packets or messages, each with a delay."""
        return self.statistics is None


STATISTICS = (
    Statistic(name="min", kind=Unit.DELAY, meaning="The shortest delay."),
    Statistic(name="mean", kind=Unit.DELAY, meaning="The mean delay."),
    Statistic(name="p50", kind=Unit.DELAY, meaning="Half of the delays are no longer."),
    Statistic(name="p95", kind=Unit.DELAY, meaning="95 % of the delays are no longer."),
    Statistic(name="p99", kind=Unit.DELAY, meaning="99 % of the delays are no longer."),
    Statistic(name="p999", kind=Unit.DELAY, meaning="99.9 % of the delays are no longer."),
    Statistic(name="max", kind=Unit.DELAY, meaning="The longest delay."),
    Statistic(name="sent", kind=Unit.COUNT, meaning="How many were sent."),
    Statistic(name="received", kind=Unit.COUNT, meaning="How many arrived."),
    Statistic(
        name="lost",
        kind=Unit.COUNT,
        meaning=(
            "How many had not arrived when the receiver stopped, 0.5 s after a session and 1 s after the "
            "scenario. Of jobs: those whose node failed, and of which nothing was decided after that."
        ),
    ),
    Statistic(name="reordered", kind=Unit.COUNT, meaning="How many arrived after one that was sent later."),
    Statistic(
        name="throughput",
        kind=Unit.RATE,
        meaning=(
            "What arrived from `starts` to `ends`, over that time: of UDP the IP packets, of TCP the "
            "payload that the program at the destination could read, of a transfer its blocks. What "
            "arrives later is in none."
        ),
    ),
    Statistic(
        name="unused",
        kind=Unit.SHARE,
        meaning="Of what the channel could have carried while the session sent, what it did not.",
    ),
    Statistic(name="resizes", kind=Unit.COUNT, meaning="How often the channel's rate was changed."),
    Statistic(
        name="queueing",
        kind=Unit.DELAY,
        meaning=(
            "The longest delay of a packet in the channel, beyond the shortest that any of the session had."
        ),
    ),
    Statistic(
        name="opening",
        kind=Unit.DELAY,
        meaning="From the request for a channel to the first packet sent in it.",
    ),
    Statistic(name="admitted", kind=Unit.COUNT, meaning="Requests for channels that were granted."),
    Statistic(
        name="refused",
        kind=Unit.COUNT,
        meaning=(
            "Requests for channels that were not. Of jobs: those that found no node and did not wait for one."
        ),
    ),
    Statistic(
        name="preempted",
        kind=Unit.COUNT,
        meaning="Channels that were taken away for others of a higher priority.",
    ),
    Statistic(
        name="fairness",
        kind=Unit.SHARE,
        meaning=(
            "Jain's index over what the sessions with a channel sent of what they wanted to send; 100 % "
            "if all had the same share."
        ),
    ),
    Statistic(name="placed", kind=Unit.COUNT, meaning="Jobs that were given a node."),
    Statistic(
        name="waiting",
        kind=Unit.COUNT,
        meaning="Jobs without a node when they ended, or the run did: they waited for one in vain.",
    ),
    Statistic(name="promoted", kind=Unit.COUNT, meaning="How often a backup took over."),
    Statistic(name="evicted", kind=Unit.COUNT, meaning="How often a job lost its node without a backup."),
)

MEASURES = (
    Measure(
        name="probe", key="probes", meaning="A scapy probe of a session: from its sending to its arrival."
    ),
    Measure(
        name="frame",
        key="frames",
        meaning=(
            "A whole video frame of a session, from its first packet handed to the kernel to its last one "
            "received."
        ),
    ),
    Measure(
        name="packet",
        key="packets",
        meaning="A packet of a session's video, of a measured flow, or of a workload.",
    ),
    Measure(
        name="message",
        key="messages",
        meaning="Of a workload: whatever it calls a message, such as all packets of a spurt of speech.",
    ),
    Measure(name="command", key="commands", meaning="A command of a session's player."),
    Measure(
        name="flow",
        key="flows",
        meaning="A background flow or a workload as a whole.",
        statistics=("throughput",),
        undirected="a flow has one way only, from its source",
    ),
    Measure(
        name="channel",
        key="channels",
        meaning="A session's channel, or all channels of a variant.",
        statistics=(
            "unused",
            "resizes",
            "queueing",
            "opening",
            "admitted",
            "refused",
            "preempted",
            "fairness",
        ),
        undirected="a channel is one for both ways",
    ),
    Measure(
        name="request",
        key="requests",
        meaning="Of a group of jobs with `requests`: from a request to its answer; lost if none came.",
        direction=ACROSS,
    ),
    Measure(
        name="recovery",
        key="recoveries",
        meaning=(
            "Of anything that has jobs: from a fault to the first request or "
            "frame that is served again; lost if none was."
        ),
        direction=ACROSS,
        of_faults=True,
    ),
    Measure(
        name="jobs",
        key="placement",
        meaning="All jobs of a variant.",
        statistics=("placed", "refused", "waiting", "lost", "promoted", "evicted"),
        undirected="jobs have no direction",
    ),
)

DELAY_STATISTICS = ("min", "mean", "p50", "p95", "p99", "p999", "max")
"""Those of a stream that are delays."""

STREAM_STATISTICS = (*DELAY_STATISTICS, "sent", "received", "lost", "reordered")
"""All those of a stream."""
