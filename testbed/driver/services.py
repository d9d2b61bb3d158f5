"""Inference services: placed like other jobs, their programs started, and what they did written down.

A service is asked for half a second before it starts. Its server stops with its end; what is then still on
its way has half a second to arrive.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from testbed.driver.children import Child, Children
from testbed.driver.jobs import Jobs
from testbed.driver.serving_protocols import ServingPrograms
from testbed.model.scenario import Scenario
from testbed.model.serving import Service
from testbed.placement import JobRequest
from testbed.program.clock import Clock
from testbed.program.loop import Loop
from testbed.record.logs import EventLog

_LEAD_NS = 500_000_000
_DRAIN_NS = 500_000_000
_COUNTED = ("requests", "answered", "tokens", "decoded", "steps", "prefill_ns", "busy_ns")
"""What a server counts, as it says at its end."""


@dataclass(slots=True)
class _Running:
    """A service that has been placed: its clients, and its servers, of which the last one serves.

    `exchanges_ns` are what its experts' exchanges of a layer took, in the order in which it was told of them.
    """

    node: str
    clients: list[Child] = field(default_factory=list)
    servers: list[Child] = field(default_factory=list)
    exchanges_ns: list[int] = field(default_factory=list)


class Services:
    """All services of a run; `stop` stops a program and gives its last message."""

    def __init__(
        self,
        scenario: Scenario,
        programs: ServingPrograms,
        jobs: Jobs,
        children: Children,
        loop: Loop,
        events: EventLog,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._scenario, self._programs, self._jobs, self._children = scenario, programs, jobs, children
        self._loop, self._events, self._stop_program = loop, events, stop
        self._running: dict[str, _Running] = {}

    @property
    def _clock(self) -> Clock:
        return self._loop.clock

    def start(self, logs: Path) -> None:
        """Set out to open and to close each service at its instants."""
        for name, service in self._scenario.services.items():
            self._loop.at(service.starts_at_ns - _LEAD_NS, partial(self._open, name, service, logs))
            self._loop.at(service.ends_at_ns + _DRAIN_NS, partial(self._close, name))

    def exchanged(self, experts: str, exchange_ns: int) -> None:
        """Tell the services of a model's experts what their exchange of a layer takes, as just measured."""
        for name, running in self._running.items():
            if self._scenario.services[name].experts == experts:
                running.exchanges_ns.append(exchange_ns)
                self._children.tell(running.servers[-1], "exchange", exchange_ns=exchange_ns)

    def stop(self) -> None:
        """Close whatever is still open."""
        for name in [*self._running]:
            self._close(name)

    def _open(self, name: str, service: Service, logs: Path) -> None:
        node = self._jobs.place(self._request(name, service))
        if node is None:
            return
        running = self._running[name] = _Running(node)
        server = self._serve(name, running)
        for clients, each in service.clients.items():
            make = partial(self._programs.client, name, clients, node, self._clock, logs=logs)
            running.clients.append(self._children.start(f"{clients} client", each.host, make))
        # The server first: a connection that came before it listened would be refused.
        self._children.go(server, *running.clients)

    def _request(self, name: str, service: Service) -> JobRequest:
        """A service's job: it belongs near its clients."""
        backup = service.job.backup
        return JobRequest(
            name=name,
            weight=service.job.weight,
            partners={host: float(count) for host, count in _hosts(service).items()},
            backup=self._scenario.placement.backup if backup is None else backup,
        )

    def _serve(self, name: str, running: _Running) -> Child:
        make = partial(self._programs.server, name, running.node, self._clock)
        server = self._children.start(f"{name} server", running.node, make)
        running.servers.append(server)
        return server

    def _close(self, name: str) -> None:
        """Stop a service's programs, and write down what it did; nothing if that was done already."""
        running = self._running.pop(name, None)
        if running is None:
            return
        for client in running.clients:
            self._stop_program(client)
        total = Counter[str]()
        for server in running.servers:
            done = self._stop_program(server)
            total.update({key: done[key] for key in _COUNTED})
        self._write_down(name, running, total)
        self._jobs.complete(name)

    def _write_down(self, name: str, running: _Running, total: Counter[str]) -> None:
        service, exchanges_ns = self._scenario.services[name], running.exchanges_ns
        if service.experts is not None and not exchanges_ns:
            self._event(
                "warning",
                text=f"service {name} was told of no exchange of the experts {service.experts}; "
                "its steps are those of its table",
            )
        decoded, steps = total.pop("decoded"), total["steps"]
        self._event(
            "service.end",
            service=name,
            node=running.node,
            **{key: total[key] for key in _COUNTED if key != "decoded"},
            of_ns=service.ends_at_ns - service.starts_at_ns,
            mean_batch=round(decoded / steps, 3) if steps else None,
            exchange_ns=sum(exchanges_ns) // len(exchanges_ns) if exchanges_ns else None,
        )

    def _event(self, kind: str, **fields: Any) -> None:
        self._events.write(kind, self._clock.now_ns(), **fields)


def _hosts(service: Service) -> Counter[str]:
    """How many clients' entries each host has."""
    return Counter(str(clients.host) for clients in service.clients.values())
