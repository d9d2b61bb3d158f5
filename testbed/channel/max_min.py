"""How channels share the links: weighted max-min between the committed rate and what each needs.

Every lane has its committed rate. Above it, all of them rise together, each by its weight times one common
level, until it has what it needs or a link of its path is full; the others rise on (progressive filling,
Bertsekas and Gallager, Data Networks, 6.5.2). So no lane could have more without taking from one that has
no more for its weight, and no link has room that somebody on it could use.

Levels are exact fractions. Rates are floored to whole bits per second in the end, so that no link is ever
above its capacity and less than 1 bit/s a lane is left over. The result depends on needs and links alone,
never on what was before: sharing twice changes nothing, so nothing oscillates.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heapreplace
from math import lcm

from testbed.channel.state import Lane, Link


@dataclass(frozen=True, slots=True)
class Shares:
    """What each lane gets, and by its place which link keeps it from what it needs."""

    rates_bps: list[int]
    limits: dict[int, str]


def share(links: Iterable[Link], lanes: Sequence[Lane]) -> Shares:
    """The rates of all lanes of one direction over its links.

    The committed rates must fit together, which is what admission sees to.
    """
    surpluses_bps = [lane.surplus_bps for lane in lanes]
    free_bps, wanted_bps = _sums(links, lanes, surpluses_bps)
    # A link that has room for all that is wanted over it keeps nobody from anything.
    contested = {name for name, wanted in wanted_bps.items() if wanted > free_bps[name]}
    rates_bps = [lane.committed_bps + surplus for lane, surplus in zip(lanes, surpluses_bps, strict=True)]
    if not contested:
        return Shares(rates_bps, {})
    filling = _Filling({name: free_bps[name] for name in sorted(contested)})
    crossed: dict[tuple[str, ...], list[str]] = {}
    for index, (lane, surplus_bps) in enumerate(zip(lanes, surpluses_bps, strict=True)):
        path = lane.links
        if path not in crossed:
            crossed[path] = [name for name in path if name in contested]
        if surplus_bps and crossed[path]:
            filling.add(_Rising(index, lane.weight, surplus_bps, crossed[path]))
    limits: dict[int, str] = {}
    for index, (surplus_bps, limit) in filling.run().items():
        rates_bps[index] = lanes[index].committed_bps + surplus_bps
        limits[index] = limit
    return Shares(rates_bps, limits)


def _sums(
    links: Iterable[Link], lanes: Sequence[Lane], surpluses_bps: Sequence[int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Of each link what is committed to none of the lanes, and what they want of that together."""
    # Many lanes have the same path: summing by path first saves most of the work.
    paths: dict[tuple[str, ...], list[int]] = {}
    for lane, surplus_bps in zip(lanes, surpluses_bps, strict=True):
        sums = paths.get(lane.links)
        if sums is None:
            paths[lane.links] = [lane.committed_bps, surplus_bps]
        else:
            sums[0] += lane.committed_bps
            sums[1] += surplus_bps
    free_bps = {link.name: link.channels_bps for link in links}
    wanted_bps = dict.fromkeys(free_bps, 0)
    for path, (committed_bps, surplus_bps) in paths.items():
        for name in path:
            free_bps[name] -= committed_bps
            wanted_bps[name] += surplus_bps
    return free_bps, wanted_bps


@dataclass(slots=True)
class _Rising:
    """A lane that rises with the level, over the contested links of its path."""

    index: int
    weight: int
    surplus_bps: int
    links: list[str]


class _Filling:
    """Lanes that rise together over links that cannot carry all that is wanted.

    The level at which a link is full only rises as lanes stop below it. So the heap may hold an old level
    of a link: it is a lower bound, and worked out anew only when the link comes up.
    """

    def __init__(self, free_bps: dict[str, int]) -> None:
        self._free: dict[str, Fraction] = {name: Fraction(free) for name, free in free_bps.items()}
        self._weight = dict.fromkeys(free_bps, 0)
        self._on: dict[str, list[_Rising]] = {name: [] for name in free_bps}
        self._rising: dict[int, _Rising] = {}

    def add(self, rising: _Rising) -> None:
        """Have a lane rise over some contested links, at least one."""
        self._rising[rising.index] = rising
        for name in rising.links:
            self._weight[name] += rising.weight
            self._on[name].append(rising)

    def run(self) -> dict[int, tuple[int, str]]:
        """What each lane that a link has stopped gets above its committed rate, and which link that was."""
        stopped: dict[int, tuple[int, str]] = {}
        # With this factor the level at which a lane has what it needs is a whole number: exact to sort by.
        scale = lcm(*{rising.weight for rising in self._rising.values()})
        order = sorted(self._rising.values(), key=lambda each: each.surplus_bps * (scale // each.weight))
        satisfied = 0
        heap = [(self._full_at(name), name) for name, weight in self._weight.items() if weight]
        heapify(heap)
        while heap:
            level, name = heap[0]
            satisfied = self._satisfy(order, satisfied, level)
            if not self._weight[name]:
                heappop(heap)
                continue
            full_at = self._full_at(name)
            if full_at > level:
                heapreplace(heap, (full_at, name))
                continue
            heappop(heap)
            self._stop(name, level, stopped)
        return stopped

    def _full_at(self, name: str) -> Fraction:
        return self._free[name] / self._weight[name]

    def _satisfy(self, order: list[_Rising], position: int, level: Fraction) -> int:
        """Stop the lanes that have what they need at this level; the place of the first that has not."""
        numerator, denominator = level.numerator, level.denominator
        given: dict[str, int] = defaultdict(int)
        while position < len(order):
            rising = order[position]
            if rising.surplus_bps * denominator > rising.weight * numerator:
                break
            position += 1
            if self._rising.pop(rising.index, None) is not None:
                for name in rising.links:
                    given[name] += rising.surplus_bps
                    self._weight[name] -= rising.weight
        for name, given_bps in given.items():
            self._free[name] -= given_bps
        return position

    def _stop(self, full: str, level: Fraction, stopped: dict[int, tuple[int, str]]) -> None:
        """Stop all that still rise over a link that is full at this level."""
        weights: dict[str, int] = defaultdict(int)
        for rising in self._on[full]:
            if self._rising.pop(rising.index, None) is not None:
                surplus_bps = rising.weight * level.numerator // level.denominator
                stopped[rising.index] = (surplus_bps, full)
                for name in rising.links:
                    weights[name] += rising.weight
        for name, weight in weights.items():
            self._free[name] -= weight * level
            self._weight[name] -= weight
