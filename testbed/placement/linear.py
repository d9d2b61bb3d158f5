"""The assignment of jobs to nodes as a mixed-integer program: its variables, gains and constraints.

The variables, one after another: for each job and node whether the job is there; for each node and possible
load whether the jobs placed now add so much; and for each pair of jobs that talk, and each node, what the
delay between the two costs if the first of them is on that node.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from testbed.placement.choosing import can_take, looks_at_delays
from testbed.placement.delays import UNKNOWN
from testbed.placement.node_choice import Question
from testbed.placement.plugin_policies import further_scores
from testbed.placement.scoring import mean_delays_ns, missed, shares

Entries = Iterable[tuple[int, float]]
_NO_LIMIT = np.inf


@dataclass(slots=True)
class Rows:
    """Linear constraints: entries of a sparse matrix, and what each row is at least and at most."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def add(self, entries: Entries, least: float, most: float) -> None:
        """One more constraint, of (variable, factor)."""
        for column, value in entries:
            self.rows.append(len(self.lower))
            self.columns.append(column)
            self.values.append(value)
        self.lower.append(least)
        self.upper.append(most)

    def __add__(self, other: "Rows") -> "Rows":
        """These constraints and further ones."""
        first = len(self.lower)
        return Rows(
            self.rows + [first + row for row in other.rows],
            self.columns + other.columns,
            self.values + other.values,
            self.lower + other.lower,
            self.upper + other.upper,
        )


