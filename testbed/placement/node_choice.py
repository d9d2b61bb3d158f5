"""What chooses a node for a job, and what scores nodes: the two ways in which placement can be extended.

Both see a `Question`. Whatever else is to be done is done for all of them alike: who can take a job, backups,
reservations, and what becomes of jobs when nodes fail.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from testbed.model.placement import Placement
from testbed.placement.delays import Delays
from testbed.placement.fleet import Fleet, view
from testbed.placement.job_request import JobRequest
from testbed.placement.scoring import Floats, Partners, mean_delays_ns

Numbers = NDArray[np.float64] | NDArray[np.int64]


class Question(NamedTuple):
    """A job to be placed, its partners as stations, and all that may decide.

    Nodes have numbers, from 0 in the order of `names`; what there is of each node is an array by number.
    """

    fleet: Fleet
    delays: Delays
    policy: Placement
    job: JobRequest
    partners: Partners
    seed: int
    turn: int
    """The node behind the one that was given last: where round robin goes on."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the nodes."""
        return self.fleet.names

    @property
    def capacity(self) -> NDArray[np.int64]:
        """What each node carries, in the unit of the jobs' weights; not to be written to."""
        return _shown(view(self.fleet.capacity))

    @property
    def used(self) -> NDArray[np.int64]:
        """What jobs and reservations hold of each node; not to be written to."""
        return _shown(view(self.fleet.used))

    def feasible(self) -> NDArray[np.bool_]:
        """Which nodes are whole and have what the job needs, at whatever delay."""
        return self.fleet.feasible(self.job)

    def mean_delays_ns(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The mean delay from each node to the job's partners, by traffic, and where it is known."""
        return mean_delays_ns(self.partners, self.fleet, self.delays)

    def fraction(self, purpose: str) -> float:
        """A number from 0 to below 1, drawn by the scenario's seed, the job's name and a purpose."""
        drawn = hashlib.blake2b(f"{self.seed}\0{self.job.name}\0{purpose}".encode(), digest_size=8).digest()
        return (int.from_bytes(drawn, "little") >> 11) / 2**53

    def best(self, scores: Numbers, among: NDArray[np.bool_]) -> int | None:
        """The node of the highest score among some; of equals the first by a rank that the seed draws."""
        return of_rank(self.fleet, scores, among)


class NodeChoice(Protocol):
    """Chooses a node. Pure: it goes by the question alone, and keeps nothing."""

    def looks_at_delays(self, placement: Placement) -> bool:
        """Whether a node at an unknown delay cannot be chosen."""
        ...

    def choose(self, question: Question) -> int | None:
        """The number of a node that can take the job; None if there is none, or none is good enough."""
        ...


class NodeScore(Protocol):
    """Scores nodes for a job. Pure: it goes by the question alone, and keeps nothing."""

    def scores(self, question: Question) -> Sequence[float] | Floats:
        """A score for every node, whether it can take the job or not: 0 is worst, 100 is best."""
        ...


def of_rank(fleet: Fleet, scores: Numbers, among: NDArray[np.bool_]) -> int | None:
    """The node of the highest score among some; of equals the first by rank."""
    numbers = np.flatnonzero(among)
    if not len(numbers):
        return None
    best = numbers[scores[numbers] == scores[numbers].max()]
    return int(best[np.argmin(view(fleet.rank)[best])])


def _shown(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers.flags.writeable = False
    return numbers
