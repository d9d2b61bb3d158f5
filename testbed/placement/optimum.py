"""The best assignment of several jobs at once, by a solver: the yardstick of all other policies.

What is made as large as can be is the mean score of the jobs by their weights, once all of them are placed.
The delay part is a sum over jobs. The load part of a node, what is added times what stays free, is no sum;
one variable for each possible load makes all of it linear (a mixed-integer program, solved by HiGHS).
Partners are where they are before; backups are planned afterwards, and count for nothing here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from testbed.errors import NotReadyError
from testbed.placement.brought import further_scores
from testbed.placement.choosing import can_take
from testbed.placement.policy import Question
from testbed.placement.scoring import mean_delays_ns, missed, shares

MOST_VARIABLES = 20_000
"""Beyond it a solver may take minutes; these are small instances."""


def best_assignment(questions: Sequence[Question]) -> list[int | None]:
    """The node of each job, None for those that are left out; as many as can be are placed.

    Raises:
        NotReadyError: scipy is not installed, the instance is too large, or the solver gave up.
    """
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array
    except ImportError:
        raise NotReadyError(
            "the policy optimal needs scipy: install it, or the testbed with its extra dev"
        ) from None
    model = _Model(questions)
    if model.columns > MOST_VARIABLES:
        raise NotReadyError(
            f"the policy optimal is for small instances: {len(questions)} jobs on {len(questions[0].fleet)} "
            f"nodes make {model.columns} variables, at most {MOST_VARIABLES} are solved"
        )
    rows, columns, values, lower, upper = model.constraints()
    matrix = csr_array((values, (rows, columns)), shape=(len(lower), model.columns))
    solved = milp(
        c=-model.gains(),
        constraints=LinearConstraint(matrix, lower, upper),
        bounds=Bounds(0, model.most()),
        integrality=np.ones(model.columns),
    )
    if solved.x is None:
        raise NotReadyError(f"the solver found no assignment: {solved.message}")
    return model.nodes_of(solved.x)


class _Model:
    """The program: a variable for each job and node, then one for each node and what may be used of it."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        fleet = questions[0].fleet
        self._jobs, self._nodes = len(questions), len(fleet)
        self._weights = [question.job.weight for question in questions]
        self._before = [int(used) for used in fleet.used]
        self._capacity = [int(capacity) for capacity in fleet.capacity]
        added = sum(self._weights)
        # What can be added to each node, from nothing up.
        self._levels = [
            range(min(added, max(capacity - used, 0)) + 1)
            for used, capacity in zip(self._before, self._capacity, strict=True)
        ]
        self._first_level = self._jobs * self._nodes + np.cumsum([0, *map(len, self._levels)])
        self.columns = int(self._first_level[-1])

    def most(self) -> np.ndarray:
        """The most that each variable may be: 0 where a node cannot take a job."""
        can = [can_take(question) for question in self._questions]
        return np.concatenate([*can, np.ones(self.columns - self._jobs * self._nodes)])

    def gains(self) -> np.ndarray:
        """What each variable adds to the weighted sum of scores; to place a job is worth more than all."""
        gains = np.zeros(self.columns)
        placed = 200.0 * sum(self._weights)
        for number, question in enumerate(self._questions):
            load_share, delay_share = shares(question.policy)
            longest_ns = question.delays.longest_ns
            delays_ns = mean_delays_ns(question.partners, question.fleet, question.delays)[0]
            near = 1 - np.minimum(delays_ns, longest_ns) / longest_ns if longest_ns else 1.0
            points = delay_share * near - missed(question.policy, further_scores(question))
            gains[number * self._nodes : (number + 1) * self._nodes] = placed + points * question.job.weight
        for node, levels in enumerate(self._levels):
            capacity, before = self._capacity[node], self._before[node]
            for added in levels:
                free = 1 - (before + added) / capacity if capacity else 0.0
                gains[self._first_level[node] + added] = load_share * added * free
        return gains

    def constraints(self) -> tuple[list[int], list[int], list[float], list[float], list[float]]:
        """Each job on one node at most; one level for each node; and the level is what its jobs weigh."""
        rows, columns, values = [], [], []
        lower: list[float] = []
        upper: list[float] = []

        def row(entries: list[tuple[int, float]], least: float, most: float) -> None:
            for column, value in entries:
                rows.append(len(lower))
                columns.append(column)
                values.append(value)
            lower.append(least)
            upper.append(most)

        for job in range(self._jobs):
            row([(job * self._nodes + node, 1.0) for node in range(self._nodes)], 0, 1)
        for node, levels in enumerate(self._levels):
            first = int(self._first_level[node])
            row([(first + added, 1.0) for added in levels], 1, 1)
            of_jobs = [(job * self._nodes + node, float(self._weights[job])) for job in range(self._jobs)]
            row([*of_jobs, *((first + added, -float(added)) for added in levels)], 0, 0)
        for entries, most in (*self._resources(), *self._spread()):
            row(entries, 0, most)
        return rows, columns, values, lower, upper

    def _resources(self) -> Iterator[tuple[list[tuple[int, float]], float]]:
        """What the jobs need of each further resource of a node, and what is free of it."""
        fleet = self._questions[0].fleet
        wanted = {resource for question in self._questions for resource in question.job.resources}
        for resource in sorted(wanted):
            for node in range(self._nodes):
                held = fleet.resources_used[node].get(resource, 0)
                free = fleet.nodes[node].resources.get(resource, 0) - held
                needs = [question.job.resources.get(resource, 0) for question in self._questions]
                yield (
                    [(job * self._nodes + node, float(need)) for job, need in enumerate(needs) if need],
                    free,
                )

    def _spread(self) -> Iterator[tuple[list[tuple[int, float]], float]]:
        """The jobs of a group on the nodes of a failure domain, and how many more there may be."""
        fleet = self._questions[0].fleet
        first_of = {domain: node for node, domain in reversed([*enumerate(fleet.domain)])}
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for job, question in enumerate(self._questions):
            if question.job.group is not None and question.job.spread is not None:
                groups[question.job.group, question.job.spread].append(job)
        for (group, spread), jobs in groups.items():
            for domain, first in first_of.items():
                nodes = [node for node in range(self._nodes) if fleet.domain[node] == domain]
                entries = [(job * self._nodes + node, 1.0) for job in jobs for node in nodes]
                yield entries, fleet.room_for(group, spread, first)

    def nodes_of(self, solution: np.ndarray) -> list[int | None]:
        """The node of each job in a solution."""
        chosen = np.round(solution[: self._jobs * self._nodes]).reshape(self._jobs, self._nodes)
        return [int(row.argmax()) if row.any() else None for row in chosen]
