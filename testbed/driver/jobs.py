"""The jobs of a run: given to nodes by the scheduler, moved when these fail, written down with its reasons.

Nobody else calls the scheduler. What follows from its decisions, on nodes and for clients, is told by
`on_change`; whoever runs a job's programs is told through `at_move` once they may serve elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, product

from testbed.model.job import Job
from testbed.model.network import Role
from testbed.model.scenario import Scenario, Session
from testbed.placement import (
    Delays,
    JobRequest,
    MatrixDelays,
    Node,
    Outcome,
    PairDelays,
    Phase,
    Scheduler,
)
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import delay_ns, delays_from_ns
from testbed.program.clock import Clock
from testbed.record.logs import EventLog

AtMove = Callable[[str | None, int], None]
"""Told where a job may serve from now on and in which epoch; None: nowhere, its node failed."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """Where a job is: it runs on `node` (nowhere if None) in its `epoch`, and `backup` is held for it."""

    node: str | None = None
    epoch: int = 0
    backup: str | None = None


NOWHERE = Assigned()


class Jobs:
    """Places jobs with the plan's distances, moves them when nodes fail, and completes them."""

    def __init__(self, scenario: Scenario, plan: NetworkPlan, events: EventLog, clock: Clock) -> None:
        self._scenario, self._events, self._clock = scenario, events, clock
        self._scheduler = Scheduler(
            (
                Node(name=node.name, capacity=node.capacity, domain=node.domain)
                for node in plan.network.having(Role.COMPUTE)
            ),
            _delays(scenario, plan),
            scenario.placement,
            seed=scenario.seed,
            expected=_names(scenario),
        )
        self._at_move: dict[str, AtMove] = {}
        self._assigned: dict[str, Assigned] = {}
        self.on_change: Callable[[str, Assigned, Assigned], None] = lambda _job, _before, _after: None

    def of_session(self, name: str, session: Session) -> JobRequest:
        """A session's job: it belongs near its player."""
        return self.request(name, session.job, {session.player: 1.0})

    def request(self, name: str, job: Job, partners: Mapping[str, float]) -> JobRequest:
        """A job of the scenario; where it does not say whether it wants a backup, the placement does."""
        return JobRequest(
            name=name,
            weight=job.weight,
            kind=job.kind,
            priority=job.priority,
            partners=partners,
            backup=self._scenario.placement.backup if job.backup is None else job.backup,
        )

    def place(self, request: JobRequest, at_move: AtMove | None = None, *, waits: bool = False) -> str | None:
        """Find a node for a job; None if no node can take it now.

        One that `waits` is placed as soon as a node can take it.
        """
        if at_move is not None:
            self._at_move[request.name] = at_move
        decide = self._scheduler.submit if waits else self._scheduler.place
        self._carry_out(decide(request))
        return self.assigned(request.name).node

    def complete(self, name: str) -> None:
        """Free what the job holds; one that waits is given up."""
        runs = self._scheduler.tasks[name].phase is Phase.RUNNING
        before = self._assigned.pop(name, NOWHERE)
        self._at_move.pop(name, None)
        outcomes = self._scheduler.complete(name) if runs else self._scheduler.cancel(name)
        for outcome in outcomes:
            self._write(outcome)
        self.on_change(name, before, NOWHERE)
        self._carry_out(self._scheduler.retry())

    def fail_node(self, node: str) -> None:
        """A node is given up: its jobs move to their backups, or to another node if there is one, or wait."""
        self._carry_out(self._scheduler.fail(node))
        self._carry_out(self._scheduler.retry())

    def return_node(self, node: str) -> None:
        """A node is back, empty: backups and jobs that wait may go there."""
        self._carry_out(self._scheduler.restore(node))
        self._carry_out(self._scheduler.retry())

    def moved(self, job: str, node: str, epoch: int) -> None:
        """A job may serve on another node from now on: tell whoever runs its programs."""
        if job in self._at_move:
            self._at_move[job](node, epoch)

    def assigned(self, job: str) -> Assigned:
        """Where a job is at present."""
        task = self._scheduler.tasks.get(job)
        if task is None or task.phase.is_over:
            return NOWHERE
        if task.phase is not Phase.RUNNING:
            return Assigned(epoch=task.epoch)
        return Assigned(task.node, task.epoch, task.backup)

    def on(self, node: str) -> list[str]:
        """The jobs that run on a node."""
        return [task.job.name for task in self._scheduler.in_phase(Phase.RUNNING) if task.node == node]

    def measured(self, a: str, b: str, delay_ns: int) -> None:
        """Place by a measured delay between two stations from now on, in place of the plan's."""
        self._scheduler.delays.measured(a, b, delay_ns)

    def _carry_out(self, outcomes: Iterable[Outcome]) -> None:
        """Write decisions down, and tell what they change."""
        changed: dict[str, None] = {}
        for outcome in outcomes:
            self._write(outcome)
            changed[outcome.job] = None
        for name in changed:
            before, now = self._assigned.get(name, NOWHERE), self.assigned(name)
            if now == before:
                continue
            self._assigned[name] = now
            if now.node is None and name in self._at_move:
                self._at_move[name](None, now.epoch)
            self.on_change(name, before, now)

    def _write(self, outcome: Outcome) -> None:
        self._events.write(outcome.kind, self._clock.now_ns(), **outcome.fields)


def _names(scenario: Scenario) -> Iterable[str]:
    """The names of all jobs that may come."""
    yield from scenario.sessions
    yield from scenario.services
    for groups in (scenario.jobs, scenario.experts):
        for name, group in groups.items():
            yield from group.jobs_of(name)


def _delays(scenario: Scenario, plan: NetworkPlan) -> Delays:
    """The plan's distances between nodes, and between nodes and whomever jobs talk to."""
    network = plan.network
    nodes = [node.name for node in network.having(Role.COMPUTE)]
    partners = [each for each in _partners(scenario) if each not in nodes]
    if network.fabric is not None:
        away_ns = {partner: delays_from_ns(network, partner) for partner in partners}
        rows = {partner: [away_ns[partner][node] for node in nodes] for partner in partners}
        return MatrixDelays(network.fabric.nodes, network.fabric.delays_ns, rows)
    pairs = [*combinations(nodes, 2), *product(nodes, partners)]
    return PairDelays({pair: delay_ns(network, *pair) for pair in pairs})


def _partners(scenario: Scenario) -> list[str]:
    """All stations that jobs talk to."""
    found = {str(session.player) for session in scenario.sessions.values()}
    found |= {each.host for one in scenario.services.values() for each in one.clients.values()}
    for group in scenario.jobs.values():
        found |= {*group.partners} - {*scenario.jobs}
        found |= {group.requests.source} if group.requests is not None else set()
    return sorted(found)
