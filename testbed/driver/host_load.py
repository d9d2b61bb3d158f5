"""What a run in real time says of the machine that carries it, told by a program that watches.

In virtual time nothing can be late, and none of this is there.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from testbed.applications.application import all_rules
from testbed.applications.script import Scenario
from testbed.driver.children import Child, Children
from testbed.driver.run_context import OFF
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.load import complaints
from testbed.host.load_watch import as_load
from testbed.host.loop import Loop
from testbed.model.network import Role
from testbed.plan.network_plan import NetworkPlan
from testbed.record.event import Event
from testbed.record.events import HostLoaded, HostWasLate, RunWarning
from testbed.record.logs import EventLog

LoadWatchProgram = Callable[[Clock, Control], Callable[[], None]]
"""Makes the program that watches the machine."""


_START_NS = 100_000_000
"""For one program, on a slow machine: its fork copies the page tables of a large process."""
_API_NS = 2_000_000_000
"""For the northbound API, which loads its web framework."""


def starting_ns(scenario: Scenario) -> int:
    """How much longer before time 0 a run in real time begins, for its programs to be ready by then."""
    pairs = len(scenario.background)
    programs = 2 * pairs
    programs += sum(rules.processes(scenario) for rules in all_rules())
    watched = scenario.health is not None
    return _START_NS * (programs + 2 * watched) + _API_NS * (scenario.northbound is not None)


class HostLoad:
    """Watches the machine from time 0 to the end of the run; writes `host.late`, `host.load` and warnings."""

    def __init__(
        self,
        program: LoadWatchProgram,
        plan: NetworkPlan,
        children: Children,
        loop: Loop,
        events: EventLog,
    ) -> None:
        self._program, self._children, self._loop, self._events = program, children, loop, events
        # The counters are of the whole machine, and the OLT is in every network that is run.
        self._station = plan.network.having(Role.OLT)[0].name
        self._child: Child | None = None

    def start(self) -> None:
        """Start the program that watches."""
        program = partial(self._program, self._loop.clock)
        self._child = self._children.start("load watch", self._station, program, self._hear)
        self._children.go(self._child)

    def stop(self) -> None:
        """Stop it, and write down what it has seen, with the driver's own lateness."""
        assert self._child is not None
        told = self._children.stop(self._child)["load"]
        self._write(HostLoaded(**told, driver_late_ns=self._loop.late_ns))
        found = complaints(as_load(told))
        if found:
            self._write(RunWarning(text=f"{'; '.join(found)}: this machine was not idle enough; {OFF}"))

    def _hear(self, _child: Child, message: dict[str, Any]) -> None:
        self._write(HostWasLate(**message["load"]))

    def _write(self, event: Event) -> None:
        self._events.write(event, self._loop.clock.now_ns())
