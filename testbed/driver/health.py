"""The driver's line to the program in which the monitor and the agents of all nodes live.

What is said here stands for what happens on the hosts themselves: a node dies, the scheduler beside the
monitor decides. What nodes and monitor say to each other crosses the emulated network.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.driver.children import Child, Children
from testbed.driver.health_protocols import HealthPrograms
from testbed.driver.takeover import Order
from testbed.host.clock import Clock

Heard = Callable[[dict[str, Any]], None]


class Health:
    """Started once; then nodes break and return, orders go out, and news comes in."""

    def __init__(
        self,
        programs: HealthPrograms,
        children: Children,
        clock: Clock,
        heard: Heard,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._programs, self._children, self._clock, self._heard = programs, children, clock, heard
        self._stop_program = stop
        self._program: Child | None = None
        self._failures = Counter[str]()

    def start(self, logs: Path) -> None:
        """Start the monitor, the agents and the clients."""
        self._program = self._children.start(
            "health",
            self._programs.monitor,
            lambda control: self._programs.health(self._clock, control, logs),
            self._hear,
        )
        self._children.go(self._program)

    def _hear(self, _child: Child, message: dict[str, Any]) -> None:
        if message["kind"] == "silent":
            self._failures[message["node"]] += 1
        self._heard(message)

    def order(self, order: Order, not_before_ns: int = 0) -> None:
        """Have the monitor give an order, as long as the node has not failed again meanwhile."""
        failures = self._failures[order.node]
        self._tell(
            "order", node=order.node, order=order.fields, failures=failures, not_before_ns=not_before_ns
        )

    def inform(self, group: str, job: str, epoch: int, node: str | None) -> None:
        """Have the monitor tell a group's client where a job is."""
        ip = None if node is None else self._programs.address(node)
        self._tell("inform", group=group, news={"job": job, "epoch": epoch, "ip": ip})

    def dies(self, node: str) -> None:
        """A node dies, and its agent with it."""
        self._tell("dies", node=node)

    def returns(self, node: str) -> None:
        """A node that died is there again, empty."""
        self._tell("returns", node=node)

    def sources(self, node: str | None) -> list[str]:
        """Where a job's state is to be had, in the order of trying: the node that runs it, the monitor."""
        of_node = [] if node is None else self._programs.state_addresses(node)
        return [*of_node, self._programs.address(self._programs.monitor)]

    def _tell(self, kind: str, **fields: Any) -> None:
        if self._program is not None:
            self._children.tell(self._program, kind, **fields)

    def stop(self) -> None:
        """Stop the program."""
        if self._program is not None:
            self._stop_program(self._program)
            self._program = None
