"""What a flow through a resized link tells: losses, order, and when each new rate was reached. Pure.

A packet that waits leaves when the one before it has taken its time, at the rate in force when that one left.
So the gap after a packet that had to wait tells the rate of its instant: a packet that leaves after a resize
must be followed, if another waits, at the distance of the new rate. And the first one that leaves after a
resize may still have waited for its predecessor at the old rate, but no longer: the new rate is reached
within one packet time at the old one.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

EXACT_NS = 2
"""HTB counts whole nanoseconds, rounded down, and reading a clock costs one in virtual time."""

Seen = dict[str, Any]
"""What `resize_flow.py` has written of one case."""


def lost(seen: Seen) -> int:
    """Datagrams that were sent and never arrived."""
    return int(seen["sent"]) - len(set(seen["numbers"]))


def reordered(seen: Seen) -> int:
    """Datagrams that arrived after a later one, or twice."""
    greatest, count = -1, 0
    for number in seen["numbers"]:
        count += number <= greatest
        greatest = max(greatest, number)
    return count


def call_ns(seen: Seen) -> list[int]:
    """How long each call took, by the clock of the guest: wall time only in a kernel in real time."""
    return [after_ns - before_ns for before_ns, after_ns in seen["resized_at_ns"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How the rates of a link were reached.

    `gaps` behind packets that had waited were compared with the rate, after `resizes_with_gaps` resizes;
    `wrong` are (number, gap, the gap of the rate in force) in ns of those that differ. A resize that met a
    queue is one of `met_queue`: the first packet that left after it did so after at most `longest_packets`
    packet times at the old rate, and `late` are those (resize, wait, packet time at the old rate) that took
    longer than one.
    """

    gaps: int
    resizes_with_gaps: int
    wrong: list[tuple[int, int, int]]
    met_queue: int
    longest_packets: float
    late: list[tuple[int, int, int]]


class _Departures:
    """When each datagram left the link's queue, how long it had waited there, and the rate at any instant."""

    def __init__(self, seen: Seen) -> None:
        delays_ns = [
            arrived - sent for arrived, sent in zip(seen["arrived_at_ns"], seen["sent_at_ns"], strict=True)
        ]
        empty_ns = min(delays_ns)
        self.waited_ns = [delay_ns - empty_ns for delay_ns in delays_ns]
        self.left_at_ns = [at_ns - seen["beyond_ns"] for at_ns in seen["arrived_at_ns"]]
        self._bits = 8 * int(seen["charged_bytes"])
        self._rates_bps = seen["rates_bps"]
        self._before_ns = [before for before, _ in seen["resized_at_ns"]]
        self._after_ns = [after for _, after in seen["resized_at_ns"]]

    def resizes_before(self, at_ns: int, exact_ns: int) -> range:
        """How many resizes were done at an instant: two answers if it is that of a resize itself."""
        return range(bisect_left(self._after_ns, at_ns - exact_ns), bisect_right(self._before_ns, at_ns) + 1)

    def packet_ns(self, resizes: int) -> int:
        """What a datagram takes at the rate after so many resizes."""
        return self._bits * 10**9 // int(self._rates_bps[resizes])


def reached(seen: Seen, exact_ns: int = EXACT_NS) -> Reached:
    """Compare every gap with the rates, to within `exact_ns`."""
    link = _Departures(seen)
    wrong: list[tuple[int, int, int]] = []
    with_gaps: set[int] = set()
    gaps = 0
    waiting = [waited_ns > exact_ns for waited_ns in link.waited_ns]
    for number, (left_ns, next_ns) in enumerate(pairwise(link.left_at_ns)):
        if waiting[number] and waiting[number + 1]:
            resizes = link.resizes_before(left_ns, exact_ns)
            possible_ns = [link.packet_ns(count) for count in resizes]
            gap_ns = next_ns - left_ns
            gaps += 1
            with_gaps.update(resizes)
            if all(abs(gap_ns - right_ns) > exact_ns for right_ns in possible_ns):
                wrong.append((number, gap_ns, possible_ns[-1]))
    waits = _waits(seen, link, exact_ns)
    return Reached(
        gaps=gaps,
        resizes_with_gaps=len(with_gaps - {0}),
        wrong=wrong,
        met_queue=len(waits),
        longest_packets=max((wait_ns / packet_ns for _, wait_ns, packet_ns in waits), default=0.0),
        late=[wait for wait in waits if wait[1] > wait[2] + exact_ns],
    )


def _waits(seen: Seen, link: _Departures, exact_ns: int) -> list[tuple[int, int, int]]:
    """For each resize that met a queue: its number, how long until a packet left, one packet time before it.

    The old rate is the one at which the last packet before left; the first packet that left after the resize
    must have been waiting when it was done.
    """
    waits = []
    for number, (_, done_ns) in enumerate(seen["resized_at_ns"]):
        first = bisect_right(link.left_at_ns, done_ns)
        if not 0 < first < len(link.left_at_ns):
            continue
        left_ns = link.left_at_ns[first]
        if left_ns - link.waited_ns[first] < done_ns - exact_ns:
            old = link.resizes_before(link.left_at_ns[first - 1], exact_ns).start
            waits.append((number, left_ns - done_ns, link.packet_ns(old)))
    return waits
