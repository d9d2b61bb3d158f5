"""Workloads that packages bring: started before time 0, and what arrived written down at the end."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from testbed.driver.children import Child, Children
from testbed.driver.flows import write_end
from testbed.driver.workload_protocols import WorkloadPrograms
from testbed.host.clock import Clock
from testbed.model.workload import Workload
from testbed.record.logs import EventLog

Stop = Callable[[Child], dict[str, Any]]


class Workloads:
    """All workloads of a run; `stop` stops a program and gives its last message."""

    def __init__(
        self,
        workloads: Mapping[str, Workload],
        programs: WorkloadPrograms,
        children: Children,
        events: EventLog,
        clock: Clock,
        logs: Path,
        stop: Stop,
    ) -> None:
        self._workloads, self._programs, self._children = workloads, programs, children
        self._logs = logs
        self._events, self._clock, self._stop_program = events, clock, stop
        self._running: list[tuple[str, Child, Child]] = []

    def start(self) -> None:
        """Start the destinations and the sources, and let all go together."""
        for name, workload in self._workloads.items():
            there = partial(self._programs.at_destination, name, self._clock, logs=self._logs)
            here = partial(self._programs.at_source, name, self._clock, logs=self._logs)
            destination = self._children.start(f"{name} destination", workload.destination, there)
            source = self._children.start(f"{name} source", workload.source, here)
            self._running.append((name, source, destination))
        self._children.go(*(child for _, *both in self._running for child in both))

    def stop(self) -> None:
        """Stop them all, the sources first, and write down what arrived, as of a flow."""
        for _, source, _ in self._running:
            self._stop_program(source)
        for name, _, destination in self._running:
            done, workload = self._stop_program(destination), self._workloads[name]
            duration_ns = workload.ends_at_ns - workload.starts_at_ns
            write_end(self._events, self._clock, name, done, duration_ns)
