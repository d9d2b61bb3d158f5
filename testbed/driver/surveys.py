"""The survey of a run: delays measured all along, for the placement of the jobs that come."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from typing import Any, Protocol

from testbed.applications.application import all_rules
from testbed.applications.script import Script
from testbed.driver.children import Child, Children
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.model.network import Role
from testbed.plan.network_plan import NetworkPlan
from testbed.record.logs import EventLog
from testbed.record.work_events import SurveyedDelay


class SurveyPrograms(Protocol):
    """Makes the program that surveys pairs of stations."""

    def survey(
        self, pairs: Iterable[tuple[str, str]], clock: Clock, control: Control
    ) -> Callable[[], None]: ...


class Surveys:
    """Runs the survey, if the scenario has one, and passes on what it finds.

    It begins before time 0, so that the first job is placed by measured delays already.
    """

    def __init__(
        self,
        scenario: Script,
        plan: NetworkPlan,
        programs: SurveyPrograms,
        children: Children,
        events: EventLog,
        clock: Clock,
        stop: Callable[[Child], dict[str, Any]],
        measured: Callable[[str, str, int], None],
    ) -> None:
        self._programs, self._children, self._events, self._clock = programs, children, events, clock
        self._stop_program, self._measured = stop, measured
        self._nodes = [node.name for node in plan.network.having(Role.COMPUTE)]
        self._pairs = [*product(self._nodes, _partners(scenario))] if scenario.survey is not None else []
        self._program: Child | None = None

    def start(self) -> None:
        """Start surveying, if there is anything to survey."""
        if not self._pairs:
            return
        program = partial(self._programs.survey, self._pairs, self._clock)
        self._program = self._children.start("survey", self._nodes[0], program, self._hear)
        self._children.go(self._program)

    def _hear(self, _child: Child, message: dict[str, Any]) -> None:
        a, b, delay_ns = message["a"], message["b"], message["delay_ns"]
        self._events.write(SurveyedDelay(a=a, b=b, delay_ns=delay_ns), self._clock.now_ns())
        self._measured(a, b, delay_ns)

    def stop(self) -> None:
        """Stop surveying."""
        if self._program is not None:
            self._stop_program(self._program)


def _partners(scenario: Script) -> list[str]:
    """The stations that jobs talk to: players, clients, and those who ask jobs for answers."""
    found = [session.player for session in scenario.sessions.values()]
    found += [partner for rules in all_rules() for partner in rules.partners(scenario)]
    for group in scenario.jobs.values():
        found += [group.requests.source] if group.requests is not None else []
    return sorted({*found})
