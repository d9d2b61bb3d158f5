"""How far stations are from one another: one-way delays, known or measured, on one scale for all jobs.

Three ways to know them: by pairs, for a few stations; by a matrix of nodes; and by tiers, where nodes stand
in cells of equals and only that counts, for as many nodes as there are. All answer for one pair, and for one
station and all nodes at once.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
UNKNOWN = -1
"""In a row: no delay is known; no delay is negative."""


class Delays(Protocol):
    """One-way delays in nanoseconds: the same both ways, and 0 to itself.

    `longest_ns` is the longest of all that were given: the end of the scale on which every job's delays are
    scored. Measured ones do not move it.
    """

    @property
    def longest_ns(self) -> int: ...

    def get(self, a: str, b: str) -> int | None:
        """The one-way delay between two stations, None if it is not known."""
        ...

    def row(self, station: str, nodes: Sequence[str]) -> Integers:
        """The delays between a station and all nodes, `UNKNOWN` where not known; not to be written to."""
        ...

    def measured(self, a: str, b: str, delay_ns: int) -> None:
        """Know another delay between two stations from now on."""
        ...

    def check(self, nodes: Sequence[str]) -> None:
        """Whether rows for these nodes can be given; ValueError if they are others, or in another order."""
        ...


class PairDelays:
    """Delays by pairs, in either order; one that is not given is unknown, not 0.

    Raises:
        ValueError: A delay is negative, not 0 to itself, or two delays of one pair contradict each other.
    """

    def __init__(self, between_ns: Mapping[tuple[str, str], int]) -> None:
        self._between_ns: dict[tuple[str, str], int] = {}
        self._rows: dict[str, Integers] = {}
        self._rows_of: Sequence[str] = ()
        for (a, b), delay_ns in between_ns.items():
            _check(a, b, delay_ns)
            if a != b and self._between_ns.setdefault((b, a), delay_ns) != delay_ns:
                raise ValueError(
                    f"{b} to {a} takes {self._between_ns[b, a]} ns and back {delay_ns} ns; "
                    "give one delay for both"
                )
            self._between_ns[a, b] = delay_ns
        self.longest_ns = max(self._between_ns.values(), default=0)

    def get(self, a: str, b: str) -> int | None:
        """The one-way delay between two stations in nanoseconds, None if it is not known."""
        return 0 if a == b else self._between_ns.get((a, b))

    def row(self, station: str, nodes: Sequence[str]) -> Integers:
        """See `Delays.row`."""
        if nodes is not self._rows_of:
            # Another scheduler, which may have the nodes in another order.
            self._rows_of = nodes
            self._rows.clear()
        if station not in self._rows:
            known = (self.get(station, node) for node in nodes)
            self._rows[station] = np.array(
                [UNKNOWN if each is None else each for each in known], dtype=np.int64
            )
        return self._rows[station]

    def measured(self, a: str, b: str, delay_ns: int) -> None:
        """See `Delays.measured`; ValueError for a delay that cannot be."""
        _check(a, b, delay_ns)
        self._between_ns[a, b] = self._between_ns[b, a] = delay_ns
        self._rows.clear()

    def check(self, nodes: Sequence[str]) -> None:
        """See `Delays.check`; pairs are by name, and any nodes will do."""
        self._rows.clear()


class MatrixDelays:
    """Delays between nodes by a matrix, and between nodes and other stations by a row for each of these.

    Raises:
        ValueError: The matrix is not square, not symmetric, negative, or not 0 from a node to itself.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        matrix_ns: Sequence[Sequence[int]],
        stations_ns: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self._index = {node: index for index, node in enumerate(nodes)}
        self._matrix = np.array(matrix_ns, dtype=np.int64)
        if self._matrix.shape != (len(nodes), len(nodes)):
            raise ValueError(f"{len(nodes)} nodes need as many rows and columns, not {self._matrix.shape}")
        if (
            (self._matrix != self._matrix.T).any()
            or self._matrix.diagonal().any()
            or (self._matrix < 0).any()
        ):
            raise ValueError("delays are the same both ways, at least 0, and 0 from a node to itself")
        self._stations = {name: np.array(row, dtype=np.int64) for name, row in (stations_ns or {}).items()}
        longest = [
            int(self._matrix.max(initial=0)),
            *(int(row.max(initial=0)) for row in self._stations.values()),
        ]
        self.longest_ns = max(longest)

    def get(self, a: str, b: str) -> int | None:
        """The one-way delay between two stations in nanoseconds, None if it is not known."""
        if a == b:
            return 0
        if b not in self._index:
            a, b = b, a
        row = self._row(a)
        if row is None or b not in self._index:
            return None
        delay_ns = int(row[self._index[b]])
        return None if delay_ns == UNKNOWN else delay_ns

    def row(self, station: str, nodes: Sequence[str]) -> Integers:
        """See `Delays.row`; the nodes are those of the matrix."""
        row = self._row(station)
        return np.full(len(nodes), UNKNOWN, dtype=np.int64) if row is None else row

    def measured(self, a: str, b: str, delay_ns: int) -> None:
        """See `Delays.measured`; ValueError for a delay that cannot be, or between two that are no nodes."""
        _check(a, b, delay_ns)
        if b not in self._index:
            a, b = b, a
        if b not in self._index:
            raise ValueError(f"neither {a} nor {b} is a node")
        if a in self._index:
            self._matrix[self._index[b], self._index[a]] = delay_ns
            self._matrix[self._index[a], self._index[b]] = delay_ns
            return
        row = self._stations.setdefault(a, np.full(len(self._index), UNKNOWN, dtype=np.int64))
        row[self._index[b]] = delay_ns

    def check(self, nodes: Sequence[str]) -> None:
        """See `Delays.check`."""
        _check_order([*self._index], nodes)

    def _row(self, station: str) -> Integers | None:
        if station in self._index:
            found: Integers = self._matrix[self._index[station]]
            return found
        return self._stations.get(station)


