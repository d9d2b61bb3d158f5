"""The nodes and how full they are, with an index of the least loaded ones.

This is the one part of the scheduler that changes in place: a copy of a hundred thousand nodes for each
decision would take a thousand times as long as the decision. It changes by the scheduler's calls alone, so
that the same calls leave the same state.
"""

import hashlib
import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from testbed.model.placement import Reservation
from testbed.placement.job_request import JobRequest, UnknownNodeError

NO_ENTRY = 2**62
"""Above every entry: a node that has failed, or none at all."""
_STALE_PER_NODE = 8
"""An index with more outdated entries than this for each node is made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A compute node; nodes of one `domain` (a chassis, a rack, a power feed) may fail together."""

    name: str
    capacity: int
    domain: str = ""
    resources: Mapping[str, int] = field(default_factory=dict)
    healthy: bool = True

    def __post_init__(self) -> None:
        if self.capacity < 0:
            raise ValueError(f"node {self.name} has capacity {self.capacity}; it must be 0 or more")


class Fleet:
    """All nodes by their numbers, in the order in which they were given.

    `rank` decides between equals: a permutation drawn from the seed and the nodes' names, whatever their
    order. `entries` has for each healthy node used * number of nodes + rank, by which the index sorts them.

    Raises:
        ValueError: Two nodes have one name.
    """

    def __init__(self, nodes: Iterable[Node], seed: int, reservation: Reservation) -> None:
        self.nodes = tuple(nodes)
        self.names = [node.name for node in self.nodes]
        self.index = {name: number for number, name in enumerate(self.names)}
        if len(self.index) < len(self.names):
            twice = sorted({name for number, name in enumerate(self.names) if self.index[name] != number})
            raise ValueError(f"more than one node is called {', '.join(twice)}; names must differ")
        self._shared = reservation is Reservation.SHARED
        count = len(self.nodes)
        self.capacity = array("q", (node.capacity for node in self.nodes))
        self.running = array("q", bytes(8 * count))
        self.reserved = array("q", bytes(8 * count))
        self.used = array("q", bytes(8 * count))
        self.healthy = array("b", (node.healthy for node in self.nodes))
        self.domain = _domains(self.nodes)
        self.rank, self.by_rank = _ranks(self.names, seed)
        self.resources_used: list[dict[str, int]] = [{} for _ in self.nodes]
        self._covers: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._in_domain: dict[tuple[str, int], int] = defaultdict(int)
        self._whole_domains = _whole_domains(self.domain)
        self.entries = array(
            "q", (self.rank[number] if self.healthy[number] else NO_ENTRY for number in range(count))
        )
        self._most_entries = _STALE_PER_NODE * count + 64
        self._rebuild()

    def __len__(self) -> int:
        return len(self.nodes)

    def number(self, name: str) -> int:
        """A node's number.

        Raises:
            UnknownNodeError: There is no such node.
        """
        if name not in self.index:
            raise UnknownNodeError(f"there is no node {name}")
        return self.index[name]

    # ---- what jobs hold ------------------------------------------------------------------------------

    def run(self, number: int, job: JobRequest, sign: int = 1) -> None:
        """Put a job on a node, or with -1 take it away."""
        self.running[number] += sign * job.weight
        self._hold(number, job, sign)
        self._changed(number)

    def reserve(self, number: int, job: JobRequest, primary: int, sign: int = 1) -> None:
        """Keep a node's capacity free for a job that runs on another one, or with -1 give it free."""
        if self._shared:
            covers = self._covers[number]
            covers[self.domain[primary]] += sign * job.weight
            self.reserved[number] = max(covers.values())
        else:
            self.reserved[number] += sign * job.weight
        self._hold(number, job, sign)
        self._changed(number)

    def _hold(self, number: int, job: JobRequest, sign: int) -> None:
        # A backup counts for its group too: the job may be there one day.
        if job.group is not None:
            self._in_domain[job.group, self.domain[number]] += sign
        if job.resources:
            held = self.resources_used[number]
            for resource, needed in job.resources.items():
                held[resource] = held.get(resource, 0) + sign * needed

    def set_health(self, number: int, *, healthy: bool) -> None:
        """Let a node take jobs, or not."""
        self.healthy[number] = healthy
        self._changed(number)

    # ---- what a node can take ------------------------------------------------------------------------

    def obstacle(self, number: int, job: JobRequest) -> str | None:
        """Why a node cannot take a job, whatever the delay; None if it can."""
        if not self.healthy[number]:
            return "failed"
        free = self.capacity[number] - self.used[number]
        if job.weight > free:
            return f"needs {job.weight}, {free} of {self.capacity[number]} free"
        return self.obstacle_but_weight(number, job)

    def obstacle_but_weight(self, number: int, job: JobRequest) -> str | None:
        """The same for a node that has room."""
        if not self.healthy[number]:
            return "failed"
        if job.resources and (lacks := self._lacks(number, job)) is not None:
            return lacks
        if job.spread is not None and job.group is not None:
            there = self._in_domain[job.group, self.domain[number]]
            if there >= job.spread:
                return f"{there} of {job.group} in its failure domain, at most {job.spread}"
        return None

    def fits_without(self, number: int, job: JobRequest, going: Sequence[JobRequest]) -> bool:
        """Whether a healthy node could take a job if some that run there went."""
        freed = sum(each.weight for each in going)
        if self.used[number] - freed + job.weight > self.capacity[number]:
            return False
        there, held = self.nodes[number].resources, self.resources_used[number]
        for resource, needed in job.resources.items():
            freed = sum(each.resources.get(resource, 0) for each in going)
            if held.get(resource, 0) - freed + needed > there.get(resource, 0):
                return False
        if job.spread is None or job.group is None:
            return True
        leaving = sum(each.group == job.group for each in going)
        return self._in_domain[job.group, self.domain[number]] - leaving < job.spread

    def room_for(self, group: str, spread: int, number: int) -> int:
        """How many more jobs of a group may be in a node's failure domain."""
        return spread - self._in_domain[group, self.domain[number]]

    def backs_up(self, number: int, job: JobRequest, primary: int) -> bool:
        """Whether a node can keep a job's capacity free, and does not fail with the primary."""
        if not self.healthy[number] or self.domain[number] == self.domain[primary]:
            return False
        extra = job.weight
        if self._shared:
            covered = self._covers[number][self.domain[primary]] + job.weight
            extra = max(covered - self.reserved[number], 0)
        if self.used[number] + extra > self.capacity[number]:
            return False
        return self.obstacle_but_weight(number, job) is None

    def _lacks(self, number: int, job: JobRequest) -> str | None:
        there, held = self.nodes[number].resources, self.resources_used[number]
        for resource, needed in job.resources.items():
            free = there.get(resource, 0) - held.get(resource, 0)
            if needed > free:
                return f"needs {needed} of {resource}, {free} of {there.get(resource, 0)} free"
        return None

    @property
    def is_plain(self) -> bool:
        """Whether room is a matter of weights alone, so that the index knows of it."""
        return not self._shared

    # ---- all at once ---------------------------------------------------------------------------------

    def feasible(self, job: JobRequest) -> NDArray[np.bool_]:
        """Which nodes can take a job, whatever the delay."""
        used, capacity = view(self.used), view(self.capacity)
        can: NDArray[np.bool_] = (np.frombuffer(self.healthy, dtype=np.int8) != 0) & (
            used + job.weight <= capacity
        )
        if job.resources or job.spread is not None:
            for number in np.flatnonzero(can):
                can[number] = self.obstacle(int(number), job) is None
        return can

    def feasible_backups(self, job: JobRequest, primary: int) -> NDArray[np.bool_]:
        """Which nodes can keep a job's capacity free, where that is a matter of weights alone."""
        room = view(self.used) + job.weight <= view(self.capacity)
        apart = view(self.domain) != self.domain[primary]
        can: NDArray[np.bool_] = room & apart & (np.frombuffer(self.healthy, dtype=np.int8) != 0)
        return can

    # ---- the index -----------------------------------------------------------------------------------

    def least_entry(self) -> int:
        """The least entry of all: its node is the least used healthy one, of equals the first by rank."""
        heap, entries, by_rank, count = self._heap, self.entries, self.by_rank, len(self.nodes)
        while heap:
            entry = heap[0]
            if entries[by_rank[entry % count]] == entry:
                return entry
            heapq.heappop(heap)
        return NO_ENTRY

    def least_entry_outside(self, first: int, last: int) -> int:
        """The same among the nodes that are not from `first` up to `last`."""
        heap, by_rank, count = self._heap, self.by_rank, len(self.nodes)
        entry = self.least_entry()
        if entry == NO_ENTRY or not first <= by_rank[entry % count] < last:
            return entry
        aside = []
        while entry != NO_ENTRY and first <= by_rank[entry % count] < last:
            aside.append(heapq.heappop(heap))
            entry = self.least_entry()
        for each in aside:
            heapq.heappush(heap, each)
        return entry

    def are_one_domain(self, first: int, last: int) -> bool:
        """Whether the nodes from `first` up to `last` fail together, and nobody else with them."""
        return (first, last) in self._whole_domains

    def _changed(self, number: int) -> None:
        used = self.running[number] + self.reserved[number]
        self.used[number] = used
        if not self.healthy[number]:
            self.entries[number] = NO_ENTRY
            return
        entry = used * len(self.nodes) + self.rank[number]
        self.entries[number] = entry
        heap = self._heap
        heapq.heappush(heap, entry)
        if len(heap) > self._most_entries:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [entry for entry in self.entries if entry != NO_ENTRY]
        heapq.heapify(self._heap)


