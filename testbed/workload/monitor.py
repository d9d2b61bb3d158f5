"""The monitor of compute nodes: answers heartbeats, gives up who is silent, and sees orders through.

An order goes out again until it is acknowledged or its node is given up: then it is void.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from testbed.host.loop import Loop
from testbed.workload import health_wire as wire
from testbed.workload.endpoint import Address, Endpoint
from testbed.workload.lease import Watch
from testbed.workload.state_transfer import StateServer
from testbed.workload.terms import Terms

AGAIN_NS = 5_000_000
"""An order goes out again when its acknowledgement is overdue by so long."""


class Monitor:
    """On the host that this thread is on. `tell` tells the driver who is silent and who is back.

    `terms` has what holds for each node, by its name, and `round_trips_ns` how far it is to an address that
    is no node's, and back. It keeps a copy of the state of every job, as storage would: who has no other to
    ask gets it here.
    """

    def __init__(
        self, loop: Loop, ip: str, nodes: Mapping[str, str], terms: Mapping[str, Terms], begins_ns: int,
        tell: Callable[..., None], round_trips_ns: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self._loop, self._ips, self._terms, self._tell = loop, nodes, terms, tell
        self._names = tuple(nodes)
        self._watch = Watch(terms, begins_ns)
        self._round_trips_ns = {nodes[name]: each.round_trip_ns for name, each in terms.items()}
        self._round_trips_ns |= round_trips_ns or {}
        self._open: dict[int, tuple[str, int] | None] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {node: [] for node in nodes}
        self._failures = Counter[str]()
        self._numbered = 0
        self._endpoint = Endpoint(loop, ip, wire.MONITOR_PORT, self._hear)
        self._states = StateServer(loop, lambda _job: True)

    def start(self) -> None:
        """Set out to watch."""
        for node in self._names:
            self._await(node)

    def order(self, node: str, order: dict[str, Any], failures: int, not_before_ns: int = 0) -> None:
        """Give an order to a node's agent, once its first heartbeat has come; void if it is given up.

        `not_before_ns` is when another node has surely stopped to serve the job. `failures` of the node are
        what the scheduler knew of as it decided. If there are more by now, it is about to hear of them and
        to decide anew: the order is void, or the node would take up a job that goes elsewhere.
        """
        if self._loop.clock.now_ns() < not_before_ns:
            self._loop.at(not_before_ns, partial(self.order, node, order, failures, not_before_ns))
            return
        boot = self._watch.boot(node)
        if failures != self._failures[node]:
            return
        if boot is not None:
            self._send(node, boot, order)
        elif self._watch.due_ns(node) is not None:
            self._waiting[node].append(order)

    def inform(self, address: Address, fields: dict[str, Any]) -> None:
        """Have something reach an address that is no agent's: one who asks jobs for answers."""
        self._numbered += 1
        self._open[self._numbered] = None
        self._repeat(self._numbered, address, wire.written(wire.ORDER, {**fields, "number": self._numbered}))

    def _send(self, node: str, boot: int, order: dict[str, Any]) -> None:
        self._numbered += 1
        self._open[self._numbered] = node, boot
        payload = wire.written(wire.ORDER, {**order, "number": self._numbered, "boot": boot})
        self._repeat(self._numbered, (self._ips[node], wire.AGENT_PORT), payload)

    def _repeat(self, number: int, address: Address, payload: bytes) -> None:
        if number not in self._open:
            return
        life = self._open[number]
        if life is not None and self._watch.boot(life[0]) != life[1]:
            del self._open[number]
            return
        self._endpoint.send(payload, address)
        again_ns = self._loop.clock.now_ns() + self._round_trips_ns.get(address[0], 0) + AGAIN_NS
        self._loop.at(again_ns, partial(self._repeat, number, address, payload))

    def _hear(self, payload: bytes, sender: Address) -> None:
        if payload[:1] == wire.ACKNOWLEDGEMENT:
            self._open.pop(wire.read_written(payload)["number"], None)
            return
        number, boot, beat = wire.read_beat(payload)
        node, now_ns = self._names[number], self._loop.clock.now_ns()
        silent_ns = self._watch.silent_ns(node, now_ns)
        failed, returned = self._watch.heard(node, boot, now_ns)
        if not self._watch.answers(node, boot):
            return
        self._endpoint.send(wire.beat(wire.ANSWER, number, boot, beat), sender)
        if failed:
            # What ran in its last boot has ended with that: nothing is to be fenced.
            self._gave_up(node, silent_ns, 0)
        if returned:
            self._tell("back", node=node)
            self._await(node)
        for order in self._waiting[node]:
            self._send(node, boot, order)
        self._waiting[node].clear()

    def _await(self, node: str) -> None:
        due_ns = self._watch.due_ns(node)
        if due_ns is not None:
            self._loop.at(due_ns, partial(self._look, node))

    def _look(self, node: str) -> None:
        now_ns = self._loop.clock.now_ns()
        if self._watch.expire(node, now_ns):
            self._waiting[node].clear()
            self._gave_up(node, self._watch.silent_ns(node, now_ns), self._terms[node].fence_ns)
        else:
            self._await(node)

    def _gave_up(self, node: str, silent_ns: int, fence_ns: int) -> None:
        self._failures[node] += 1
        self._tell("silent", node=node, silent_ns=silent_ns, fence_ns=fence_ns)

    def close(self) -> None:
        """Watch no more."""
        self._endpoint.close()
        self._states.close()
