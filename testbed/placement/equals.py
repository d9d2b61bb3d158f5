"""The supernode policy where nodes are equals: of one size, in cells of equal distances that fail as a whole.

Then it need not look at every node. Outside the partners' cells all nodes are equally far, and the least used
is the best of them; in a partner's cell all but the partners are equally far, and again the least used is. So
a few nodes are scored, however many there are, and the one found is the one that scoring all would find.
"""

from testbed.model.placement import Placement, PlacementPolicy, Reservation
from testbed.placement.delays import Delays, TierDelays
from testbed.placement.fleet import Fleet
from testbed.placement.scoring import MICRO, Partners, shares

NOBODY = -1


class Equals:
    """Chooses among the nodes of a fleet, by the fleet's own index."""

    def __init__(self, fleet: Fleet, delays: TierDelays, policy: Placement) -> None:
        self._fleet, self._delays = fleet, delays
        self._entries, self._by_rank, self._index = fleet.entries, fleet.by_rank, fleet.index
        self._count, self._capacity = len(fleet), fleet.capacity[0]
        self._load_share, self._delay_share = shares(policy)
        self._near_ns, self._far_ns, self._per_cell = delays.near_ns, delays.far_ns, delays.per_cell
        self._longest_ns, self._stations_ns = delays.longest_ns, delays.stations_ns

    @classmethod
    def of(cls, fleet: Fleet, delays: Delays, policy: Placement) -> "Equals | None":
        """For this fleet, if its nodes are equals and the policy asks for no more; None otherwise."""
        if not isinstance(delays, TierDelays) or policy.policy is not PlacementPolicy.SUPERNODE:
            return None
        if policy.scores or policy.reservation is not Reservation.DEDICATED or len({*fleet.capacity}) != 1:
            return None
        if shares(policy)[0] * MICRO < 2 * fleet.capacity[0] or not delays.longest_ns:
            # A job more must count by a millionth at least: else fuller nodes are as good, and rank decides.
            return None
        size = delays.per_cell
        cells = range(0, len(fleet), size)
        if not all(fleet.are_one_domain(first, min(first + size, len(fleet))) for first in cells):
            return None
        return cls(fleet, delays, policy)

    def choose(self, weight: int, partners: Partners) -> int:
        """The number of the best node for a job of this weight and partners; `NOBODY` if there is none."""
        count = self._count
        # Below it an entry is that of a node with room.
        limit = (self._capacity - weight + 1) * count
        top = self._fleet.least_entry()
        if top >= limit:
            return NOBODY
        if not self._delay_share or not partners:
            return self._by_rank[top % count]
        summed_ns = traffic = 0.0
        near: list[tuple[int, float]] = []
        for name, share in partners:
            traffic += share
            number = self._index.get(name)
            if number is not None:
                near.append((number, share))
                summed_ns += share * self._far_ns
            elif name in self._stations_ns:
                summed_ns += share * self._stations_ns[name]
            else:
                return NOBODY
        if not near:
            return self._by_rank[top % count]
        entries = self._entries
        if len(near) == 1:
            number, share = near[0]
            in_cell_ns = summed_ns - share * (self._far_ns - self._near_ns)
            first = number - number % self._per_cell
            candidates = [
                (top, summed_ns),
                (min(entries[first : first + self._per_cell]), in_cell_ns),
                (entries[number], in_cell_ns - share * self._near_ns),
            ]
        else:
            candidates = [(top, summed_ns), *self._near(near, summed_ns)]
        # As `scoring.micro_score`, and in the same order of operations.
        load_share, delay_share, capacity = self._load_share, self._delay_share, self._capacity
        longest_ns = self._longest_ns
        best, best_key = NOBODY, 0
        for entry, apart_ns in candidates:
            if entry >= limit:
                continue
            used, rank = divmod(entry, count)
            score = 100.0 - load_share * ((used + weight) / capacity)
            score -= delay_share * (min(apart_ns / traffic, longest_ns) / longest_ns)
            key = int(score * MICRO + 0.5) * count - rank
            if best < 0 or key > best_key:
                best, best_key = self._by_rank[rank], key
        return best

    def _near(self, near: list[tuple[int, float]], summed_ns: float) -> list[tuple[int, float]]:
        """Of every partner's cell the partners, and the least used node, each with its summed delay."""
        entries, size = self._entries, self._per_cell
        cells: dict[int, list[tuple[int, float]]] = {}
        for number, share in near:
            cells.setdefault(number - number % size, []).append((number, share))
        found = []
        for first, within in cells.items():
            in_cell_ns = summed_ns
            for _, share in within:
                in_cell_ns -= share * (self._far_ns - self._near_ns)
            own = dict(within)
            others = [
                entries[each] for each in range(first, min(first + size, self._count)) if each not in own
            ]
            if others:
                found.append((min(others), in_cell_ns))
            found += [(entries[number], in_cell_ns - own[number] * self._near_ns) for number in own]
        return found

    def backup(self, weight: int, primary: int) -> int:
        """The number of the least used node outside the primary's cell; `NOBODY` if none has room."""
        first = primary - primary % self._per_cell
        entry = self._fleet.least_entry_outside(first, first + self._per_cell)
        if entry >= (self._capacity - weight + 1) * self._count:
            return NOBODY
        return self._by_rank[entry % self._count]
