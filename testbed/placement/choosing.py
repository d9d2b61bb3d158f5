"""Which node a job gets: one function for each policy, behind one interface.

Each gives the number of a node that can take the job, or None; equals are told apart by the fleet's rank. All
nodes are looked at, at once. Where there are very many and they are equals, `equals` finds the same node
sooner.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement.delays import UNKNOWN, Delays
from testbed.placement.fleet import Fleet, view
from testbed.placement.job import JobRequest
from testbed.placement.scoring import Floats, Partners, mean_delays_ns, micro_scores

_DRAWS = 16
"""So often a node is drawn at random before those that can take the job are counted."""


class Question(NamedTuple):
    """A job to be placed, its partners as stations, and all that may decide."""

    fleet: Fleet
    delays: Delays
    policy: Placement
    job: JobRequest
    partners: Partners
    seed: int
    turn: int
    """The node behind the one that was given last: where round robin goes on."""


Numbers = NDArray[np.float64] | NDArray[np.int64]
Choice = Callable[[Question], int | None]


def choose(question: Question) -> int | None:
    """The node for a job by the policy; None if no node can take it."""
    return _CHOICES[question.policy.policy](question)


def can_reach(question: Question) -> NDArray[np.bool_]:
    """To which nodes the delays are known, if the policy looks at delays."""
    if looks_at_delays(question.policy) and question.partners:
        return mean_delays_ns(question.partners, question.fleet, question.delays)[1]
    return np.ones(len(question.fleet), dtype=np.bool_)


def can_take(question: Question) -> NDArray[np.bool_]:
    """Which nodes can take the job, as far as they can be reached."""
    return question.fleet.feasible(question.job) & can_reach(question)


def looks_at_delays(policy: Placement) -> bool:
    """Whether a node at an unknown delay cannot be chosen."""
    if policy.policy in (PlacementPolicy.SUPERNODE, PlacementPolicy.OPTIMAL):
        return policy.delay_weight > 0
    return policy.policy in (PlacementPolicy.NEAREST, PlacementPolicy.AFFINITY)


def _supernode(question: Question) -> int | None:
    fleet, job, longest_ns = question.fleet, question.job, question.delays.longest_ns
    delays_ns, known = _delays_ns(question)
    return _best(fleet, micro_scores(fleet, job, delays_ns, longest_ns, question.policy), known, job)


def _delays_ns(question: Question) -> tuple[Floats, NDArray[np.bool_]]:
    if question.policy.delay_weight == 0:
        return np.zeros(len(question.fleet)), np.ones(len(question.fleet), dtype=np.bool_)
    return mean_delays_ns(question.partners, question.fleet, question.delays)


def _least_loaded(question: Question) -> int | None:
    return _best(question.fleet, -_utilisation(question.fleet, question.job), None, question.job)


def _best_fit(question: Question) -> int | None:
    return _best(question.fleet, _utilisation(question.fleet, question.job), None, question.job)


def _nearest(question: Question) -> int | None:
    """To the partner with the most traffic; of equally near ones the least loaded."""
    most = sorted(question.partners, key=lambda partner: (-partner[1], partner[0]))[:1]
    return _closest(question, most)


def _affinity(question: Question) -> int | None:
    """To all partners by traffic; of equally near ones the least loaded."""
    return _closest(question, question.partners)


def _closest(question: Question, partners: Partners) -> int | None:
    fleet, job = question.fleet, question.job
    delays_ns, known = mean_delays_ns(partners, fleet, question.delays)
    feasible = fleet.feasible(job) & known
    if not feasible.any():
        return None
    # Rounded to a thousandth of a nanosecond, as scores are: the order of additions decides nothing.
    delays_ns = np.round(delays_ns, 3)
    feasible &= delays_ns == delays_ns[feasible].min()
    return _of_rank(fleet, -_utilisation(fleet, job), feasible)


def _random(question: Question) -> int | None:
    return _drawn(question, "random")


def _two_choices(question: Question) -> int | None:
    fleet, job = question.fleet, question.job
    two = [number for draw in ("first", "second") if (number := _drawn(question, draw)) is not None]
    return min(two, key=lambda number: (_rounded(fleet, number, job), fleet.rank[number]), default=None)


def _drawn(question: Question, purpose: str) -> int | None:
    """A node that can take the job, drawn evenly by the seed, the job's name and the purpose."""
    fleet, job = question.fleet, question.job
    stream = hashlib.blake2b(f"{question.seed}\0{job.name}\0{purpose}".encode(), digest_size=64).digest()
    for draw in range(_DRAWS):
        word = int.from_bytes(stream[4 * draw : 4 * draw + 4], "little")
        number = word * len(fleet) >> 32
        if fleet.obstacle(number, job) is None:
            return number
    feasible = np.flatnonzero(fleet.feasible(job))
    return int(feasible[int.from_bytes(stream[-8:], "little") % len(feasible)]) if len(feasible) else None


def _round_robin(question: Question) -> int | None:
    fleet, count = question.fleet, len(question.fleet)
    for step in range(count):
        number = (question.turn + step) % count
        if fleet.obstacle(number, question.job) is None:
            return number
    return None


def _utilisation(fleet: Fleet, job: JobRequest) -> Floats:
    """The share of each node that would be used, rounded as scores are."""
    found: Floats = np.round((view(fleet.used) + job.weight) / np.maximum(view(fleet.capacity), 1), 9)
    return found


def _rounded(fleet: Fleet, number: int, job: JobRequest) -> float:
    return round((fleet.used[number] + job.weight) / fleet.capacity[number], 9)


def _best(fleet: Fleet, scores: Numbers, known: NDArray[np.bool_] | None, job: JobRequest) -> int | None:
    feasible = fleet.feasible(job)
    if known is not None:
        feasible &= known
    return _of_rank(fleet, scores, feasible)


def _of_rank(fleet: Fleet, scores: Numbers, feasible: NDArray[np.bool_]) -> int | None:
    """The node of the highest score among the feasible ones; of equals the first by rank."""
    numbers = np.flatnonzero(feasible)
    if not len(numbers):
        return None
    best = numbers[scores[numbers] == scores[numbers].max()]
    return int(best[np.argmin(view(fleet.rank)[best])])


_CHOICES: dict[PlacementPolicy, Choice] = {
    PlacementPolicy.SUPERNODE: _supernode,
    PlacementPolicy.RANDOM: _random,
    PlacementPolicy.ROUND_ROBIN: _round_robin,
    PlacementPolicy.LEAST_LOADED: _least_loaded,
    PlacementPolicy.TWO_CHOICES: _two_choices,
    PlacementPolicy.BEST_FIT: _best_fit,
    PlacementPolicy.NEAREST: _nearest,
    PlacementPolicy.AFFINITY: _affinity,
    # Of one job the optimum is the highest score.
    PlacementPolicy.OPTIMAL: _supernode,
}


def choose_backup(fleet: Fleet, delays: Delays, job: JobRequest, primary: int) -> int | None:
    """The node nearest to the primary that can keep the job's capacity free; of equals the emptiest.

    Never the primary, nor a node of its failure domain.
    """
    row = delays.row(fleet.names[primary], fleet.names)
    able = row != UNKNOWN
    if fleet.is_plain and not job.resources and job.spread is None:
        able &= fleet.feasible_backups(job, primary)
    else:
        able &= np.array([fleet.backs_up(number, job, primary) for number in range(len(fleet))])
    if not able.any():
        return None
    able &= row == row[able].min()
    return _of_rank(fleet, -_utilisation(fleet, job), able)
