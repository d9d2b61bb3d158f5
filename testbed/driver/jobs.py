"""The jobs of a run: given to nodes by the scheduler, moved when these fail, written down with its reasons.

Nobody else calls the scheduler. All that is asked for at one instant is decided together, after all that
ends at that instant. What follows from the decisions, on nodes and for clients, is told by `on_change`;
whoever runs a job's programs is told through `at_move` once they may serve elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from testbed.applications.application import all_rules
from testbed.applications.game.model import Session
from testbed.applications.script import Scenario
from testbed.driver.due import Due
from testbed.host.loop import Loop
from testbed.model.job import Job
from testbed.model.network import Role
from testbed.placement import (
    Delays,
    JobRequest,
    MatrixDelays,
    Node,
    Outcome,
    PairDelays,
    Phase,
    Queued,
    Refused,
    Scheduler,
    Wanted,
)
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import delay_ns, delays_from_ns
from testbed.record.events import of_decision
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking for nodes: one for each job, or none at all and the reason."""

    nodes: tuple[str, ...] = ()
    reason: str = ""


Then = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Jobs that wait for the decision of this instant, and what is to be called with it."""

    wanted: Wanted
    then: Then


def _nothing(_answer: Answer) -> None:
    """A group of jobs has no programs that wait for a node."""


class Jobs:
    """Places jobs with the plan's distances, moves them when nodes fail, and completes them."""

    def __init__(self, scenario: Scenario, plan: NetworkPlan, events: EventLog, loop: Loop) -> None:
        self._scenario, self._events, self._loop = scenario, events, loop
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
        self._ends_ns: dict[str, int] = {}
        self._asked: list[_Asked] = []
        self._is_arranged = False
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

    def ask(
        self,
        requests: Sequence[JobRequest],
        ends_at_ns: int,
        then: Then = _nothing,
        at_moves: Sequence[AtMove] = (),
        *,
        waits: bool = False,
    ) -> None:
        """Ask for nodes for jobs that run together, one for each or none; `then` is called at this instant.

        Jobs that `wait` are placed as soon as there are nodes, as long as they are not over.
        """
        for request in requests:
            self._ends_ns[request.name] = ends_at_ns
        self._at_move |= {request.name: move for request, move in zip(requests, at_moves, strict=False)}
        self._asked.append(_Asked(Wanted(tuple(requests), waits), then))
        self._arrange()

    def complete(self, name: str) -> None:
        """Free what the job holds; one that waits is given up. What waits is tried at the instant's end."""
        runs = self._scheduler.tasks[name].phase is Phase.RUNNING
        self._at_move.pop(name, None)
        self._end(name, self._scheduler.complete(name) if runs else self._scheduler.cancel(name))
        self._arrange()

    def fail_node(self, node: str) -> None:
        """A node is given up: its jobs move to their backups, or to another node if there is one, or wait."""
        self._carry_out(self._scheduler.fail(node))
        self._settle()

    def return_node(self, node: str) -> None:
        """A node is back, empty: backups and jobs that wait may go there."""
        self._carry_out(self._scheduler.restore(node))
        self._settle()

    def _arrange(self) -> None:
        """Have the scheduler decide once everything else of this instant has happened."""
        if not self._is_arranged:
            self._is_arranged = True
            self._loop.at(self._loop.instant_ns, self._settle, Due.PLACE)

    def _settle(self) -> None:
        self._is_arranged = False
        asked, self._asked = self._asked, []
        self._give_up_what_is_over()
        outcomes = self._scheduler.settle([each.wanted for each in asked])
        self._carry_out(outcomes)
        reasons = {each.job: each.reason for each in outcomes if isinstance(each, Refused | Queued)}
        for each in asked:
            names = [job.name for job in each.wanted.jobs]
            nodes = tuple(node for name in names if (node := self.assigned(name).node) is not None)
            each.then(Answer(nodes) if nodes else Answer(reason=reasons[names[0]]))

    def _give_up_what_is_over(self) -> None:
        """Do not place a job any more that waits and is over, although nobody has completed it yet."""
        for task in self._scheduler.waiting():
            name = task.job.name
            if self._ends_ns[name] <= self._loop.instant_ns:
                self._end(name, self._scheduler.cancel(name))

    def _end(self, name: str, outcomes: Iterable[Outcome]) -> None:
        before = self._assigned.pop(name, NOWHERE)
        for outcome in outcomes:
            self._write(outcome)
        self.on_change(name, before, NOWHERE)

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
        self._events.write(of_decision(outcome), self._loop.clock.now_ns())


def _names(scenario: Scenario) -> Iterable[str]:
    """The names of all jobs that may come."""
    yield from scenario.sessions
    for name, group in scenario.jobs.items():
        yield from group.jobs_of(name)
    yield from (each.name for rules in all_rules() for each in rules.jobs(scenario))


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
    found |= {partner for rules in all_rules() for partner in rules.partners(scenario)}
    for group in scenario.jobs.values():
        found |= {*group.partners} - {*scenario.jobs}
        found |= {group.requests.source} if group.requests is not None else set()
    return sorted(found)
