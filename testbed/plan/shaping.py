"""How a rate becomes an HTB class, and a PON port a tree of them.

Every burst and quantum is set on purpose, at every rate: the defaults of tc are computed from the
timer frequency and from r2q, and are wrong above 1 Gbit/s.
"""

from dataclasses import replace

from testbed.model.access import Access
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.network import Egress
from testbed.model.pon import Aqm
from testbed.plan.network_plan import ROOT, Match, ShapedClass
from testbed.pon.provision import FIRST_HOME

LINE = 0x1
UNCLASSIFIED = 0x2
FIRST_CHANNEL = 0x1000
CHANNEL_PRIORITY = 0
HOME_PRIORITY = 1
UNCLASSIFIED_PRIORITY = 7
FIRST_SESSION_ORDER = 1
HOME_ORDER = 0x8000

_FRAME_BYTES = 1514
_BURST_NS = 10_000
"""What a bucket holds, as a time; covers the lateness of timers on a real machine."""
_QUANTUM_NS = 1_000_000
_QUANTUM_MOST_BYTES = 60_000


def burst_bytes(rate_bps: int) -> int:
    """What a bucket holds: two full frames, or what the rate sends in 10 µs if that is more.

    HTB lets a class send while its bucket is not overdrawn: one that was idle sends one packet more than the
    bucket holds whole.
    """
    return max(2 * _FRAME_BYTES, rate_bps * _BURST_NS // 8_000_000_000)


def quantum_bytes(rate_bps: int) -> int:
    """What a class sends per turn among equals: 1 ms of its rate, at least a frame and at most 60 kB."""
    return min(max(_FRAME_BYTES + 86, rate_bps * _QUANTUM_NS // 8_000_000_000), _QUANTUM_MOST_BYTES)


def weight_quantum_bytes(weight: int) -> int:
    """What a class of this weight sends per turn among equals: a full frame for each unit."""
    return (_FRAME_BYTES + 86) * weight


def shaped_class(
    *, minor: int, parent: int, rate_bps: int, ceil_bps: int, priority: int, overhead_bytes: int,
    queue_bytes: int | None, label: str, aqm: Aqm = Aqm.FIFO, quantum_of_weight_bytes: int | None = None,
) -> ShapedClass:  # fmt: skip
    """A class whose burst follows from its rates, and its quantum too where no weight is given."""
    return ShapedClass(
        minor=minor,
        parent=parent,
        rate_bps=rate_bps,
        ceil_bps=ceil_bps,
        burst_bytes=burst_bytes(ceil_bps),
        quantum_bytes=quantum_of_weight_bytes or quantum_bytes(rate_bps),
        priority=priority,
        overhead_bytes=overhead_bytes,
        queue_bytes=queue_bytes,
        aqm=aqm,
        label=label,
    )


def single_rate(egress: Egress) -> tuple[ShapedClass, ...]:
    """One class for a port that everybody shares in order of arrival."""
    if egress.rate_bps is None:
        return ()
    return (
        shaped_class(
            minor=LINE,
            parent=ROOT,
            rate_bps=egress.rate_bps,
            ceil_bps=egress.rate_bps,
            priority=0,
            overhead_bytes=egress.overhead_bytes,
            queue_bytes=egress.queue_bytes,
            label="line",
        ),
    )


def pon_classes(egress: Egress, access: Access, direction: Direction, homes: int) -> tuple[ShapedClass, ...]:
    """The line, a class per home with its subscription, and one for what belongs to nobody.

    A home is served its committed rate always and borrows up to its subscription from what is left
    of the line: an ideal, instantaneous bandwidth assignment. Upstream that is the model `shaped_link`;
    `testbed.plan.pon_ports` has the other.
    """
    assert egress.rate_bps is not None
    offer = access.towards(direction)
    overhead_bytes = egress.overhead_bytes
    line = shaped_class(
        minor=LINE, parent=ROOT, rate_bps=egress.rate_bps, ceil_bps=egress.rate_bps, priority=0,
        overhead_bytes=overhead_bytes, queue_bytes=None, label="line",
    )  # fmt: skip
    unclassified = shaped_class(
        minor=UNCLASSIFIED, parent=LINE, rate_bps=1_000_000, ceil_bps=egress.rate_bps,
        priority=UNCLASSIFIED_PRIORITY, overhead_bytes=overhead_bytes, queue_bytes=egress.queue_bytes,
        label="unclassified",
    )  # fmt: skip
    shared = (
        shaped_class(
            minor=FIRST_HOME + home,
            parent=LINE,
            rate_bps=max(offer.committed_bps, 8_000),
            ceil_bps=min(offer.rate_bps, egress.rate_bps),
            priority=HOME_PRIORITY,
            overhead_bytes=overhead_bytes,
            queue_bytes=offer.queue_bytes,
            aqm=offer.aqm,
            label=f"onu{home}",
        )
        for home in range(1, homes + 1)
    )
    return line, unclassified, *shared


def unbounded_line(classes: tuple[ShapedClass, ...]) -> tuple[ShapedClass, ...]:
    """The same classes where a PON's line below them sets the pace: the tree's root holds nobody up."""
    line, *others = classes
    rate_bps = 2 * line.rate_bps
    burst = burst_bytes(rate_bps)
    return replace(line, rate_bps=rate_bps, ceil_bps=rate_bps, burst_bytes=burst), *others


def home_matches(direction: Direction, prefixes: dict[int, str]) -> tuple[Match, ...]:
    """Which packets belong to which home: by destination downstream, by source upstream."""
    return tuple(
        Match(order=HOME_ORDER, minor=FIRST_HOME + home, destination=prefix)
        if direction is DOWNSTREAM
        else Match(order=HOME_ORDER, minor=FIRST_HOME + home, source=prefix)
        for home, prefix in prefixes.items()
    )


def channel_class(line: ShapedClass, index: int, rate_bps: int, queue_bytes: int, label: str) -> ShapedClass:
    """The class of the channel number `index` (from 0) on a PON port: its rate is its own, never borrowed."""
    return shaped_class(
        minor=FIRST_CHANNEL + index, parent=LINE, rate_bps=rate_bps, ceil_bps=rate_bps,
        priority=CHANNEL_PRIORITY, overhead_bytes=line.overhead_bytes, queue_bytes=queue_bytes, label=label,
    )  # fmt: skip
