"""Bulk spread over several planes, without a clock or a socket: what is sent, and what is kept.

    alive ── silent for the timeout with blocks on their way ──► lost: its blocks go to the others
      ▲                                                           │ a probe every `retry`
      └────────────── anything acknowledged on it ◄───────────────┘

A plane keeps the order of its packets, so a block is also lost when later ones on its plane are acknowledged.
No block is ever given up, and one that is sent twice is delivered once.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

PROBE = 2**64 - 1
"""The number of what asks whether a plane lives and carries nothing."""
REORDERED = 3
"""A block is lost when one sent so many after it on its plane is acknowledged, as in RFC 5681."""


@dataclass(frozen=True, slots=True)
class SendBlock:
    """Send this block, or PROBE, on a plane; `again` if it was sent before."""

    plane: int
    number: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class PlaneChanged:
    """A plane was given up after so long a silence, or lives again so long after it was given up."""

    plane: int
    alive: bool
    after_ns: int
    blocks: int = 0
    """How many blocks were on their way on a plane that is given up, and are sent again."""


Output = SendBlock | PlaneChanged


@dataclass(slots=True)
class _Plane:
    """`out` has the blocks on their way in the order of sending, each with its place in it."""

    out: dict[int, int] = field(default_factory=dict)
    sent: int = 0
    heard_ns: int = 0
    lost_at_ns: int | None = None
    probe_at_ns: int = 0


class Striper:
    """The sender: `window_blocks` on their way on each plane, the next one with every acknowledgement."""

    def __init__(self, planes: int, window_blocks: int, timeout_ns: int, retry_ns: int) -> None:
        self._planes = [_Plane() for _ in range(planes)]
        self._window, self._timeout_ns, self._retry_ns = window_blocks, timeout_ns, retry_ns
        self._way: dict[int, int] = {}
        """On which plane each block is on its way."""
        self._waiting: deque[int] = deque()
        """Blocks to be sent again; those acknowledged in the meantime are passed over."""
        self._lost: set[int] = set()
        self._open = False
        self.blocks = self.sent_again = 0

    def begin(self, now_ns: int) -> list[Output]:
        """Fill all windows."""
        self._open = True
        return self._filled(now_ns)

    def finish(self) -> None:
        """Begin no more blocks; those that were begun are still brought to their end."""
        self._open = False

    @property
    def is_done(self) -> bool:
        """Whether everything that was sent has been acknowledged."""
        return not self._way and not self._lost

    def acknowledged(self, plane: int, number: int, now_ns: int) -> list[Output]:
        """The receiver has this block, or a probe, and says so on this plane."""
        lane, outputs = self._planes[plane], list[Output]()
        lane.heard_ns = now_ns
        if lane.lost_at_ns is not None:
            outputs.append(PlaneChanged(plane, True, now_ns - lane.lost_at_ns))
            lane.lost_at_ns = None
        self._lost.discard(number)
        if (way := self._way.pop(number, None)) is not None:
            place = self._planes[way].out.pop(number)
            if way == plane:
                self._pass_over(lane, place)
        return outputs + self._filled(now_ns)

    def _pass_over(self, lane: _Plane, place: int) -> None:
        """Blocks of a plane that were sent long before one that arrived did not."""
        while lane.out:
            number, sent = next(iter(lane.out.items()))
            if sent > place - REORDERED:
                return
            self._lose(lane, number)

    def _lose(self, lane: _Plane, number: int) -> None:
        del lane.out[number], self._way[number]
        self._lost.add(number)
        self._waiting.append(number)

    def wake(self, now_ns: int) -> list[Output]:
        """Give up the planes that have been silent for too long, and ask after those given up."""
        outputs = list[Output]()
        for plane, lane in enumerate(self._planes):
            if lane.lost_at_ns is not None:
                if now_ns >= lane.probe_at_ns:
                    lane.probe_at_ns = now_ns + self._retry_ns
                    outputs.append(SendBlock(plane, PROBE))
            elif lane.out and now_ns >= lane.heard_ns + self._timeout_ns:
                blocks = len(lane.out)
                for number in [*lane.out]:
                    self._lose(lane, number)
                lane.lost_at_ns, lane.probe_at_ns = now_ns, now_ns + self._retry_ns
                outputs.append(PlaneChanged(plane, False, now_ns - lane.heard_ns, blocks))
        return outputs + self._filled(now_ns)

    @property
    def wake_at_ns(self) -> int | None:
        """When `wake` is due; None while nothing is waited for."""
        return min(self._deadlines_ns(), default=None)

    def _deadlines_ns(self) -> Iterator[int]:
        for lane in self._planes:
            if lane.lost_at_ns is not None:
                if self._open or not self.is_done:
                    yield lane.probe_at_ns
            elif lane.out:
                yield lane.heard_ns + self._timeout_ns

    def _filled(self, now_ns: int) -> list[Output]:
        """Send what the windows of the living planes have room for, in turn from plane to plane."""
        outputs = list[Output]()
        room = [index for index, lane in enumerate(self._planes) if lane.lost_at_ns is None]
        while room := [index for index in room if len(self._planes[index].out) < self._window]:
            for plane in room:
                if (next_one := self._next()) is None:
                    return outputs
                number, again = next_one
                lane = self._planes[plane]
                if not lane.out:
                    # Its silence begins now: until now nobody was to answer on it.
                    lane.heard_ns = max(lane.heard_ns, now_ns)
                lane.out[number] = lane.sent
                lane.sent += 1
                self._way[number] = plane
                outputs.append(SendBlock(plane, number, again))
        return outputs

    def _next(self) -> tuple[int, bool] | None:
        """The block to send next, those to be sent again first, and whether it is one of these."""
        while self._waiting:
            number = self._waiting.popleft()
            if number in self._lost:
                self._lost.remove(number)
                self.sent_again += 1
                return number, True
        if not self._open:
            return None
        self.blocks += 1
        return self.blocks - 1, False


class Delivery:
    """The receiver: what it has of the blocks 0, 1, 2, …, and how long it had to wait for more.

    `stalled_ns` is the longest time between two arrivals that let the blocks without a gap grow, which is
    what a reader of the whole can use; `outage_ns` that between two arrivals of anything new.
    """

    def __init__(self) -> None:
        self._whole = 0
        self._beyond: set[int] = set()
        self._grown_at_ns: int | None = None
        self._new_at_ns: int | None = None
        self.stalled_ns = self.outage_ns = 0

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return self._whole + len(self._beyond)

    def take(self, number: int, at_ns: int) -> bool:
        """Whether this block, which arrived at an instant, is new."""
        if number < self._whole or number in self._beyond:
            return False
        self._beyond.add(number)
        if self._new_at_ns is not None:
            self.outage_ns = max(self.outage_ns, at_ns - self._new_at_ns)
        self._new_at_ns = at_ns
        if number == self._whole:
            while self._whole in self._beyond:
                self._beyond.remove(self._whole)
                self._whole += 1
            if self._grown_at_ns is not None:
                self.stalled_ns = max(self.stalled_ns, at_ns - self._grown_at_ns)
            self._grown_at_ns = at_ns
        return True
