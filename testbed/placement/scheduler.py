"""The node scheduler: places jobs, keeps backups free, moves jobs when nodes fail, and loses none from sight.

It decides by its state and by what it is asked, and by nothing else: no clock, no randomness, no I/O. The
same calls in the same order give the same answers. How failures are noticed is not here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement.choosing import Question, choose, choose_backup
from testbed.placement.delays import Delays
from testbed.placement.equals import NOBODY, Equals
from testbed.placement.fleet import Fleet, Node
from testbed.placement.job import DuplicateJobError, JobRequest, UnknownJobError
from testbed.placement.outcomes import (
    BackupChosen,
    Cancelled,
    Completed,
    Evicted,
    Outcome,
    Placed,
    Promoted,
    Queued,
    Refused,
)
from testbed.placement.reasons import told_scores, verdicts, why_backup, why_chosen, why_refused
from testbed.placement.task import Phase, Status, Task

_NOTHING: Mapping[str, float] = {}
_NOBODY: Mapping[str, str] = {}


class Scheduler:
    """Nodes, delays, a policy, and every job that was ever asked for.

    With `explained` each decision says why, and how every node scores; that takes as long as there are nodes.

    Raises:
        ValueError: Two nodes have one name.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        delays: Delays,
        policy: Placement | None = None,
        *,
        seed: int = 1,
        explained: bool = True,
    ) -> None:
        self.policy, self.delays, self.seed = policy or Placement(), delays, seed
        self.fleet = Fleet(nodes, seed, self.policy.reservation)
        self._explained = explained
        self._equals = Equals.of(self.fleet, delays, self.policy)
        self._tasks: dict[str, Task] = {}
        self._nodes_of_jobs: dict[str, str] = {}
        self._held: list[dict[str, None]] = [{} for _ in self.fleet.nodes]
        self._turn = 0

    # ---- what is there -------------------------------------------------------------------------------

    @property
    def tasks(self) -> Mapping[str, Task]:
        """All jobs by name, as they came; for reading."""
        return self._tasks

    def in_phase(self, phase: Phase) -> list[Task]:
        """All jobs in one phase, in the order in which they came."""
        return [task for task in self._tasks.values() if task.phase is phase]

    def may_serve(self, job: str, node: str, epoch: int) -> bool:
        """Whether a node holds the job's present lease: the fence against one given up for dead."""
        task = self._tasks.get(job)
        return task is not None and task.phase is Phase.RUNNING and (task.node, task.epoch) == (node, epoch)

    def status(self) -> Status:
        """How much there is of everything."""
        fleet = self.fleet
        counted = Counter(task.phase for task in self._tasks.values())
        return Status(
            nodes=len(fleet),
            healthy_nodes=sum(fleet.healthy),
            capacity=sum(fleet.capacity),
            running_weight=sum(fleet.running),
            reserved_weight=sum(fleet.reserved),
            jobs={phase: counted[phase] for phase in Phase},
        )

    def would_choose(self, job: JobRequest) -> str | None:
        """The node that a job would get now, None if there is none; nothing is changed."""
        number = self._choose(self._question(job))
        return None if number is None else self.fleet.names[number]

    # ---- placing -------------------------------------------------------------------------------------

    def place(self, job: JobRequest) -> list[Outcome]:
        """Give a job a node and a backup, or refuse it; a refused one may be placed again under its name.

        What it takes from jobs of a lower priority, if it may, comes first.

        Raises:
            DuplicateJobError: The name is taken by a job that runs or is over.
        """
        task = self._waiting(job)
        question = self._question(job)
        number = self._choose(question)
        outcomes: list[Outcome] = []
        if number is None and job.preempts:
            outcomes, number = self._preempt(question)
        if number is None:
            task.phase = Phase.REFUSED
            rejected = verdicts(question)[1] if self._explained else _NOBODY
            reason = why_refused(rejected) if self._explained else ""
            return [Refused(job=job.name, reason=reason, rejected=rejected)]
        return [*outcomes, self._run(task, number, question)]

    def submit(self, job: JobRequest) -> list[Outcome]:
        """As `place`, but a job that finds no node is queued: it is tried again by `retry`.

        Raises:
            DuplicateJobError: The name is taken by a job that runs or is over.
        """
        *before, last = self.place(job)
        if isinstance(last, Refused):
            self._tasks[job.name].phase = Phase.QUEUED
            last = Queued(job=job.name, reason=last.reason)
        return [*before, last]

    def retry(self) -> list[Outcome]:
        """Try all that is queued or evicted: the highest priority first, then the first come.

        A job that still finds no node keeps its place and says nothing again.
        """
        waiting = [task for task in self._tasks.values() if task.phase in (Phase.QUEUED, Phase.EVICTED)]
        outcomes: list[Outcome] = []
        for task in sorted(waiting, key=lambda task: (-task.job.priority, task.arrived)):
            question = self._question(task.job)
            number = self._choose(question)
            if number is not None:
                outcomes.append(self._run(task, number, question))
        return outcomes

    def expire(self, now_ns: int) -> list[Outcome]:
        """Refuse for good what waits beyond its deadline."""
        outcomes: list[Outcome] = []
        for task in self._tasks.values():
            deadline_ns = task.job.deadline_ns
            if task.phase.waits and deadline_ns is not None and now_ns > deadline_ns:
                task.phase = Phase.CANCELLED
                outcomes.append(Cancelled(job=task.job.name))
        return outcomes

    def place_all(self, jobs: Iterable[JobRequest]) -> list[Outcome]:
        """Place jobs in their order; by the policy `optimal` all of them at once.

        Raises:
            DuplicateJobError: As `place`.
            NotReadyError: The policy is `optimal`, and there is no solver.
        """
        asked = list(jobs)
        if self.policy.policy is not PlacementPolicy.OPTIMAL or len(asked) < 2:
            return [outcome for job in asked for outcome in self.place(job)]
        # The solver is loaded by those who use it.
        from testbed.placement.optimum import best_assignment

        questions = [self._question(job) for job in asked]
        outcomes: list[Outcome] = []
        for job, question, number in zip(asked, questions, best_assignment(questions), strict=True):
            task = self._waiting(job)
            if number is None:
                outcomes += self.place(job)
            else:
                outcomes.append(self._run(task, number, question))
        return outcomes

    def _waiting(self, job: JobRequest) -> Task:
        known = self._tasks.get(job.name)
        if known is None:
            known = self._tasks[job.name] = Task(job, Phase.REFUSED, len(self._tasks))
        elif not known.phase.waits:
            raise DuplicateJobError(
                f"job {job.name} is {known.phase} on {known.node}; a new job needs a new name"
            )
        known.job = job
        return known

    def _question(self, job: JobRequest) -> Question:
        partners = self._partners(job) if job.partners else []
        return Question(self.fleet, self.delays, self.policy, job, partners, self.seed, self._turn)

    def _partners(self, job: JobRequest) -> list[tuple[str, float]]:
        """The stations that a job talks to; jobs are where they run, and left out if they do not."""
        found: dict[str, float] = {}
        for name, traffic in job.partners.items():
            if traffic > 0 and (name not in self._tasks or name in self._nodes_of_jobs):
                station = self._nodes_of_jobs.get(name, name)
                found[station] = found.get(station, 0.0) + traffic
        return list(found.items())

    def _choose(self, question: Question) -> int | None:
        job = question.job
        if self._equals is None or job.resources or job.spread is not None:
            return choose(question)
        number = self._equals.choose(job.weight, question.partners)
        return None if number == NOBODY else number

    def _choose_backup(self, job: JobRequest, primary: int) -> int | None:
        if self._equals is None or job.resources:
            return choose_backup(self.fleet, self.delays, job, primary)
        number = self._equals.backup(job.weight, primary)
        return None if number == NOBODY else number

    def _run(self, task: Task, number: int, question: Question) -> Placed:
        job, fleet = task.job, self.fleet
        name = fleet.names[number]
        scores, rejected, reason = _NOTHING, _NOBODY, ""
        if self._explained:
            all_scores, rejected = verdicts(question)
            reason = why_chosen(question, name, all_scores)
            scores = told_scores(all_scores, name)
        fleet.run(number, job)
        task.phase, task.node, task.backup = Phase.RUNNING, name, None
        task.epoch += 1
        self._turn = number + 1
        self._held[number][job.name] = None
        self._nodes_of_jobs[job.name] = name
        backup = self._reserve(task, number)
        if self._explained:
            reason += f"; {why_backup(question, name, backup, self.policy)}"
        return Placed(
            job=job.name,
            node=name,
            backup=backup,
            epoch=task.epoch,
            scores=scores,
            rejected=rejected,
            reason=reason,
        )

    def _reserve(self, task: Task, primary: int) -> str | None:
        if not (task.job.backup and self.policy.backup):
            return None
        number = self._choose_backup(task.job, primary)
        if number is None:
            return None
        self.fleet.reserve(number, task.job, primary)
        self._held[number][task.job.name] = None
        task.backup = self.fleet.names[number]
        return task.backup

    # ---- ending --------------------------------------------------------------------------------------

    def complete(self, job: str) -> list[Outcome]:
        """Free what a job holds. Completing it again changes nothing.

        Raises:
            UnknownJobError: No such job was placed, or it waits, or was cancelled.
        """
        task = self._tasks.get(job)
        if task is None:
            raise UnknownJobError(f"job {job} cannot be completed: it was never placed")
        if task.phase is Phase.COMPLETED:
            return [Completed(job=job)]
        if task.phase is not Phase.RUNNING:
            why = "it was refused and never ran" if task.phase is Phase.REFUSED else f"it is {task.phase}"
            raise UnknownJobError(f"job {job} cannot be completed: {why}")
        self._release(task)
        task.phase = Phase.COMPLETED
        return [Completed(job=job)]

    def cancel(self, job: str) -> list[Outcome]:
        """Give a job up, whether it runs or waits, and free what it holds; one that is over stays as it is.

        Raises:
            UnknownJobError: No such job was ever asked for.
        """
        task = self._tasks.get(job)
        if task is None:
            raise UnknownJobError(f"job {job} cannot be cancelled: it was never asked for")
        if task.phase.is_over:
            return []
        if task.phase is Phase.RUNNING:
            self._release(task)
        task.phase = Phase.CANCELLED
        return [Cancelled(job=job)]

    def _release(self, task: Task) -> None:
        """Free the node and the backup of a running job; it keeps the name of its node."""
        assert task.node is not None
        primary = self.fleet.index[task.node]
        self._drop_backup(task, primary)
        self.fleet.run(primary, task.job, -1)
        del self._held[primary][task.job.name]
        del self._nodes_of_jobs[task.job.name]

    def _drop_backup(self, task: Task, primary: int) -> None:
        if task.backup is not None:
            number = self.fleet.index[task.backup]
            self.fleet.reserve(number, task.job, primary, -1)
            del self._held[number][task.job.name]
            task.backup = None

    def _preempt(self, question: Question) -> tuple[list[Outcome], int | None]:
        """Evict jobs of a lower priority from the node where that costs least; the node, if there is one.

        Least is: the lowest of the highest priorities evicted, then the least weight, then the first by rank.
        """
        fleet, job = question.fleet, question.job
        best: tuple[tuple[int, int, int], int, list[Task]] | None = None
        for number in range(len(fleet)):
            if not fleet.healthy[number] or fleet.capacity[number] < job.weight:
                continue
            missing = job.weight - (fleet.capacity[number] - fleet.used[number])
            lower = [
                self._tasks[name]
                for name in self._held[number]
                if self._tasks[name].node == fleet.names[number]
                and self._tasks[name].job.priority < job.priority
            ]
            taken: list[Task] = []
            for task in sorted(lower, key=lambda task: (task.job.priority, task.job.weight, task.arrived)):
                if missing <= 0:
                    break
                taken.append(task)
                missing -= task.job.weight
            if missing > 0 or not taken:
                continue
            weight = sum(task.job.weight for task in taken)
            key = (taken[-1].job.priority, weight, fleet.rank[number])
            if best is None or key < best[0]:
                best = key, number, taken
        if best is None:
            return [], None
        _, number, taken = best
        outcomes: list[Outcome] = []
        for task in taken:
            node = task.node or ""
            self._release(task)
            task.phase, task.node = Phase.EVICTED, None
            reason = f"{job.name} of a higher priority takes its place"
            outcomes.append(Evicted(job=task.job.name, failed=node, reason=reason))
        return outcomes, number if fleet.obstacle(number, job) is None else None

    # ---- failures ------------------------------------------------------------------------------------

    def fail(self, *names: str) -> list[Outcome]:
        """Take nodes out, all at once: their jobs go to their backups or wait; lost backups are planned anew.

        A promotion needs no room: it was reserved. A node that has failed already changes nothing.

        Raises:
            UnknownNodeError: There is no such node; nothing is changed.
        """
        numbers = [number for name in names if self.fleet.healthy[number := self.fleet.number(name)]]
        for number in numbers:
            self.fleet.set_health(number, healthy=False)
        hit = {name: None for number in numbers for name in self._held[number]}
        outcomes: list[Outcome] = []
        lost: list[Task] = []
        for name in hit:
            task = self._tasks[name]
            outcomes += self._survive(task, numbers)
            if task.phase is Phase.RUNNING and task.backup is None:
                lost.append(task)
        lost += self._oversold()
        return outcomes + self._plan_backups(lost, must_tell=True)

    def restore(self, name: str) -> list[Outcome]:
        """Take a node back, empty: jobs that run without the backup they want may get one now.

        What it ran before it failed is elsewhere by now, and `may_serve` denies it.

        Raises:
            UnknownNodeError: There is no such node.
        """
        number = self.fleet.number(name)
        if self.fleet.healthy[number]:
            return []
        self.fleet.set_health(number, healthy=True)
        without = [task for task in self.in_phase(Phase.RUNNING) if task.backup is None and task.job.backup]
        return self._plan_backups(without, must_tell=False)

    def _survive(self, task: Task, failed: list[int]) -> list[Outcome]:
        """What becomes of a job of which the node, the backup or both have failed."""
        assert task.node is not None
        fleet, name = self.fleet, task.job.name
        primary = fleet.index[task.node]
        backup = None if task.backup is None else fleet.index[task.backup]
        if primary not in failed:
            self._drop_backup(task, primary)
            return []
        was = task.node
        self._release(task)
        if backup is None or backup in failed:
            task.phase, task.node = Phase.EVICTED, None
            return [Evicted(job=name, failed=was, reason=f"{was} failed, and there was no backup")]
        fleet.run(backup, task.job)
        self._held[backup][name] = None
        task.node = self._nodes_of_jobs[name] = fleet.names[backup]
        task.epoch += 1
        return [Promoted(job=name, failed=was, node=task.node, epoch=task.epoch)]

    def _oversold(self) -> list[Task]:
        """With shared reservations: jobs whose backup is no longer free once others were promoted there."""
        lost: list[Task] = []
        fleet = self.fleet
        if fleet.is_plain:
            return lost
        for number in range(len(fleet)):
            for name in [*self._held[number]]:
                task = self._tasks[name]
                if fleet.used[number] <= fleet.capacity[number]:
                    break
                if task.backup == fleet.names[number] and task.node is not None:
                    self._drop_backup(task, fleet.index[task.node])
                    lost.append(task)
        return lost

    def _plan_backups(self, tasks: Iterable[Task], *, must_tell: bool) -> list[Outcome]:
        """Reserve a backup for each of these jobs that wants one; none is told if `must_tell`."""
        outcomes: list[Outcome] = []
        for task in sorted(tasks, key=lambda task: (-task.job.priority, task.arrived)):
            if task.node is None or task.backup is not None or not (task.job.backup and self.policy.backup):
                continue
            backup = self._reserve(task, self.fleet.index[task.node])
            if backup is not None or must_tell:
                reason = why_backup(self._question(task.job), task.node, backup, self.policy)
                outcomes.append(BackupChosen(job=task.job.name, backup=backup, reason=reason))
        return outcomes
