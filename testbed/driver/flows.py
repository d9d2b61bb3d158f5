"""Background flows: their two ends started before time 0, and what arrived written down at the end."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from testbed.applications.flows.events import FlowEnded
from testbed.applications.flows.model import Flow
from testbed.driver.children import Child, Children
from testbed.driver.protocols import Programs, RunningNetwork
from testbed.host import ports
from testbed.host.clock import Clock
from testbed.record.logs import EventLog

_OUTCOME = (
    "busy_ns",
    "receive_window_ns",
    "refills",
    "dry_refills",
    "round_trip_ns",
    "least_round_trip_ns",
    "packets",
    "ce_packets",
)
"""What the ends of some flows say beside the bytes."""


class Flows:
    """All background flows of a run; `stop` stops a program and gives its last message."""

    def __init__(
        self,
        flows: Mapping[str, Flow],
        network: RunningNetwork,
        programs: Programs,
        children: Children,
        events: EventLog,
        clock: Clock,
        logs: Path,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._flows, self._network, self._logs = flows, network, logs
        self._programs, self._children = programs, children
        self._events, self._clock, self._stop_program = events, clock, stop
        self._sinks: list[tuple[str, Child]] = []
        self._sources: list[Child] = []

    def start(self) -> None:
        """Start every sink and source; each sends from its flow's own instant on."""
        for index, (name, flow) in enumerate(self._flows.items()):
            port = ports.FLOWS.of(index)
            if flow.is_rewritten_to_ect1:
                self._network.send_ect1(flow.source, flow.destination, port)
            sink = partial(self._programs.sink, name, flow, port, self._clock, logs=self._logs)
            source = partial(self._programs.source, name, flow, port, self._clock, logs=self._logs)
            self._sinks.append((name, self._children.start(f"{name} sink", flow.destination, sink)))
            self._sources.append(self._children.start(f"{name} source", flow.source, source))
        self._children.go(*(child for _, child in self._sinks), *self._sources)

    def stop(self) -> None:
        """Stop them all, and write down what arrived."""
        sent = [self._stop_program(child) for child in self._sources]
        for (name, child), at_source in zip(self._sinks, sent, strict=True):
            done, flow = {**at_source, **self._stop_program(child)}, self._flows[name]
            write_end(self._events, self._clock, name, done, flow.ends_at_ns - flow.starts_at_ns)


def write_end(events: EventLog, clock: Clock, name: str, done: Mapping[str, Any], duration_ns: int) -> None:
    """Record what arrived of a flow: `done` has the last messages of the programs at its ends."""
    event = FlowEnded(
        flow=name,
        received_bytes=done["received_bytes"],
        drained_bytes=done["drained_bytes"],
        throughput_bps=done["received_bytes"] * 8 * 10**9 // duration_ns,
        **{key: done[key] for key in _OUTCOME if key in done},
    )
    events.write(event, clock.now_ns())
