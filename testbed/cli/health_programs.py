"""Puts together the program that watches over compute nodes: monitor, agents of all nodes, and clients.

They are actors on one loop, each with sockets on its own host: a program for each of several hundred nodes
would cost memory and time, and tell nothing more. They share nothing and meet on the emulated network only.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from testbed.applications.script import Script
from testbed.driver.sessions import REQUEST_LEAD_NS
from testbed.host import ports
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.loop import Loop
from testbed.host.process import run_program
from testbed.model.job import Requests
from testbed.model.network import Role
from testbed.plan.fabric import plane_ip
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import delay_and_variation_ns, delay_ns, farthest_ns
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.monitor import Monitor
from testbed.workload.node_agent import AgentPlace, NodeAgent
from testbed.workload.request_client import RequestClient
from testbed.workload.terms import Terms, Way, terms

Inside = Callable[[str], AbstractContextManager[None]]


class PlannedHealth:
    """See `testbed.driver.health_protocols.HealthPrograms`."""

    def __init__(self, plan: NetworkPlan, scenario: Script, inside: Inside) -> None:
        self._plan, self._scenario, self._inside = plan, scenario, inside
        self._ips = {address.host: address.ip for address in plan.addresses}

    @property
    def monitor(self) -> str:
        """The host of the monitor: the one that the scenario names, or the network's controller."""
        health = self._scenario.health
        assert health is not None
        return health.monitor or self._plan.network.having(Role.CONTROL)[0].name

    def address(self, host: str) -> str:
        """A host's address."""
        return self._ips[host]

    def terms(self, node: str) -> Terms:
        """What holds between a node and the monitor, by the ways between them."""
        health = self._scenario.health
        assert health is not None
        there, back = self._way(node, self.monitor), self._way(self.monitor, node)
        return terms(int(health.heartbeat_ns), health.missed, there, back)

    def round_trip_ns(self, host: str) -> int:
        """How far it is from the monitor to any host, and back."""
        network = self._plan.network
        return delay_ns(network, self.monitor, host) + delay_ns(network, host, self.monitor)

    def _way(self, source: str, destination: str) -> Way:
        access = self._scenario.access
        return Way(*delay_and_variation_ns(self._plan.network, access, source, destination))

    def farthest_round_trip_ns(self, node: str) -> int:
        """To the farthest host from which a node may fetch state, without what waits in queues."""
        network = self._plan.network
        hosts = [self.monitor, *(station.name for station in network.having(Role.COMPUTE))]
        return 2 * farthest_ns(network, node, hosts)

    def state_addresses(self, node: str) -> list[str]:
        """A node's addresses in the planes of its fabric, if there is one, and its own."""
        fabric, ip = self._plan.network.fabric, self._ips[node]
        planes = range(len(fabric.planes)) if fabric is not None and node in fabric.nodes else ()
        return [*(plane_ip(plane, ip) for plane in planes), ip]

    def health(self, clock: Clock, control: Control, logs: Path) -> Callable[[], None]:
        """The program itself."""

        def parts(loop: Loop, _ask: object) -> list[_Watched]:
            return [_Watched(self, self._plan, self._scenario, self._inside, loop, control, logs)]

        return lambda: run_program(control, Loop(clock), parts)


class _Watched:
    """The monitor, the agents and the clients as one part of a program, told by the driver what happens."""

    def __init__(
        self, planned: PlannedHealth, plan: NetworkPlan, scenario: Script, inside: Inside, loop: Loop,
        control: Control, logs: Path,
    ) -> None:  # fmt: skip
        assert scenario.health is not None
        self._planned, self._health, self._inside = planned, scenario.health, inside
        self._loop, self._control = loop, control
        self._nodes = [station.name for station in plan.network.having(Role.COMPUTE)]
        self._terms = {node: planned.terms(node) for node in self._nodes}
        # The first beats fill the interval before the first job can be placed.
        self._begins_ns = max(loop.clock.now_ns(), -REQUEST_LEAD_NS - int(self._health.heartbeat_ns))
        self._agents = {node: self._agent(node, boot=1) for node in self._nodes}
        with inside(planned.monitor):
            self._monitor = Monitor(
                loop,
                planned.address(planned.monitor),
                {node: planned.address(node) for node in self._nodes},
                self._terms,
                self._begins_ns + self._health.heartbeat_ns,
                control.say,
                {
                    planned.address(group.requests.source): planned.round_trip_ns(group.requests.source)
                    for group in scenario.jobs.values()
                    if group.requests is not None
                },
            )
        self._clients: dict[str, tuple[RequestClient, tuple[str, int]]] = {}
        for index, (name, group) in enumerate(scenario.jobs.items()):
            if group.requests is not None:
                address = planned.address(group.requests.source), ports.REQUESTS.of(index)
                self._clients[name] = self._client(name, group.requests, address, logs), address

    def _agent(self, node: str, boot: int) -> NodeAgent:
        number, interval_ns = self._nodes.index(node), int(self._health.heartbeat_ns)
        place = AgentPlace(
            node=node,
            number=number,
            ip=self._planned.address(node),
            monitor_ip=self._planned.address(self._planned.monitor),
            heartbeat_ns=interval_ns,
            lease_ns=self._terms[node].lease_ns,
            round_trip_ns=self._planned.farthest_round_trip_ns(node),
            first_ns=self._begins_ns + interval_ns * number // len(self._nodes),
        )
        return NodeAgent(self._loop, place, boot, partial(self._inside, node), self._control.say)

    def _client(self, name: str, requests: Requests, address: tuple[str, int], logs: Path) -> RequestClient:
        stream = RequestClient.streams(name)
        with self._inside(requests.source):
            return RequestClient(
                self._loop,
                *address,
                requests,
                SentLog(logs, **stream),
                ReceivedLog(logs, **stream),
                self._control.say,
            )

    def start(self) -> None:
        """Set out to send heartbeats and to watch."""
        for agent in self._agents.values():
            agent.start()
        self._monitor.start()

    def told(self, message: dict[str, Any]) -> None:
        """Heed the driver: orders, and what becomes of nodes."""
        match message["kind"]:
            case "order":
                self._monitor.order(
                    message["node"], message["order"], message["failures"], message["not_before_ns"]
                )
            case "inform":
                _, address = self._clients[message["group"]]
                self._monitor.inform(address, message["news"])
            case "dies":
                self._agents[message["node"]].close()
            case "returns":
                node = message["node"]
                self._agents[node] = self._agent(node, self._agents[node].boot + 1)
                self._agents[node].start()

    def close(self) -> None:
        """Close everything; nodes that are dead are closed already."""
        for client, _ in self._clients.values():
            client.close()
        self._monitor.close()
