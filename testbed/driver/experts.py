"""Models of experts: their ranks placed beside those that they talk to, run, and written down."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from testbed.applications.script import Scenario
from testbed.driver.children import Child, Children
from testbed.driver.due import Due
from testbed.driver.fabric_protocols import FabricPrograms
from testbed.driver.jobs import Answer, Jobs
from testbed.host.loop import Loop
from testbed.model.fabric_work import Experts
from testbed.placement import JobRequest
from testbed.record.logs import EventLog

_LEAD_NS = 500_000_000
_DRAIN_NS = 500_000_000

Exchanged = Callable[[str, int], None]
"""Told the name of a model and how long its latest exchange took, in nanoseconds."""


def rank_requests(name: str, experts: Experts, traffic_bytes: Sequence[Sequence[int]]) -> list[JobRequest]:
    """The jobs of a model's ranks, NAME1, NAME2, …, each with its traffic with those before it.

    They are placed in this order: of those that come later it is not known where they will be.
    """
    names = experts.jobs_of(name)
    return [
        JobRequest(
            name=own,
            weight=experts.job.weight,
            kind=experts.job.kind,
            priority=experts.job.priority,
            partners={
                other: float(size) for other, size in zip(names[:rank], sizes_bytes, strict=False) if size
            },
            backup=bool(experts.job.backup),
        )
        for rank, (own, sizes_bytes) in enumerate(zip(names, traffic_bytes, strict=True))
    ]


class ExpertModels:
    """All models of a run; `stop` stops a program and gives its last message."""

    def __init__(
        self,
        scenario: Scenario,
        programs: FabricPrograms,
        jobs: Jobs,
        children: Children,
        loop: Loop,
        events: EventLog,
        logs: Path,
        stop: Callable[[Child], dict[str, Any]],
        exchanged: Exchanged = lambda _name, _took_ns: None,
    ) -> None:
        self._scenario, self._programs, self._jobs, self._children = scenario, programs, jobs, children
        self._loop, self._events, self._logs, self._stop_program = loop, events, logs, stop
        self._exchanged = exchanged
        self._running: dict[str, tuple[Child, list[str]]] = {}

    def start(self) -> None:
        """Set out to place and to stop each model at its instants."""
        for name, experts in self._scenario.experts.items():
            self._loop.at(experts.starts_at_ns - _LEAD_NS, partial(self._open, name, experts))
            self._loop.at(experts.ends_at_ns + _DRAIN_NS, partial(self._close, name), Due.END)

    def stop(self) -> None:
        """Stop whatever still runs."""
        for name in [*self._running]:
            self._close(name)

    def _open(self, name: str, experts: Experts) -> None:
        """Ask for nodes for all ranks at once."""
        requests = rank_requests(name, experts, self._programs.traffic_bytes(name))
        moves = [partial(self._move, name, rank) for rank in range(len(requests))]
        self._jobs.ask(requests, experts.ends_at_ns, partial(self._run, name), moves)

    def _run(self, name: str, answer: Answer) -> None:
        """Start the ranks on their nodes; a model of which one finds no node does not run."""
        if not answer.nodes:
            self._events.write(
                "experts.refuse", self._loop.clock.now_ns(), experts=name, reason=answer.reason
            )
            return
        ranks = [*answer.nodes]
        make = partial(self._programs.experts, name, ranks, self._loop.clock, logs=self._logs)
        child = self._children.start(f"{name} ranks", ranks[0], make, partial(self._hear, name))
        self._running[name] = child, ranks
        self._children.go(child)

    def _move(self, name: str, rank: int, node: str | None, _epoch: int) -> None:
        """A rank has another node; while it has none, exchanges miss what it would send, and are given up."""
        if node is not None and name in self._running:
            child, ranks = self._running[name]
            ranks[rank] = node
            self._children.tell(child, "move", rank=rank, node=node)

    def _hear(self, name: str, _child: Child, message: dict[str, Any]) -> None:
        self._exchanged(name, message["exchange_ns"])

    def _close(self, name: str) -> None:
        if name not in self._running:
            return
        child, ranks = self._running.pop(name)
        done = self._stop_program(child)
        self._events.write(
            "experts.end",
            self._loop.clock.now_ns(),
            experts=name,
            steps=done["steps"],
            exchange_ns=done["exchange_ns"],
            given_up=done["given_up"],
            nodes=ranks,
        )
        for job in self._scenario.experts[name].jobs_of(name):
            self._jobs.complete(job)
