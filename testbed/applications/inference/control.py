"""Inference services: placed like other jobs, their programs started, and what they did written down.

A service is asked for half a second before it starts. Its server stops with its end; what is then still on
its way has half a second to arrive.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from testbed.applications.inference.client import Asking, InferenceClient
from testbed.applications.inference.events import ServiceEnded, ServiceRefused
from testbed.applications.inference.model import Service, Services
from testbed.applications.inference.requests import requests
from testbed.applications.inference.server import InferenceServer
from testbed.applications.messages import ExchangeMeasured, FirstServed, JobDropped, NodeDied
from testbed.driver.children import Child
from testbed.driver.due import Due
from testbed.driver.jobs import Answer
from testbed.driver.run_context import Process, RunContext
from testbed.host import ports
from testbed.host.process import Part
from testbed.record.events import RunWarning

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


class RunningServices:
    """All services of a run."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._services = run, Services.of(run.scenario).services
        self._running: dict[str, _Running] = {}
        run.bus.subscribe(ExchangeMeasured, self._exchanged)
        run.bus.subscribe(NodeDied, lambda died: self._node_died(died.node))
        run.bus.subscribe(JobDropped, lambda dropped: self._dropped(dropped.job, dropped.node))

    def start(self) -> None:
        """Set timers to open and to close each service."""
        for name, service in self._services.items():
            self._run.loop.at(service.starts_at_ns - _LEAD_NS, partial(self._open, name, service))
            self._run.loop.at(service.ends_at_ns + _DRAIN_NS, partial(self._close, name), Due.END)

    def _exchanged(self, measured: ExchangeMeasured) -> None:
        """Tell the services of a model's experts what their exchange of a layer takes, as just measured."""
        experts, exchange_ns = measured.experts, measured.took_ns
        for name, running in self._running.items():
            if self._services[name].experts == experts and running.server is not None:
                running.exchanges_ns.append(exchange_ns)
                self._run.children.tell(running.server, "exchange", exchange_ns=exchange_ns)

    def _node_died(self, node: str) -> None:
        """End the servers on a node that has died; what they had not answered waits for another one."""
        for running in self._running.values():
            if running.node == node:
                self._end_server(running)

    def _dropped(self, name: str, node: str) -> None:
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
        request = self._run.jobs.request(name, service.job, partners)
        begin = partial(self._begin, name, service)
        self._run.jobs.ask([request], service.ends_at_ns, begin, [partial(self._move, name)])

    def _begin(self, name: str, service: Service, answer: Answer) -> None:
        """Start what has its node; a service without one does not run, nor do its clients."""
        if not answer.nodes:
            self._run.event(ServiceRefused(service=name, reason=answer.reason))
            return
        node = answer.nodes[0]
        running = self._running[name] = _Running(node)
        server = self._start_server(name, running)
        for clients, each in service.clients.items():
            parts = partial(self._client, name, clients, node)
            served = partial(self._served, name)
            running.clients.append(self._run.start(f"{clients} client", each.host, parts, served))
        # The server first: a connection that came before it listened would be refused.
        self._run.children.go(server, *running.clients)

    def _move(self, name: str, node: str | None, epoch: int) -> None:
        """The service may serve on another node: its server starts there, and its clients turn to it."""
        running = self._running.get(name)
        if running is None or node is None:
            return
        self._end_server(running)
        running.node = node
        server = self._start_server(name, running)
        self._run.children.go(server)
        if running.exchanges_ns:
            self._run.children.tell(server, "exchange", exchange_ns=running.exchanges_ns[-1])
        address, port = self._address(name, node)
        for client in running.clients:
            self._run.children.tell(client, "moved", address=address, port=port, epoch=epoch)

    def _served(self, name: str, _client: Child, message: dict[str, Any]) -> None:
        """The first token of another node has arrived at a client."""
        self._run.bus.publish(FirstServed(name, message["epoch"], message["at_ns"]))

    def _start_server(self, name: str, running: _Running) -> Child:
        parts = partial(self._server, name, running.node)
        running.server = self._run.start(f"{name} server", running.node, parts)
        return running.server

    def _server(self, name: str, node: str, process: Process) -> Sequence[Part]:
        return [InferenceServer(process.loop, self._services[name], *self._address(name, node))]

    def _client(self, name: str, clients: str, node: str, process: Process) -> Sequence[Part]:
        """The clients of one name, all on their host."""
        service = self._services[name]
        asked = service.clients[clients]

        def say(epoch: int, at_ns: int) -> None:
            process.say("served", epoch=epoch, at_ns=at_ns)

        asking = Asking(
            name=clients,
            address=self._run.plan.address(asked.host).ip,
            server=self._address(name, node),
            token_bytes=service.token_bytes,
            requests=requests(asked, Random(f"{self._run.scenario.seed}/{clients}/requests")),
        )
        return [InferenceClient(process.loop, asking, self._run.folder, say)]

    def _address(self, name: str, node: str) -> tuple[str, int]:
        """Where a service is reached while it is on a node; each has a port of its own."""
        return self._run.plan.address(node).ip, ports.SERVICES.of([*self._services].index(name))

    def _end_server(self, running: _Running) -> None:
        if running.server is not None:
            done = self._run.stop(running.server)
            running.total.update({key: done[key] for key in _COUNTED})
            running.server = None

    def _close(self, name: str) -> None:
        """Stop a service's programs, and write down what it did; nothing if that was done already."""
        running = self._running.pop(name, None)
        if running is None:
            return
        for client in running.clients:
            self._run.stop(client)
        self._end_server(running)
        self._write_down(name, running)
        self._run.jobs.complete(name)

    def _write_down(self, name: str, running: _Running) -> None:
        service, exchanges_ns, total = self._services[name], running.exchanges_ns, running.total
        if service.experts is not None and not exchanges_ns:
            self._run.event(
                RunWarning(
                    text=f"service {name} was told of no exchange of the experts {service.experts}; "
                    "its steps are those of its table"
                )
            )
        decoded, steps = total["decoded"], total["steps"]
        self._run.event(
            ServiceEnded(
                service=name,
                node=running.node,
                **{key: total[key] for key in _COUNTED if key != "decoded"},
                of_ns=service.ends_at_ns - service.starts_at_ns,
                mean_batch=round(decoded / steps, 3) if steps else None,
                exchange_ns=sum(exchanges_ns) // len(exchanges_ns) if exchanges_ns else None,
            )
        )


def _hosts(service: Service) -> Counter[str]:
    """How many clients' entries each host has."""
    return Counter(str(clients.host) for clients in service.clients.values())


PART = RunningServices
