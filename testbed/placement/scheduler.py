"""The node scheduler: places jobs, keeps backups free, moves jobs when nodes fail, and loses none from sight.

It decides by its state and by what it is asked, and by nothing else: no clock, no randomness, no I/O. The
same calls in the same order give the same answers. How failures are noticed is not here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement import failover
from testbed.placement.delays import Delays
from testbed.placement.explanations import told_scores, verdicts, why_backup, why_chosen, why_refused
from testbed.placement.fleet import Fleet, Node
from testbed.placement.holdings import Holdings
from testbed.placement.job_request import JobRequest, UnknownJobError, Wanted
from testbed.placement.node_choice import Question
from testbed.placement.outcomes import Cancelled, Completed, Evicted, JobPlacement, Outcome, Queued, Refused
from testbed.placement.preemption import cheapest
from testbed.placement.task import Phase, SchedulerStatus, Task

_NO_SCORES: Mapping[str, float] = {}
_NOBODY: Mapping[str, str] = {}


class Scheduler:
    """Nodes, delays, a policy, and every job that was ever asked for.

    With `explained` each decision says why, and how every node scores; that takes as long as there are nodes.
    `expected` names jobs that will come: who talks to one before it runs is placed without regard to it.

    Raises:
        ValueError: Two nodes have one name, or the delays are of other nodes.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        delays: Delays,
        policy: Placement | None = None,
        *,
        seed: int = 1,
        explained: bool = True,
        expected: Iterable[str] = (),
    ) -> None:
        self.policy, self.delays = policy or Placement(), delays
        self.fleet = Fleet(nodes, seed, self.policy.reservation)
        delays.check(self.fleet.names)
        self._holdings = Holdings(self.fleet, delays, self.policy, seed, expected)
        self._explained = explained

    # ---- what is there -------------------------------------------------------------------------------

    @property
    def tasks(self) -> Mapping[str, Task]:
        """All jobs by name, as they came; for reading."""
        return self._holdings.tasks

    def in_phase(self, phase: Phase) -> list[Task]:
        """All jobs in one phase, in the order in which they came."""
        return [task for task in self.tasks.values() if task.phase is phase]

    def waiting(self) -> list[Task]:
        """What `settle` tries again, queued or evicted, in the order in which it came."""
        found = (self.tasks[name] for name in self._holdings.waiting)
        return sorted(
            (task for task in found if task.phase is not Phase.REFUSED), key=lambda task: task.arrived
        )

    def may_serve(self, job: str, node: str, epoch: int) -> bool:
        """Whether a node holds the job's present lease: the fence against one given up for dead."""
        task = self.tasks.get(job)
        return task is not None and task.phase is Phase.RUNNING and (task.node, task.epoch) == (node, epoch)

    def status(self) -> SchedulerStatus:
        """How much there is of everything."""
        fleet = self.fleet
        counted = Counter(task.phase for task in self.tasks.values())
        return SchedulerStatus(
            nodes=len(fleet),
            healthy_nodes=sum(fleet.healthy),
            capacity=sum(fleet.capacity),
            running_weight=sum(fleet.running),
            reserved_weight=sum(fleet.reserved),
            jobs={phase: counted[phase] for phase in Phase},
        )

    def would_choose(self, job: JobRequest) -> str | None:
        """The node that a job would get now, None if there is none; nothing is changed."""
        number = self._holdings.choose(self._holdings.question(job))
        return None if number is None else self.fleet.names[number]

    # ---- placing -------------------------------------------------------------------------------------

    def place(self, job: JobRequest) -> list[Outcome]:
        """Give a job a node and a backup, or refuse it; a refused one may be placed again under its name.

        What it takes from jobs of a lower priority, if it may, comes first.

        Raises:
            DuplicateJobError: The name is taken by a job that runs or is over.
        """
        holdings = self._holdings
        task, question = holdings.task_of(job), holdings.question(job)
        number = holdings.choose(question)
        outcomes: list[Outcome] = []
        if number is None and job.preempts:
            outcomes, number = self._preempt(question)
        if number is None:
            holdings.wait(task, Phase.REFUSED)
            scores, rejected = verdicts(question) if self._explained else ({}, _NOBODY)
            reason = why_refused(question, len(scores), rejected) if self._explained else ""
            return [*outcomes, Refused(job=job.name, reason=reason, rejected=rejected)]
        if outcomes or self._explained:
            return [*outcomes, self._run(task, number, question)]
        # What very many are placed by.
        holdings.run(task, number)
        backup = holdings.reserve(task)
        return [
            JobPlacement(
                job=job.name,
                node=self.fleet.names[number],
                backup=backup,
                epoch=task.epoch,
                scores=_NO_SCORES,
                rejected=_NOBODY,
                reason="",
            )
        ]

    def submit(self, job: JobRequest) -> list[Outcome]:
        """As `place`, but a job that finds no node is queued: it is tried again by `retry`.

        Raises:
            DuplicateJobError: The name is taken by a job that runs or is over.
        """
        *before, last = self.place(job)
        if isinstance(last, Refused):
            self._holdings.wait(self._holdings.tasks[job.name], Phase.QUEUED)
            last = Queued(job=job.name, reason=last.reason)
        return [*before, last]

    def retry(self) -> list[Outcome]:
        """Try all that is queued or evicted; see `settle`."""
        return self.settle(())

    def settle(self, wanted: Sequence[Wanted]) -> list[Outcome]:
        """Decide what is asked for at one instant, together with what is queued or evicted.

        By the policy `optimal` all of it is solved at once. By others the highest priority goes first, of
        equal ones what waits and then what is asked for, each in the order in which it came. A job that
        waited and still finds no node keeps its place and says nothing again.

        Raises:
            DuplicateJobError: A name is taken by a job that runs or is over, or stands twice.
            NotReadyError: The policy is `optimal`, and there is no solver, or too much for it.
        """
        self._holdings.tasks_of([job for each in wanted for job in each.jobs])
        new = {job.name for each in wanted for job in each.jobs}
        waiting = [task for task in self.waiting() if task.job.name not in new]
        jobs = len(waiting) + len(new)
        outcomes = self._solve(waiting, wanted) if self._is_optimal and jobs > 1 else []
        left = [task for task in waiting if task.phase.waits]
        asked = [each for each in wanted if self.tasks[each.jobs[0].name].phase is not Phase.RUNNING]
        to_try: list[Task | Wanted] = [*left, *asked]
        for each in sorted(to_try, key=_priority, reverse=True):
            outcomes += self._again(each) if isinstance(each, Task) else self._first_time(each)
        return outcomes

    @property
    def _is_optimal(self) -> bool:
        return self.policy.policy is PlacementPolicy.OPTIMAL

    def _again(self, task: Task) -> list[Outcome]:
        """Try a job that waits; it says nothing unless it gets a node."""
        question = self._holdings.question(task.job)
        number = self._holdings.choose(question)
        outcomes: list[Outcome] = []
        if number is None and task.job.preempts:
            outcomes, number = self._preempt(question)
        return [] if number is None else [*outcomes, self._run(task, number, question)]

    def _first_time(self, wanted: Wanted) -> list[Outcome]:
        """Try what is asked for; of jobs that belong together all are placed, or none."""
        if len(wanted.jobs) == 1:
            return self.submit(wanted.jobs[0]) if wanted.waits else self.place(wanted.jobs[0])
        holdings, turn = self._holdings, self._holdings.turn
        tasks = [holdings.tasks[job.name] for job in wanted.jobs]
        outcomes: list[Outcome] = []
        for task in tasks:
            question = holdings.question(task.job)
            number = holdings.choose(question)
            if number is None:
                scores, rejected = verdicts(question) if self._explained else ({}, _NOBODY)
                why = why_refused(question, len(scores), rejected) if self._explained else ""
                holdings.undo((each for each in tasks if each.phase is Phase.RUNNING), turn)
                return [self._no_node(each, task, why, rejected, waits=wanted.waits) for each in tasks]
            outcomes.append(self._run(task, number, question))
        return outcomes

    def _no_node(
        self, task: Task, first: Task, why: str, rejected: Mapping[str, str], *, waits: bool
    ) -> Outcome:
        """What is said of one of several jobs that belong together, when `first` has found no node."""
        self._holdings.wait(task, Phase.QUEUED if waits else Phase.REFUSED)
        reason = (
            why if task is first or not why else f"{first.job.name}, which belongs to it, has none: {why}"
        )
        if waits:
            return Queued(job=task.job.name, reason=reason)
        return Refused(job=task.job.name, reason=reason, rejected=rejected if task is first else _NOBODY)

    def _solve(self, waiting: Sequence[Task], wanted: Sequence[Wanted]) -> list[Outcome]:
        """Give nodes to as many jobs as can have one, by the solver; the others stay as they are."""
        # The solver is loaded by those who use it.
        from testbed.placement.optimum import best_assignment

        jobs = [*(task.job for task in waiting), *(job for each in wanted for job in each.jobs)]
        questions = [self._holdings.question(job) for job in jobs]
        number_of = {job.name: number for number, job in enumerate(jobs)}
        together = [[number_of[job.name] for job in each.jobs] for each in wanted if len(each.jobs) > 1]
        chosen = best_assignment(questions, together)
        placed = [
            (self.tasks[job.name], question, number)
            for job, question, number in zip(jobs, questions, chosen, strict=True)
            if number is not None
        ]
        for task, _, number in placed:
            self._holdings.run(task, number)
        reason = f"by the solver over {len(jobs)} jobs"
        return [
            self._with_backup(task, question, _NO_SCORES, _NOBODY, f"optimal: {task.node}, {reason}")
            for task, question, _ in placed
        ]

    def expire(self, now_ns: int) -> list[Outcome]:
        """Refuse for good what has waited beyond its deadline."""
        outcomes: list[Outcome] = []
        for name in [*self._holdings.waiting]:
            task = self._holdings.tasks[name]
            deadline_ns = task.job.deadline_ns
            if deadline_ns is not None and now_ns > deadline_ns:
                self._give_up(task)
                reason = "it has waited beyond its deadline"
                outcomes.append(Refused(job=name, reason=reason, rejected=_NOBODY))
        return outcomes

    def place_all(self, jobs: Iterable[JobRequest]) -> list[Outcome]:
        """Place jobs in their order; by the policy `optimal` all of them at once, and their backups after.

        Raises:
            DuplicateJobError: As `place`, or two of them have one name; nothing is placed.
            NotReadyError: The policy is `optimal`, and there is no solver, or too much for it.
        """
        asked = list(jobs)
        if self._is_optimal:
            return self.settle([Wanted((job,)) for job in asked])
        self._holdings.tasks_of(asked)
        return [outcome for job in asked for outcome in self.place(job)]

    def _preempt(self, question: Question) -> tuple[list[Outcome], int | None]:
        found = cheapest(self._holdings, question)
        if found is None:
            return [], None
        number, taken = found
        node, by = self.fleet.names[number], question.job.name
        outcomes: list[Outcome] = []
        for task in taken:
            self._holdings.release(task, Phase.EVICTED)
            reason = f"{by} of a higher priority takes its place"
            outcomes.append(Evicted(job=task.job.name, failed=node, reason=reason))
        return outcomes, number

    def _run(self, task: Task, number: int, question: Question) -> JobPlacement:
        """Put a job on a node, with a backup and a reason."""
        name = self.fleet.names[number]
        scores, rejected = verdicts(question) if self._explained else ({}, {})
        reason = why_chosen(question, name, scores) if self._explained else ""
        self._holdings.run(task, number)
        return self._with_backup(task, question, told_scores(scores, name), rejected, reason)

    def _with_backup(
        self,
        task: Task,
        question: Question,
        scores: Mapping[str, float],
        rejected: Mapping[str, str],
        reason: str,
    ) -> JobPlacement:
        assert task.node is not None
        backup = self._holdings.reserve(task)
        if self._explained:
            reason += f"; {why_backup(question, task.node, backup)}"
        return JobPlacement(
            job=task.job.name,
            node=task.node,
            backup=backup,
            epoch=task.epoch,
            scores=scores,
            rejected=rejected,
            reason=reason,
        )

    # ---- ending --------------------------------------------------------------------------------------

    def complete(self, job: str) -> list[Outcome]:
        """Free what a job holds. Completing it again changes nothing.

        Raises:
            UnknownJobError: No such job was placed, or it waits, or was cancelled.
        """
        task = self.tasks.get(job)
        if task is None:
            raise UnknownJobError(f"job {job} cannot be completed: it was never placed")
        if task.phase is Phase.RUNNING:
            self._holdings.release(task, Phase.COMPLETED)
        elif task.phase is not Phase.COMPLETED:
            why = "it was refused and never ran" if task.phase is Phase.REFUSED else f"it is {task.phase}"
            raise UnknownJobError(f"job {job} cannot be completed: {why}")
        return [Completed(job=job)]

    def cancel(self, job: str) -> list[Outcome]:
        """Give a job up, whether it runs or waits, and free what it holds; one that is over stays as it is.

        Raises:
            UnknownJobError: No such job was ever asked for.
        """
        task = self.tasks.get(job)
        if task is None:
            raise UnknownJobError(f"job {job} cannot be cancelled: it was never asked for")
        if task.phase.is_over:
            return []
        if task.phase is Phase.RUNNING:
            self._holdings.release(task, Phase.CANCELLED)
        else:
            self._give_up(task)
        return [Cancelled(job=job)]

    def _give_up(self, task: Task) -> None:
        del self._holdings.waiting[task.job.name]
        task.phase = Phase.CANCELLED

    # ---- failures ------------------------------------------------------------------------------------

    def fail(self, *names: str) -> list[Outcome]:
        """Take nodes out, all at once; see `failover.fail`.

        Raises:
            UnknownNodeError: There is no such node; nothing is changed.
        """
        return failover.fail(self._holdings, names)

    def restore(self, name: str) -> list[Outcome]:
        """Take a node back, empty; what it ran before is elsewhere by now, and `may_serve` denies it.

        Raises:
            UnknownNodeError: There is no such node.
        """
        return failover.restore(self._holdings, name)


def _priority(each: Task | Wanted) -> int:
    return each.priority if isinstance(each, Wanted) else each.job.priority
