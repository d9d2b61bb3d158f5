"""Where orders come from: the API's program on a host of the network, or a line to one outside it."""

from collections.abc import Callable, Iterable
from typing import Any

from testbed.applications.script import Script
from testbed.driver.channels import Channels
from testbed.driver.children import Child, Children
from testbed.driver.northbound import Northbound
from testbed.driver.protocols import MessageLine, Placed, Programs, RunningNetwork
from testbed.driver.tc_southbound import TcSouthbound
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.record.logs import EventLog


class Ordering:
    """The northbound API of a run, if it has one."""

    def __init__(
        self,
        scenario: Script,
        network: RunningNetwork,
        channels: Channels,
        southbound: TcSouthbound,
        events: EventLog,
        clock: Clock,
        sessions: Callable[[], Iterable[Placed]],
    ) -> None:
        self._scenario = scenario
        self._northbound = Northbound(
            network,
            channels,
            southbound,
            events,
            clock,
            first_number=len(scenario.sessions),
            sessions=sessions,
        )
        self._program: Child | None = None

    def start(self, programs: Programs, children: Children) -> None:
        """Start the API's program, if the scenario has it served on one of its hosts."""
        if self._scenario.northbound is None:
            return
        host = self._scenario.northbound.host

        def heard(child: Child, message: dict[str, Any]) -> None:
            self._northbound.order(message, lambda answer: children.tell(child, **answer))

        self._program = children.start("northbound API", host, programs.northbound, heard)
        children.go(self._program)

    def listen(self, line: MessageLine, loop: Loop, ended: Callable[[], None]) -> None:
        """Take orders from a line; `ended` is called when its other end is closed."""

        def hear() -> None:
            try:
                for message in line.receive():
                    self._northbound.order(message, line.send)
            except EOFError:
                loop.forget(line)
                ended()

        loop.on_readable(line, hear)
        line.send({"kind": "ready"})

    @property
    def program(self) -> Child | None:
        """The API's program on a host."""
        return self._program
