"""What a served network does as metrics for Prometheus, in its text format 0.0.4.

Names have base units: bits per second for rates, bytes, seconds. A channel that was ordered has the label
`session="order-CLASS"`, after its class in the kernel and not after its identifier: there are only so many
classes, and a new identifier for every order would never end.
"""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from testbed.api.counters import ServerCounters
from testbed.api.live_monitor import LiveMonitor
from testbed.api.outbox import DROPPED, DeliveryOutcome, Outbox
from testbed.live.delay_window import BOUNDS_NS, DelayWindow
from testbed.live.view import OPEN_STATES, Usage, View

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_RATE_LABELS = ("session", "direction")
_DECISIONS = ("admit", "active", "refuse", "resize", "preempt", "expire", "release")


class NetworkMetrics(Collector):
    """Makes all metrics anew from what is known at the moment."""

    def __init__(
        self, monitor: LiveMonitor, counters: ServerCounters, outbox: Outbox, build: dict[str, str]
    ) -> None:
        self._monitor, self._counters, self._outbox, self._build = monitor, counters, outbox, build

    def collect(self) -> Iterator[Metric]:
        """All families."""
        view = self._monitor.view
        yield InfoMetricFamily("testbed_build", "Versions and what is served.", value=self._build)
        running_s = max(0, view.at_ns or 0) / 1e9
        yield GaugeMetricFamily("testbed_network_seconds", "Time of the network since its time 0.", running_s)
        yield GaugeMetricFamily(
            "testbed_host_late_seconds",
            "How late the machine was in the last second, at most.",
            view.late_ns / 1e9,
        )
        yield from _rates(view)
        yield from self._classes()
        yield _delays(view)
        yield from _states(view)
        yield from self._server()

    def text(self) -> bytes:
        """All metrics in the text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def _classes(self) -> Iterator[Metric]:
        """What the kernel counts of the channels' classes."""
        labels = (*_RATE_LABELS, "class")
        sent = CounterMetricFamily(
            "testbed_channel_sent_bytes", "Bytes that left the class of a channel.", labels=labels
        )
        shaped = GaugeMetricFamily(
            "testbed_channel_shaped_bits_per_second",
            "Rate of a channel's class in the kernel.",
            labels=labels,
        )
        for each in self._monitor.dump.classes:
            name = each.name if each.name in self._monitor.view.sessions else _of_order(each.minor)
            values = [name, str(each.direction), each.minor]
            sent.add_metric(values, each.sent_bytes)
            if each.rate_bps is not None:
                shaped.add_metric(values, each.rate_bps)
        yield sent
        yield shaped

    def _server(self) -> Iterator[Metric]:
        orders = CounterMetricFamily("testbed_orders", "Orders of the API to the network.", labels=("kind",))
        for kind in ("channel", "extend", "withdraw"):
            orders.add_metric([kind], self._counters.orders[kind])
        yield orders
        calls = CounterMetricFamily(
            "testbed_api_requests",
            "Requests answered, by operation and status.",
            labels=("operation", "status"),
        )
        for (operation, status), count in sorted(self._counters.calls.items()):
            calls.add_metric([operation, str(status)], count)
        yield calls
        events = CounterMetricFamily(
            "testbed_api_events", "Events for sinks that came to an end, by which.", labels=("outcome",)
        )
        for outcome in (*(each.name.lower() for each in DeliveryOutcome), DROPPED):
            events.add_metric([outcome], self._outbox.ended[outcome])
        yield events
        waiting = self._outbox.waiting
        yield GaugeMetricFamily("testbed_api_events_waiting", "Events for sinks on their way.", waiting)


def _of_order(minor: str | None) -> str:
    return f"order-{minor}"


def _labels(key: tuple[str, str], rate: Usage) -> list[str]:
    name, direction = key
    return [name if rate.minor is None else _of_order(rate.minor), direction]


def _rates(view: View) -> Iterator[Metric]:
    """What is allotted and used; a session without a channel has no allotted rate."""
    allotted = GaugeMetricFamily(
        "testbed_session_allotted_bits_per_second", "Rate that a channel is given.", labels=_RATE_LABELS
    )
    used = GaugeMetricFamily(
        "testbed_session_used_bits_per_second",
        "Throughput of the class that carries it.",
        labels=_RATE_LABELS,
    )
    backlog = GaugeMetricFamily(
        "testbed_session_backlog_bytes", "What waits in the queue of that class.", labels=_RATE_LABELS
    )
    dropped = CounterMetricFamily(
        "testbed_session_dropped_packets",
        "Packets dropped by that class since it was made.",
        labels=_RATE_LABELS,
    )
    for key, rate in view.rates.items():
        for family, value in (
            (allotted, rate.rate_bps),
            (used, rate.throughput_bps),
            (backlog, rate.backlog_bytes),
            (dropped, rate.dropped),
        ):
            if value is not None:
                family.add_metric(_labels(key, rate), value)
    yield from (allotted, used, backlog, dropped)


def _delays(view: View) -> Metric:
    family = HistogramMetricFamily(
        "testbed_delay_seconds",
        "One-way delay of what arrived, by stream.",
        labels=("session", "measure", "direction"),
    )
    for key, delays in view.delays.items():
        family.add_metric(list(key), buckets=_buckets(delays), sum_value=delays.sum_ns / 1e9)
    return family


def _buckets(delays: DelayWindow) -> list[tuple[str, float]]:
    """The counts summed up, as the format wants them: of all delays up to each bound."""
    bounds = [*(f"{bound_ns / 1e9:g}" for bound_ns in BOUNDS_NS), "+Inf"]
    total, buckets = 0, []
    for bound, count in zip(bounds, delays.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


def _states(view: View) -> Iterator[Metric]:
    channels = GaugeMetricFamily("testbed_channels", "Channels that there are, by state.", labels=("state",))
    states = Counter(channel.state for channel in view.channels.values())
    for state in OPEN_STATES:
        channels.add_metric([state], states[state])
    yield channels
    decisions = CounterMetricFamily(
        "testbed_channel_decisions", "Decisions of the channel controller.", labels=("decision",)
    )
    for decision in _DECISIONS:
        decisions.add_metric([decision], view.counts[f"channel.{decision}"])
    yield decisions
    jobs = GaugeMetricFamily("testbed_jobs", "Jobs that there are, by state.", labels=("state",))
    of_jobs = Counter(job.state for job in view.jobs.values())
    for state in ("running", "waiting", "refused"):
        jobs.add_metric([state], of_jobs[state])
    yield jobs