class TierDelays:
    """Delays of equals: nodes in cells of a fixed size, `near_ns` apart in one, `far_ns` between two of them.

    Nodes come cell after cell. Another station is as far from all of them, as `stations_ns` says.

    Raises:
        ValueError: A delay is negative, or nearer is farther.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        *,
        per_cell: int,
        near_ns: int,
        far_ns: int,
        stations_ns: Mapping[str, int] | None = None,
    ) -> None:
        if not 0 <= near_ns <= far_ns or per_cell < 1:
            raise ValueError(f"cells of {per_cell}, {near_ns} ns within and {far_ns} ns between, cannot be")
        self._index = {node: index for index, node in enumerate(nodes)}
        self.per_cell, self.near_ns, self.far_ns = per_cell, near_ns, far_ns
        self.stations_ns = dict(stations_ns or {})
        self.longest_ns = max(far_ns, *self.stations_ns.values(), 0)

    def get(self, a: str, b: str) -> int | None:
        """The one-way delay between two stations in nanoseconds, None if it is not known."""
        if a == b:
            return 0
        here, there = self._index.get(a), self._index.get(b)
        if here is None or there is None:
            return self.stations_ns.get(b if there is None else a) if here is not there else None
        return self.near_ns if here // self.per_cell == there // self.per_cell else self.far_ns

    def row(self, station: str, nodes: Sequence[str]) -> Integers:
        """See `Delays.row`."""
        here = self._index.get(station)
        if here is None:
            return np.full(len(nodes), self.stations_ns.get(station, UNKNOWN), dtype=np.int64)
        row = np.full(len(nodes), self.far_ns, dtype=np.int64)
        first = here // self.per_cell * self.per_cell
        row[first : first + self.per_cell] = self.near_ns
        row[here] = 0
        return row

    def measured(self, a: str, b: str, delay_ns: int) -> None:
        """Refused: equals have no delays of their own.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"{a} and {b} cannot have {delay_ns} ns of their own among equals; use a matrix")

    def check(self, nodes: Sequence[str]) -> None:
        """See `Delays.check`."""
        _check_order([*self._index], nodes)


def _check_order(own: Sequence[str], nodes: Sequence[str]) -> None:
    if list(own) != list(nodes):
        raise ValueError(
            f"the delays are of {len(own)} nodes in their order; the scheduler's {len(nodes)} are others, "
            "or in another order"
        )


def _check(a: str, b: str, delay_ns: int) -> None:
    if delay_ns < 0:
        raise ValueError(f"the delay from {a} to {b} is {delay_ns} ns; a delay is at least 0 ns")
    if a == b and delay_ns != 0:
        raise ValueError(f"the delay from {a} to itself is {delay_ns} ns, not 0")
