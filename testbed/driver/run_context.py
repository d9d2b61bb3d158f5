"""What a part of a run works with: the network, its programs, jobs, logs and what other parts publish."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from testbed.applications.script import Scenario
from testbed.driver.children import Child, Children
from testbed.driver.jobs import Jobs
from testbed.driver.protocols import RunningNetwork
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.load import LATE_NS
from testbed.host.loop import Loop
from testbed.host.process import Ask, Part, run_program
from testbed.plan.network_plan import NetworkPlan
from testbed.record.event import Event
from testbed.record.events import RunWarning
from testbed.record.logs import EventLog, RateLog
from testbed.units import milliseconds

OFF = "its numbers are not the network's"
"""What follows from a program or a timer that was late in real time."""

Message = TypeVar("Message")


class Bus:
    """Passes on what parts of a run publish, by its type, to the parts that have subscribed to that type."""

    def __init__(self) -> None:
        self._callbacks: dict[type, list[Callable[[Any], None]]] = defaultdict(list)

    def subscribe(self, kind: type[Message], callback: Callable[[Message], None]) -> None:
        """Have every message of a type passed to a callback from now on."""
        self._callbacks[kind].append(callback)

    def publish(self, message: object) -> None:
        """Call the subscribers of a message's type, in the order in which they have subscribed."""
        for callback in self._callbacks[type(message)]:
            callback(message)


@dataclass(frozen=True, slots=True)
class Process:
    """A program in its own process on an emulated host, as its parts see it.

    `say` sends the driver a message: its kind, and fields. `ask` does so and waits for the answer.
    """

    loop: Loop
    say: Callable[..., None]
    ask: Ask


MakeParts = Callable[[Process], Sequence[Part]]
"""Makes what a program consists of; called in the program's process, on its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One variant on its running network.

    What programs record goes to `folder`.
    """

    scenario: Scenario
    network: RunningNetwork
    children: Children
    loop: Loop
    jobs: Jobs
    events: EventLog
    rates: RateLog
    folder: Path
    bus: Bus = field(default_factory=Bus)

    @property
    def plan(self) -> NetworkPlan:
        """The network's plan: addresses, ports and distances."""
        return self.network.plan

    @property
    def clock(self) -> Clock:
        """The clock of the run."""
        return self.loop.clock

    def event(self, event: Event) -> None:
        """Record an event as of now."""
        self.events.write(event, self.clock.now_ns())

    def start(
        self,
        name: str,
        host: str,
        parts: MakeParts,
        on_message: Callable[[Child, dict[str, Any]], None] | None = None,
        named: AbstractContextManager[None] | None = None,
    ) -> Child:
        """Fork a program onto a host and wait until it is ready; `children.go` lets it begin.

        `named` may turn what the parts raise into an error of its own.

        Raises:
            NotReadyError: It ended instead.
        """

        def make(control: Control) -> Callable[[], None]:
            def made(loop: Loop, ask: Ask) -> Sequence[Part]:
                return parts(Process(loop, control.say, ask))

            return lambda: run_program(control, Loop(self.clock), made, named)

        return self.children.start(name, host, make, on_message)

    def stop(self, child: Child) -> dict[str, Any]:
        """Stop a program and give its last message; a program that was late or has remarks is a warning.

        Raises:
            NotReadyError: It ended badly.
        """
        done = self.children.stop(child)
        if done["late_ns"] > LATE_NS:
            # It has measured this machine and not the network.
            late = f"program {child.name} on {child.host} ran up to {milliseconds(done['late_ns'])} late"
            text = f"{late}: this machine cannot carry the scenario in real time; {OFF}"
            self.event(RunWarning(text=text, program=child.name, late_ns=done["late_ns"]))
        for remark in done.get("remarks", ()):
            self.event(RunWarning(text=f"program {child.name}: {remark}"))
        return done
