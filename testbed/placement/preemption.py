"""Whose place a job of a higher priority takes."""

from testbed.placement.choosing import can_reach
from testbed.placement.holdings import Holdings
from testbed.placement.policy import Question
from testbed.placement.task import Task

_Key = tuple[int, int, int]


def cheapest(holdings: Holdings, question: Question) -> tuple[int, list[Task]] | None:
    """The node where making room for a job costs least, and the jobs to be evicted there; None without one.

    Least is: the lowest of the highest priorities evicted, then the least weight, then the first by rank.
    Only weight is made room for: a node that lacks another resource, cannot be reached or is too full of the
    job's own group is none.
    """
    fleet, job = question.fleet, question.job
    reachable = can_reach(question)
    best: tuple[_Key, int, list[Task]] | None = None
    for number in range(len(fleet)):
        if not reachable[number] or fleet.obstacle_but_weight(number, job) is not None:
            continue
        taken = _taken(holdings, number, job.priority, job.weight)
        if not taken:
            continue
        weight = sum(task.job.weight for task in taken)
        key = max(task.job.priority for task in taken), weight, fleet.rank[number]
        if best is None or key < best[0]:
            best = key, number, taken
    return None if best is None else best[1:]


def _taken(holdings: Holdings, number: int, priority: int, weight: int) -> list[Task]:
    """The jobs of a lower priority that make room on a node, the lowest first; none if they are too few."""
    fleet = holdings.fleet
    missing = weight - (fleet.capacity[number] - fleet.used[number])
    there = (holdings.tasks[name] for name in holdings.on[number])
    lower = [task for task in there if task.node == fleet.names[number] and task.job.priority < priority]
    taken: list[Task] = []
    for task in sorted(lower, key=lambda task: (task.job.priority, task.job.weight, task.arrived)):
        if missing <= 0:
            break
        taken.append(task)
        missing -= task.job.weight
    return taken if missing <= 0 else []
