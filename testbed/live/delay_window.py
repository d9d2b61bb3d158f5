"""The delays of one stream while it flows: what was sent, joined with what arrived, in bounded memory."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

MOST_WAITING = 65_536
"""Packets that have not arrived, and arrivals whose sending is not known yet: the oldest are forgotten."""

BIN_NS = 500_000_000
"""The delays of so long a time are shown as one: the highest."""
MOST_BINS = 120

BOUNDS_NS = tuple(
    round(value * 1e6)
    for value in (0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 75, 100, 250, 500, 1000, 2500)
)
"""Upper bounds of the classes in which delays are counted: fine where those of access networks lie."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The delays of what was sent in a stretch of time that begins at `at_ns`."""

    at_ns: int
    highest_ns: int
    lowest_ns: int


class DelayWindow:
    """One stream's delays: the newest, the highest of each half second, and how many lie in which class."""

    def __init__(self) -> None:
        self._sent: dict[int, int] = {}
        self._early: dict[int, int] = {}
        self._bins: deque[Bin] = deque(maxlen=MOST_BINS)
        self.counts = [0] * (len(BOUNDS_NS) + 1)
        """By class; the last one is of delays above all bounds."""
        self.arrived = 0
        self.sum_ns = 0
        self.newest_ns: int | None = None

    @property
    def bins(self) -> list[Bin]:
        """The newest stretches of time in which something was sent that arrived, in their order."""
        return list(self._bins)

    def sent(self, records: Iterable[tuple[int, ...]]) -> None:
        """Take note of packets that were sent: sequence number, size, instant."""
        for seq, _size_bytes, at_ns in records:
            received_at_ns = self._early.pop(seq, None)
            if received_at_ns is None:
                self._sent[seq] = at_ns
            else:
                self._count(at_ns, received_at_ns)
        _forget_oldest(self._sent)

    def received(self, records: Iterable[tuple[int, ...]]) -> None:
        """Take note of packets that arrived: sequence number, instant. A second arrival does not count."""
        for seq, at_ns in records:
            sent_at_ns = self._sent.pop(seq, None)
            if sent_at_ns is None:
                self._early[seq] = at_ns
            else:
                self._count(sent_at_ns, at_ns)
        _forget_oldest(self._early)

    def _count(self, sent_at_ns: int, received_at_ns: int) -> None:
        delay_ns = received_at_ns - sent_at_ns
        self.arrived += 1
        self.sum_ns += delay_ns
        self.newest_ns = delay_ns
        self.counts[bisect_left(BOUNDS_NS, delay_ns)] += 1
        at_ns = sent_at_ns // BIN_NS * BIN_NS
        newest = self._bins[-1] if self._bins else None
        if newest is None or at_ns > newest.at_ns:
            self._bins.append(Bin(at_ns, delay_ns, delay_ns))
        elif at_ns == newest.at_ns:
            highest_ns, lowest_ns = max(newest.highest_ns, delay_ns), min(newest.lowest_ns, delay_ns)
            self._bins[-1] = Bin(at_ns, highest_ns, lowest_ns)
        # What overtook nothing but came late belongs to a stretch that has been shown already.


def _forget_oldest(waiting: dict[int, int]) -> None:
    for seq in list(waiting)[: max(0, len(waiting) - MOST_WAITING)]:
        del waiting[seq]
