"""Which node a job gets: the shipped policies, and the choice of a backup.

Each gives the number of a node that can take the job, or None; equals are told apart by the fleet's rank. All
nodes are looked at, at once. Where there are very many and they are equals, `equals` finds the same node
sooner.
"""

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement.delays import UNKNOWN, Delays
from testbed.placement.fleet import Fleet, view
from testbed.placement.job_request import JobRequest
from testbed.placement.node_choice import NodeChoice, Numbers, Question, of_rank
from testbed.placement.plugin_policies import choice_called, further_scores
from testbed.placement.scoring import Floats, Partners, mean_delays_ns, micro_scores

_DRAWS = 16
"""So often a node is drawn at random before those that can take the job are counted."""


def choose(question: Question) -> int | None:
    """The node for a job by the policy; None if no node can take it.

    Raises:
        ExtensionError: A package brings the policy, and it is not there, fails, or chooses what cannot be.
    """
    return policy_called(question.policy.policy).choose(question)


def policy_called(name: str) -> NodeChoice:
    """The policy of a name.

    Raises:
        ExtensionError: Nobody brings it, or what is brought is none.
    """
    shipped = _SHIPPED.get(name)
    return shipped if shipped is not None else choice_called(name)


def can_reach(question: Question) -> NDArray[np.bool_]:
    """To which nodes the delays are known, if the policy looks at delays."""
    if looks_at_delays(question.policy) and question.partners:
        return question.mean_delays_ns()[1]
    return np.ones(len(question.fleet), dtype=np.bool_)


def can_take(question: Question) -> NDArray[np.bool_]:
    """Which nodes can take the job, as far as they can be reached."""
    return question.feasible() & can_reach(question)


def looks_at_delays(placement: Placement) -> bool:
    """Whether a node at an unknown delay cannot be chosen."""
    return policy_called(placement.policy).looks_at_delays(placement)


class _Supernode:
    """By the score; of one job it is the optimum, too."""

    def looks_at_delays(self, placement: Placement) -> bool:
        """If they count."""
        return placement.delay_weight > 0

    def choose(self, question: Question) -> int | None:
        """The node of the highest score."""
        fleet, job, longest_ns = question.fleet, question.job, question.delays.longest_ns
        delays_ns, known = _delays_ns(question)
        further = further_scores(question)
        return _best(
            fleet, micro_scores(fleet, job, delays_ns, longest_ns, question.policy, further), known, job
        )


class _By:
    """By one function; it looks at delays or does not, whatever the weights."""

    def __init__(self, choose: Callable[[Question], int | None], *, delays: bool = False) -> None:
        self.choose, self._delays = choose, delays

    def looks_at_delays(self, _placement: Placement) -> bool:
        """As it was made."""
        return self._delays


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
    return of_rank(fleet, -_utilisation(fleet, job), feasible)


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
    return of_rank(fleet, scores, feasible)


_SHIPPED: dict[str, NodeChoice] = {
    PlacementPolicy.SUPERNODE: _Supernode(),
    PlacementPolicy.RANDOM: _By(_random),
    PlacementPolicy.ROUND_ROBIN: _By(_round_robin),
    PlacementPolicy.LEAST_LOADED: _By(_least_loaded),
    PlacementPolicy.TWO_CHOICES: _By(_two_choices),
    PlacementPolicy.BEST_FIT: _By(_best_fit),
    PlacementPolicy.NEAREST: _By(_nearest, delays=True),
    PlacementPolicy.AFFINITY: _By(_affinity, delays=True),
    PlacementPolicy.OPTIMAL: _Supernode(),
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
    return of_rank(fleet, -_utilisation(fleet, job), able)