class LinearProgram:
    """The program of some jobs; `together` has groups of their numbers, all placed or all left out."""

    def __init__(self, questions: Sequence[Question], together: Sequence[Sequence[int]] = ()) -> None:
        self._questions, self._together = questions, together
        fleet = questions[0].fleet
        self._jobs, self._nodes = len(questions), len(fleet)
        self._weights = [question.job.weight for question in questions]
        self._before = [int(used) for used in fleet.used]
        self._capacity = [int(capacity) for capacity in fleet.capacity]
        self._can = [can_take(question) for question in questions]
        added = sum(self._weights)
        # What can be added to each node, from nothing up.
        self._levels = [
            range(min(added, max(capacity - used, 0)) + 1)
            for used, capacity in zip(self._before, self._capacity, strict=True)
        ]
        self._first_level = self._jobs * self._nodes + np.cumsum([0, *map(len, self._levels)])
        self._first_pair = int(self._first_level[-1])
        self._pairs = _pairs(questions)
        self.columns = self._first_pair + len(self._pairs) * self._nodes

    def most(self) -> NDArray[np.float64]:
        """The most that each variable may be: 0 where a node cannot take a job."""
        levels = np.ones(self._first_pair - self._jobs * self._nodes)
        costs = np.full(len(self._pairs) * self._nodes, _NO_LIMIT)
        return np.concatenate([*self._can, levels, costs])

    def whole(self) -> NDArray[np.int64]:
        """Which variables are whole numbers: all but what delays between jobs cost."""
        found = np.zeros(self.columns, dtype=np.int64)
        found[: self._first_pair] = 1
        return found

    def count(self, jobs: Iterable[int]) -> NDArray[np.float64]:
        """Gains that count how many of some jobs are placed."""
        gains = np.zeros(self.columns)
        for job in jobs:
            gains[job * self._nodes : (job + 1) * self._nodes] = 1.0
        return gains

    def placed(self, jobs: Iterable[int], least: int) -> Rows:
        """That at least so many of some jobs are placed."""
        rows = Rows()
        rows.add([(column, 1.0) for job in jobs for column in self._of_job(job)], least, _NO_LIMIT)
        return rows

    def gains(self) -> NDArray[np.float64]:
        """What each variable adds to the sum of the jobs' scores by their weights."""
        gains = np.zeros(self.columns)
        for number, question in enumerate(self._questions):
            points = self._points(question) * question.job.weight
            gains[number * self._nodes : (number + 1) * self._nodes] = points
        load_share = shares(self._questions[0].policy)[0]
        for node, levels in enumerate(self._levels):
            capacity, before = self._capacity[node], self._before[node]
            for added in levels:
                free = 1 - (before + added) / capacity if capacity else 0.0
                gains[self._first_level[node] + added] = load_share * added * free
        gains[self._first_pair :] = -1.0
        return gains

    def _points(self, question: Question) -> NDArray[np.float64]:
        """The score of a job on every node, without its load and its delays to jobs placed with it."""
        delay_share, longest_ns = shares(question.policy)[1], question.delays.longest_ns
        points: NDArray[np.float64] = np.full(self._nodes, delay_share)
        points -= missed(question.policy, further_scores(question))
        traffic = sum(share for _, share in question.partners)
        if not longest_ns or not traffic:
            return points
        delays_ns = mean_delays_ns(question.partners, question.fleet, question.delays)[0]
        part = traffic / (traffic + sum(_talks(question, self._questions).values()))
        points -= delay_share * part * np.minimum(delays_ns, longest_ns) / longest_ns
        return points

    def constraints(self) -> Rows:
        """Each job on one node at most; one level for each node, which its jobs add up to; and the rest."""
        rows = Rows()
        for job in range(self._jobs):
            rows.add([(column, 1.0) for column in self._of_job(job)], 0, 1)
        for first, *others in self._together:
            for other in others:
                both = [
                    *((each, 1.0) for each in self._of_job(first)),
                    *((each, -1.0) for each in self._of_job(other)),
                ]
                rows.add(both, 0, 0)
        for node, levels in enumerate(self._levels):
            level = int(self._first_level[node])
            rows.add([(level + added, 1.0) for added in levels], 1, 1)
            of_jobs = [(job * self._nodes + node, float(self._weights[job])) for job in range(self._jobs)]
            rows.add([*of_jobs, *((level + added, -float(added)) for added in levels)], 0, 0)
        for entries, most in (*self._resources(), *self._spread()):
            rows.add(entries, 0, most)
        self._add_pairs(rows)
        return rows

    def _of_job(self, job: int) -> range:
        return range(job * self._nodes, (job + 1) * self._nodes)

    def _add_pairs(self, rows: Rows) -> None:
        """What the delay between two jobs costs, on the node of the first: nothing unless both are placed."""
        if not self._pairs:
            return
        fleet, delays = self._questions[0].fleet, self._questions[0].delays
        from_node = [delays.row(name, fleet.names) for name in fleet.names]
        for number, (first, second, cost_per_ns) in enumerate(self._pairs):
            for node, row in enumerate(from_node):
                if not self._can[first][node]:
                    continue
                here, cost = first * self._nodes + node, self._first_pair + number * self._nodes + node
                costs = np.where(row == UNKNOWN, 0, row) * cost_per_ns
                most = float(costs.max())
                there = [(second * self._nodes + other, -float(costs[other])) for other in range(self._nodes)]
                rows.add([(cost, 1.0), (here, -most), *there], -most, _NO_LIMIT)
                for other in np.flatnonzero(row == UNKNOWN):
                    rows.add([(here, 1.0), (second * self._nodes + int(other), 1.0)], 0, 1)

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

    def nodes_of(self, solution: NDArray[np.float64]) -> list[int | None]:
        """The node of each job in a solution."""
        chosen = np.round(solution[: self._jobs * self._nodes]).reshape(self._jobs, self._nodes)
        return [int(row.argmax()) if row.any() else None for row in chosen]


def _talks(question: Question, questions: Sequence[Question]) -> dict[str, float]:
    """The traffic of a job with others that are placed at the same time, by their names."""
    names = {each.job.name for each in questions} - {question.job.name}
    return {name: share for name, share in question.job.partners.items() if name in names and share > 0}


def _pairs(questions: Sequence[Question]) -> list[tuple[int, int, float]]:
    """Pairs of jobs that talk to each other, and what a nanosecond between them costs in weighted points."""
    longest_ns, policy = questions[0].delays.longest_ns, questions[0].policy
    if not longest_ns or not looks_at_delays(policy):
        return []
    delay_share = shares(policy)[1]
    numbers = {question.job.name: number for number, question in enumerate(questions)}
    costs: dict[tuple[int, int], float] = defaultdict(float)
    for number, question in enumerate(questions):
        talks = _talks(question, questions)
        traffic = sum(share for _, share in question.partners) + sum(talks.values())
        for name, share in talks.items():
            pair = min(number, numbers[name]), max(number, numbers[name])
            costs[pair] += delay_share * question.job.weight * share / traffic / longest_ns
    return [(first, second, cost) for (first, second), cost in costs.items()]
