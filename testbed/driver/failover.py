"""Failover: nodes are watched, those given up lose their jobs to others, and every loss is measured.

    fault ─► silence ─► the scheduler decides ─► order, state, restart ─► serves ─► first answer or frame

Without `health` in the scenario nobody watches: what breaks stays unnoticed.
"""

from typing import Any

from testbed.applications.application import all_rules
from testbed.applications.messages import FirstServed, JobDropped, NodeDied
from testbed.applications.script import Scenario
from testbed.driver.faults import Faults
from testbed.driver.groups import Groups, group_of
from testbed.driver.health import Health
from testbed.driver.health_protocols import HealthPrograms
from testbed.driver.jobs import NOWHERE, Assigned
from testbed.driver.recoveries import Recoveries
from testbed.driver.run_context import RunContext
from testbed.driver.sessions import Sessions
from testbed.driver.takeover import orders
from testbed.model.failure import Fault
from testbed.model.job import Job
from testbed.record.event import Event
from testbed.record.events import JobServed, JobStopped, NodeFailed, NodeReturned


class Failover:
    """Of one run; `start` comes before anything is placed, `stop` after all sessions are over."""

    def __init__(self, run: RunContext, programs: HealthPrograms, sessions: Sessions) -> None:
        scenario, jobs, children, loop = run.scenario, run.jobs, run.children, run.loop
        network, events, stop = run.network, run.events, run.stop
        self._scenario, self._jobs = scenario, jobs
        self._sessions, self._bus = sessions, run.bus
        self._loop, self._events, self._logs = loop, events, run.folder
        self._group_of = group_of(scenario.jobs)
        self._described = _jobs_of(scenario)
        streams = {each.name: each.entry for rules in all_rules() for each in rules.jobs(scenario)}
        streams |= self._group_of
        self._recoveries = Recoveries(events, lambda job: streams.get(job, job))
        asked = {job for job, name in self._group_of.items() if scenario.jobs[name].requests is not None}
        own = [each for rules in all_rules() for each in rules.jobs(scenario)]
        self._observed = asked | {*scenario.sessions, *(each.name for each in own if each.tells_when_served)}
        self._health = Health(programs, children, loop.clock, self._hear, stop)
        self._groups = Groups(scenario, jobs, loop)
        self._faults = Faults(scenario.faults, network.plan, network, loop, events, self._broke, self._mended)
        self._first_epoch: dict[str, int] = {}
        self._fenced_until_ns: dict[str, int] = {}
        jobs.on_change = self._changed
        sessions.on_first_frame = self._served
        run.bus.subscribe(FirstServed, lambda served: self._served(served.job, served.epoch, served.at_ns))

    def start(self) -> None:
        """Start watching, and set out to place groups and to break things."""
        if self._scenario.health is not None:
            self._health.start(self._logs)
        self._groups.start()
        self._faults.start()

    def stop(self) -> None:
        """Stop watching, and write down what was lost for how long."""
        self._groups.stop()
        self._health.stop()
        self._recoveries.write(self._logs)

    def _broke(self, fault: Fault) -> None:
        node = fault.node or fault.isolated
        if node is None:
            return
        for job in self._jobs.on(node):
            self._recoveries.lost(job, self._loop.clock.now_ns())
        if fault.node is not None:
            self._health.dies(node)
            self._sessions.node_died(node)
            self._bus.publish(NodeDied(node))

    def _mended(self, fault: Fault) -> None:
        if fault.node is not None:
            self._health.returns(fault.node)
        elif fault.isolated is not None:
            for job in self._jobs.on(fault.isolated):
                self._recoveries.spared(job)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "silent":
                self._gave_up(message["node"], message["silent_ns"], message["fence_ns"])
            case "back":
                self._event(NodeReturned(node=message["node"]))
                self._jobs.return_node(message["node"])
            case "serves":
                self._serves(message)
            case "served":
                self._served(message["job"], message["epoch"], message["at_ns"])
            case "dropped":
                node, job, epoch = message["node"], message["job"], message["epoch"]
                self._event(JobStopped(job=job, node=node, epoch=epoch))
                self._sessions.dropped(job, node)
                self._bus.publish(JobDropped(job, node))

    def _gave_up(self, node: str, silent_ns: int, fence_ns: int) -> None:
        """A node is given up; if it is alive, it may serve for `fence_ns` still."""
        self._event(NodeFailed(node=node, silent_ns=silent_ns))
        now_ns = self._loop.clock.now_ns()
        for job in self._jobs.on(node):
            self._recoveries.detected(job, now_ns)
            self._fenced_until_ns[job] = now_ns + fence_ns
        self._jobs.fail_node(node)

    def _serves(self, message: dict[str, Any]) -> None:
        """A node's agent says that it serves a job; one that has moved on meanwhile is not listened to."""
        job, node, epoch = message["job"], message["node"], message["epoch"]
        present = self._jobs.assigned(job)
        if (present.node, present.epoch) != (node, epoch):
            return
        self._recoveries.ready(
            job, node, epoch, message["ordered_ns"], message["moved_ns"], message["ready_ns"]
        )
        self._event(JobServed(job=job, node=node, epoch=epoch))
        # Whoever placed the job has started its programs on its first node already.
        if epoch != self._first_epoch[job]:
            self._jobs.moved(job, node, epoch)
        if job not in self._observed:
            # Nobody asks it for anything: it has recovered as soon as it may serve.
            self._served(job, epoch, message["ready_ns"])

    def _served(self, job: str, epoch: int, first_ns: int) -> None:
        self._recoveries.served(job, epoch, first_ns, self._loop.clock.now_ns())

    def _changed(self, name: str, before: Assigned, after: Assigned) -> None:
        if before == NOWHERE:
            self._first_epoch[name] = after.epoch
        if self._scenario.health is not None:
            fenced_until_ns = self._fenced_until_ns.get(name, 0)
            for order in orders(name, self._described[name], before, after, self._health.sources):
                self._health.order(order, fenced_until_ns if order.fields["kind"] == "serve" else 0)
        group = self._group_of.get(name)
        if group is not None and name in self._observed:
            self._inform(group, name, before, after)
        if after == NOWHERE:
            self._recoveries.over(name)

    def _inform(self, group: str, job: str, before: Assigned, after: Assigned) -> None:
        if after == NOWHERE:
            self._health.inform(group, job, before.epoch, None)
        elif after.node is not None and after.epoch != before.epoch:
            self._health.inform(group, job, after.epoch, after.node)

    def _event(self, event: Event) -> None:
        self._events.write(event, self._loop.clock.now_ns())


def _jobs_of(scenario: Scenario) -> dict[str, Job]:
    """Every job that the scenario can have, by name."""
    found = {name: session.job for name, session in scenario.sessions.items()}
    for name, group in scenario.jobs.items():
        found |= dict.fromkeys(group.jobs_of(name), group.job)
    found |= {each.name: each.job for rules in all_rules() for each in rules.jobs(scenario)}
    return found