def view(numbers: "array[int]") -> NDArray[np.int64]:
    """An array of the fleet for arithmetic, without a copy."""
    return np.frombuffer(numbers, dtype=np.int64)


def _domains(nodes: Iterable[Node]) -> "array[int]":
    """Domains as numbers; a node without one is its own."""
    known: dict[str, int] = {}
    return array(
        "q",
        (
            known.setdefault(node.domain, number) if node.domain else -1 - number
            for number, node in enumerate(nodes)
        ),
    )


def _whole_domains(domains: "array[int]") -> set[tuple[int, int]]:
    """From where up to where the nodes of a domain stand, of those that stand side by side."""
    counted = Counter(domains)
    found = set()
    first = 0
    for domain, together in groupby(domains):
        last = first + sum(1 for _ in together)
        if counted[domain] == last - first:
            found.add((first, last))
        first = last
    return found


def _ranks(names: list[str], seed: int) -> tuple["array[int]", "array[int]"]:
    """The rank of each node, and the node of each rank."""
    key = str(seed).encode()[:64]
    drawn = [hashlib.blake2b(name.encode(), key=key, digest_size=8).digest() for name in names]
    by_rank = array("q", sorted(range(len(names)), key=lambda number: (drawn[number], names[number])))
    rank = array("q", bytes(8 * len(names)))
    for place, number in enumerate(by_rank):
        rank[number] = place
    return rank, by_rank
