"""What jobs hold: the one place where a job is put on a node, given a backup, and taken away again.

Everything that the scheduler decides comes down to these few changes, so that no job can hold what the fleet
does not count, nor the fleet count what no job holds.
"""

from collections.abc import Iterable

from testbed.model.placement import Placement
from testbed.placement.choosing import choose, choose_backup
from testbed.placement.delays import Delays
from testbed.placement.equals import NOBODY, Equals
from testbed.placement.fleet import Fleet
from testbed.placement.job_request import DuplicateJobError, JobRequest
from testbed.placement.node_choice import Question
from testbed.placement.task import Phase, Task


class Holdings:
    """All jobs, the fleet that they are on, and the delays and the policy by which they are placed.

    `expected` are names of jobs that may still come: who talks to one is placed without regard to it.
    """

    def __init__(
        self, fleet: Fleet, delays: Delays, policy: Placement, seed: int, expected: Iterable[str]
    ) -> None:
        self.fleet, self.delays, self.policy, self._seed = fleet, delays, policy, seed
        self.tasks: dict[str, Task] = {}
        self.waiting: dict[str, None] = {}
        self.on: list[dict[str, None]] = [{} for _ in fleet.nodes]
        self._expected = {*expected}
        self._node_of: dict[str, str] = {}
        self._equals = Equals.of(fleet, delays, policy)
        self.turn = 0

    # ---- asking --------------------------------------------------------------------------------------

    def task_of(self, job: JobRequest) -> Task:
        """The task of a job that is to be placed, new or waiting.

        Raises:
            DuplicateJobError: The name is taken by a job that runs or is over.
        """
        task = self.tasks.get(job.name)
        if task is None:
            task = self.tasks[job.name] = Task(job, Phase.REFUSED, len(self.tasks))
        elif not task.phase.waits:
            raise _duplicate(task)
        task.job = job
        return task

    def tasks_of(self, jobs: list[JobRequest]) -> list[Task]:
        """The tasks of several jobs: new ones wait from now on, whatever becomes of the others.

        Raises:
            DuplicateJobError: A name is taken, or stands for two of the jobs; nothing is changed.
        """
        if len({job.name for job in jobs}) < len(jobs):
            raise DuplicateJobError("two of the jobs to be placed have one name; a new job needs a new name")
        for job in jobs:
            task = self.tasks.get(job.name)
            if task is not None and not task.phase.waits:
                raise _duplicate(task)
        tasks = [self.task_of(job) for job in jobs]
        for task in tasks:
            self.waiting.setdefault(task.job.name, None)
        return tasks

    def question(self, job: JobRequest) -> Question:
        """What is to be decided about a job, with its partners as stations."""
        partners = self._partners(job) if job.partners else []
        return Question(self.fleet, self.delays, self.policy, job, partners, self._seed, self.turn)

    def _partners(self, job: JobRequest) -> list[tuple[str, float]]:
        """The stations that a job talks to; jobs are where they run, and left out if they do not."""
        found: dict[str, float] = {}
        for name, traffic in job.partners.items():
            station = self._node_of.get(name)
            if station is None and name not in self.tasks and name not in self._expected:
                station = name
            if traffic > 0 and station is not None:
                found[station] = found.get(station, 0.0) + traffic
        return list(found.items())

    def choose(self, question: Question) -> int | None:
        """The number of the node for a job; None if no node can take it."""
        job = question.job
        if self._equals is None or job.resources or job.spread is not None:
            return choose(question)
        number = self._equals.choose(job.weight, question.partners)
        return None if number == NOBODY else number

    def _choose_backup(self, job: JobRequest, primary: int) -> int | None:
        if self._equals is None or job.resources or job.spread is not None:
            return choose_backup(self.fleet, self.delays, job, primary)
        number = self._equals.backup(job.weight, primary)
        return None if number == NOBODY else number

    # ---- changing ------------------------------------------------------------------------------------

    def wait(self, task: Task, phase: Phase) -> None:
        """A job has no node, and may be tried again."""
        task.phase, task.node = phase, None
        self.waiting[task.job.name] = None

    def run(self, task: Task, number: int) -> None:
        """Put a job on a node: it holds a new epoch from now on."""
        name = task.job.name
        self.fleet.run(number, task.job)
        self.on[number][name] = None
        self.waiting.pop(name, None)
        task.phase, task.node, task.backup = Phase.RUNNING, self.fleet.names[number], None
        task.epoch += 1
        self._node_of[name] = task.node
        self.turn = number + 1

    def reserve(self, task: Task) -> str | None:
        """Keep a backup free for a running job that wants one and has none; its node, None without one."""
        if not (task.job.backup and self.policy.backup) or task.backup is not None or task.node is None:
            return None
        primary = self.fleet.index[task.node]
        number = self._choose_backup(task.job, primary)
        if number is None:
            return None
        self.fleet.reserve(number, task.job, primary)
        self.on[number][task.job.name] = None
        task.backup = self.fleet.names[number]
        return task.backup

    def drop_backup(self, task: Task) -> None:
        """Give a job's backup free, if it has one."""
        if task.backup is not None and task.node is not None:
            number = self.fleet.index[task.backup]
            self.fleet.reserve(number, task.job, self.fleet.index[task.node], -1)
            del self.on[number][task.job.name]
            task.backup = None

    def release(self, task: Task, phase: Phase) -> None:
        """Take a running job from its node, and its backup; one that is over keeps the name of its node."""
        assert task.node is not None
        primary = self.fleet.index[task.node]
        self.drop_backup(task)
        self.fleet.run(primary, task.job, -1)
        del self.on[primary][task.job.name]
        del self._node_of[task.job.name]
        task.phase = phase
        if phase.waits:
            self.wait(task, phase)

    def undo(self, tasks: Iterable[Task], turn: int) -> None:
        """Take back jobs that were just put on nodes, without a trace; `turn` is what it was before."""
        for task in tasks:
            self.release(task, Phase.REFUSED)
            task.epoch -= 1
        self.turn = turn


def _duplicate(task: Task) -> DuplicateJobError:
    return DuplicateJobError(
        f"job {task.job.name} is {task.phase} on {task.node}; a new job needs a new name"
    )
