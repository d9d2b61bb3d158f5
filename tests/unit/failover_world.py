"""Agents of two nodes, their monitor and a client on a network in memory, each at its own distance."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_network import FakeLoop

from testbed.host import ports
from testbed.model.job import Requests
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload import monitor as monitor_module
from testbed.workload import node_agent, request_client
from testbed.workload.monitor import Monitor
from testbed.workload.node_agent import AgentPlace, NodeAgent
from testbed.workload.request_client import RequestClient
from testbed.workload.terms import Way, terms

MS = 1_000_000
HEARTBEAT_NS, MISSED, WAY_NS = 10 * MS, 3, 1 * MS
SILENCE_NS = MISSED * HEARTBEAT_NS
Address = tuple[str, int]


@dataclass
class Network:
    """Everything reaches everything after its way, but to or from what is cut.

    `longer_ns` is drawn for every packet: what queues on its way add.
    """

    loop: FakeLoop
    ways_ns: dict[str, int] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)
    longer_ns: Callable[[], int] = lambda: 0
    cut: set[str] = field(default_factory=set)
    ends: dict[Address, Callable[[bytes, Address], None]] = field(default_factory=dict)

    def endpoint(self, _loop: Any, ip: str, port: int, heard: Callable[[bytes, Address], None]) -> Any:
        network, own = self, (ip, port)
        self.ends[own] = heard

        class End:
            def send(self, payload: bytes, to: Address) -> None:
                if not {ip, to[0]} & network.cut and ip not in network.mute and to in network.ends:
                    deliver = partial(network.deliver, payload, own, to)
                    network.loop.at(network.loop.now_ns + network.way_ns(ip, to[0]), deliver)

            def close(self) -> None:
                del network.ends[own]

        return End()

    def way_ns(self, *ends: str) -> int:
        """The distance of a node from everything else, and what this packet waits besides."""
        own = [self.ways_ns[end] for end in ends if end in self.ways_ns]
        return max(own, default=WAY_NS) + self.longer_ns()

    def deliver(self, payload: bytes, sender: Address, to: Address) -> None:
        if to in self.ends:
            self.ends[to](payload, sender)


class NoStates:
    """In place of the server of state."""

    def __init__(self, *_: Any) -> None: ...

    def close(self) -> None: ...


class World:
    """Two nodes, the monitor and a client; what they tell the driver is kept."""

    def __init__(
        self,
        logs: Path,
        patch: pytest.MonkeyPatch,
        ways: dict[str, Way] | None = None,
        heartbeat_ns: int = HEARTBEAT_NS,
        missed: int = MISSED,
    ) -> None:
        self.loop, self.heartbeat_ns = FakeLoop(), heartbeat_ns
        ways = ways or {}
        self.network = Network(self.loop, {name: each.delay_ns for name, each in ways.items()})
        own = {name: ways.get(name, Way(WAY_NS)) for name in ("a", "b")}
        self.terms = {name: terms(heartbeat_ns, missed, each, each) for name, each in own.items()}
        for module in (node_agent, monitor_module, request_client):
            patch.setattr(module, "Endpoint", self.network.endpoint)
            if hasattr(module, "StateServer"):
                patch.setattr(module, "StateServer", NoStates)
        self.told: list[dict[str, Any]] = []
        self.agents = {name: self.agent(name, boot=1) for name in ("a", "b")}
        loop: Any = self.loop
        self.monitor = Monitor(loop, "monitor", {"a": "a", "b": "b"}, self.terms, 0, self.tell)
        stream = RequestClient.streams("group")
        self.client = RequestClient(
            loop,
            "client",
            ports.REQUESTS.first,
            Requests(source="client", interval_ns=5 * MS),
            SentLog(logs, **stream),
            ReceivedLog(logs, **stream),
            self.tell,
        )
        self.monitor.start()
        for agent in self.agents.values():
            agent.start()

    def agent(self, name: str, boot: int) -> NodeAgent:
        place = AgentPlace(
            node=name,
            number=ord(name) - ord("a"),
            ip=name,
            monitor_ip="monitor",
            heartbeat_ns=self.heartbeat_ns,
            lease_ns=self.terms[name].lease_ns,
            first_ns=0,
        )
        return NodeAgent(self.loop, place, boot, nullcontext, self.tell)  # type: ignore[arg-type]

    def tell(self, kind: str, **fields: Any) -> None:
        self.told.append({"at_ns": self.loop.now_ns, "kind": kind, **fields})

    def kinds(self, *kinds: str) -> list[tuple[str, str]]:
        return [
            (each["kind"], each.get("node", each.get("job", "")))
            for each in self.told
            if each["kind"] in kinds
        ]

    def serve(self, node: str, epoch: int, failures: int | None = None, not_before_ns: int = 0) -> None:
        order = {
            "kind": "serve",
            "job": "j",
            "epoch": epoch,
            "sources": [],
            "state_bytes": 0,
            "restart_ns": 0,
        }
        known = self.kinds("silent").count(("silent", node)) if failures is None else failures
        self.monitor.order(node, order, known, not_before_ns)
        self.monitor.inform(("client", ports.REQUESTS.first), {"job": "j", "epoch": epoch, "ip": node})


def serving(world: World) -> list[str]:
    """The nodes that would answer a request now, in whatever epoch."""
    return [
        name
        for name, agent in world.agents.items()
        if any(job.serves for job in agent._jobs.values()) and agent._lease.may_serve(world.loop.now_ns)
    ]
