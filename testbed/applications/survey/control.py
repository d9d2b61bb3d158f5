"""The survey of a run: delays are measured all along, for the placement of the jobs that come."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from testbed.applications.application import all_rules
from testbed.applications.script import Script
from testbed.applications.survey.endpoints import Surveyor
from testbed.applications.survey.events import SurveyedDelay
from testbed.applications.survey.model import Surveys
from testbed.driver.children import Child
from testbed.driver.run_context import Process, RunContext
from testbed.host.process import Part
from testbed.model.network import Role


class RunningSurvey:
    """Runs the survey, if the scenario has one, and passes on what it finds.

    It begins before time 0, so that the first job is placed by measured delays already.
    """

    def __init__(self, run: RunContext) -> None:
        self._run, self._survey = run, Surveys.of(run.scenario).survey
        self._nodes = [node.name for node in run.plan.network.having(Role.COMPUTE)]
        partners = _partners(run.scenario) if self._survey is not None else []
        self._pairs = [*product(self._nodes, partners)]
        self._program: Child | None = None

    def start(self) -> None:
        """Start surveying, if there is anything to survey."""
        if self._pairs:
            self._program = self._run.start("survey", self._nodes[0], self._parts, self._found)
            self._run.children.go(self._program)

    def _parts(self, process: Process) -> Sequence[Part]:
        assert self._survey is not None
        addresses = {address.host: address.ip for address in self._run.plan.addresses}

        def tell(pair: tuple[str, str], delay_ns: int) -> None:
            process.say("delay", a=pair[0], b=pair[1], delay_ns=delay_ns)

        return [Surveyor(process.loop, self._survey, self._pairs, addresses, self._run.network.inside, tell)]

    def _found(self, _child: Child, message: dict[str, Any]) -> None:
        a, b, delay_ns = message["a"], message["b"], message["delay_ns"]
        self._run.event(SurveyedDelay(a=a, b=b, delay_ns=delay_ns))
        self._run.jobs.measured(a, b, delay_ns)

    def stop(self) -> None:
        """Stop surveying."""
        if self._program is not None:
            self._run.stop(self._program)


def _partners(scenario: Script) -> list[str]:
    """The stations that jobs talk to: players, clients, and those who ask jobs for answers."""
    found = [session.player for session in scenario.sessions.values()]
    found += [partner for rules in all_rules() for partner in rules.partners(scenario)]
    for group in scenario.jobs.values():
        found += [group.requests.source] if group.requests is not None else []
    return sorted({*found})


PART = RunningSurvey
