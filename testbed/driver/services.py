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

from testbed.applications.messages import ExchangeMeasured
from testbed.applications.script import Scenario
from testbed.driver.children import Child, Children
from testbed.driver.due import Due
from testbed.driver.jobs import Answer, Jobs
from testbed.driver.serving_protocols import ServingPrograms
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model.serving import Service
from testbed.record.logs import EventLog

_LEAD_NS = 500_000_000
_DRAIN_NS = 500_000_000
_COUNTED = ("requests", "answered", "tokens", "decoded", "steps", "prefill_ns", "busy_ns", "least_ns")
"""What a server counts, as it says at its end."""


@dataclass(slots=True)
class _Running:
    """A service that has been placed: its clients, its server unless its node is lost, what servers did.

    `exchanges_ns` are what its experts' exchanges of a layer took, in the order in which it was told of them.
    """

    node: str
    clients: list[Child] = field(default_factory=list)
    server: Child | None = None
    total: Counter[str] = field(default_factory=Counter)
    exchanges_ns: list[int] = field(default_factory=list)


class Services:
    """All services of a run; `stop` stops a program and gives its last message.

    `on_first_token` is told of the first token that a client has from another node than before: the service,
    its epoch and the instant.
    """

    def __init__(
        self,
        scenario: Scenario,
        programs: ServingPrograms,
        jobs: Jobs,
        children: Children,
        loop: Loop,
        events: EventLog,
        logs: Path,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._scenario, self._programs, self._jobs, self._children = scenario, programs, jobs, children
        self._loop, self._events, self._logs, self._stop_program = loop, events, logs, stop
        self._running: dict[str, _Running] = {}
        self.on_first_token: Callable[[str, int, int], None] = lambda _service, _epoch, _at_ns: None

    @property
    def _clock(self) -> Clock:
        return self._loop.clock

    def start(self) -> None:
        """Set out to open and to close each service at its instants."""
        for name, service in self._scenario.services.items():
            self._loop.at(service.starts_at_ns - _LEAD_NS, partial(self._open, name, service))
            self._loop.at(service.ends_at_ns + _DRAIN_NS, partial(self._close, name), Due.END)

    def exchanged(self, measured: ExchangeMeasured) -> None:
        """Tell the services of a model's experts what their exchange of a layer takes, as just measured."""
        experts, exchange_ns = measured.experts, measured.took_ns
        for name, running in self._running.items():
            if self._scenario.services[name].experts == experts and running.server is not None:
                running.exchanges_ns.append(exchange_ns)
                self._children.tell(running.server, "exchange", exchange_ns=exchange_ns)

    def node_died(self, node: str) -> None:
        """End the servers on a node that has died; what they had not answered waits for another one."""
        for running in self._running.values():
            if running.node == node:
                self._end_server(running)

    def dropped(self, name: str, node: str) -> None:
        """The agent of a node has dropped a service's job, its lease being over: its server ends."""
        running = self._running.get(name)
        if running is not None and running.node == node:
            self._end_server(running)

    def stop(self) -> None:
        """Close whatever is still open."""
        for name in [*self._running]:
            self._close(name)

    def _open(self, name: str, service: Service) -> None:
        # It belongs near its clients.
        partners = {host: float(count) for host, count in _hosts(service).items()}
        request = self._jobs.request(name, service.job, partners)
        run = partial(self._run, name, service)
        self._jobs.ask([request], service.ends_at_ns, run, [partial(self._move, name)])

    def _run(self, name: str, service: Service, answer: Answer) -> None:
        """Start what has its node; a service without one does not run, nor do its clients."""
        if not answer.nodes:
            self._event("service.refuse", service=name, reason=answer.reason)
            return
        node = answer.nodes[0]
        running = self._running[name] = _Running(node)
        server = self._start_server(name, running)
        for clients, each in service.clients.items():
            make = partial(self._programs.client, name, clients, node, self._clock, logs=self._logs)
            heard = partial(self._hear, name)
            running.clients.append(self._children.start(f"{clients} client", each.host, make, heard))
        # The server first: a connection that came before it listened would be refused.
        self._children.go(server, *running.clients)

    def _move(self, name: str, node: str | None, epoch: int) -> None:
        """The service may serve on another node: its server starts there, and its clients turn to it."""
        running = self._running.get(name)
        if running is None or node is None:
            return
        self._end_server(running)
        running.node = node
        server = self._start_server(name, running)
        self._children.go(server)
        if running.exchanges_ns:
            self._children.tell(server, "exchange", exchange_ns=running.exchanges_ns[-1])
        address, port = self._programs.address(name, node)
        for client in running.clients:
            self._children.tell(client, "moved", address=address, port=port, epoch=epoch)

    def _hear(self, name: str, _client: Child, message: dict[str, Any]) -> None:
        """A client says that the first token of another node has come."""
        self.on_first_token(name, message["epoch"], message["at_ns"])

    def _start_server(self, name: str, running: _Running) -> Child:
        make = partial(self._programs.server, name, running.node, self._clock)
        running.server = self._children.start(f"{name} server", running.node, make)
        return running.server

    def _end_server(self, running: _Running) -> None:
        if running.server is not None:
            done = self._stop_program(running.server)
            running.total.update({key: done[key] for key in _COUNTED})
            running.server = None

    def _close(self, name: str) -> None:
        """Stop a service's programs, and write down what it did; nothing if that was done already."""
        running = self._running.pop(name, None)
        if running is None:
            return
        for client in running.clients:
            self._stop_program(client)
        self._end_server(running)
        self._write_down(name, running)
        self._jobs.complete(name)

    def _write_down(self, name: str, running: _Running) -> None:
        service, exchanges_ns, total = self._scenario.services[name], running.exchanges_ns, running.total
        if service.experts is not None and not exchanges_ns:
            self._event(
                "warning",
                text=f"service {name} was told of no exchange of the experts {service.experts}; "
                "its steps are those of its table",
            )
        decoded, steps = total["decoded"], total["steps"]
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
