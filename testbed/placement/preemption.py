"""Which jobs of a lower priority make room for one that preempts: few, and the least important ones.

A node's victims are found by giving back. All jobs of a lower priority are taken away in thought, and then
given back one by one as long as the new job still fits: the most important first, of equally important ones
the lightest. A job that is not given back could not have stayed. In the end each victim is exchanged for the
lightest job of its priority that frees enough, so that no heavier job goes than has to.
"""

from collections.abc import Callable, Iterable

from testbed.placement.choosing import can_reach
from testbed.placement.holdings import Holdings
from testbed.placement.job_request import JobRequest
from testbed.placement.node_choice import Question
from testbed.placement.task import Task

_Cost = tuple[tuple[int, ...], int, int]
_Tasks = dict[str, Task]


def cheapest(holdings: Holdings, question: Question) -> tuple[int, list[Task]] | None:
    """The node where making room for a job costs least, and the jobs to be evicted there; None without one.

    Costs compare by the victims' priorities from the highest down: 3 costs more than 2, 2 and 2, and 3 and 1
    cost more than 3 alone. Equal ones compare by the evicted weight, then by rank. Capacity that is reserved
    for backups is not taken.
    """
    fleet = holdings.fleet
    reachable = can_reach(question)
    best: tuple[_Cost, int, list[Task]] | None = None
    for number in range(len(fleet)):
        if not reachable[number] or not fleet.healthy[number]:
            continue
        victims = _victims(holdings, number, question.job)
        if not victims:
            continue
        priorities = tuple(sorted((task.job.priority for task in victims), reverse=True))
        cost = priorities, sum(task.job.weight for task in victims), fleet.rank[number]
        if best is None or cost < best[0]:
            best = cost, number, victims
    return None if best is None else best[1:]


def _victims(holdings: Holdings, number: int, job: JobRequest) -> list[Task]:
    """The jobs that make room on a node, the least important first; none if room cannot be made."""
    fleet = holdings.fleet
    here = (holdings.tasks[name] for name in holdings.on[number])
    lower = {
        task.job.name: task
        for task in here
        if task.node == fleet.names[number] and task.job.priority < job.priority
    }

    def fits(without: Iterable[Task]) -> bool:
        return fleet.fits_without(number, job, [task.job for task in without])

    if not fits(lower.values()):
        return []
    victims = dict(lower)
    for task in sorted(lower.values(), key=lambda task: (-task.job.priority, task.job.weight, task.arrived)):
        rest = _without(victims, task)
        if fits(rest.values()):
            victims = rest
    for task in sorted(victims.values(), key=lambda task: -task.job.weight):
        victims = _exchanged(task, victims, lower, fits)
    return sorted(victims.values(), key=_by_importance)


def _exchanged(
    victim: Task, victims: _Tasks, lower: _Tasks, fits: Callable[[Iterable[Task]], bool]
) -> _Tasks:
    """The victims with the lightest job of the same priority in place of one, if that frees enough."""
    rest = _without(victims, victim)
    lighter = (
        task
        for name, task in lower.items()
        if name not in victims
        and task.job.priority == victim.job.priority
        and task.job.weight < victim.job.weight
    )
    for task in sorted(lighter, key=_by_importance):
        changed = {**rest, task.job.name: task}
        if fits(changed.values()):
            return changed
    return victims


def _without(tasks: _Tasks, task: Task) -> _Tasks:
    return {name: each for name, each in tasks.items() if name != task.job.name}


def _by_importance(task: Task) -> tuple[int, int, int]:
    return task.job.priority, task.job.weight, task.arrived
