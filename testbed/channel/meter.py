"""The measured policy's law: from what a class has sent and has waiting to the rate that its channel needs.

What arrived in an interval is what was sent plus what the queue grew by; it does not depend on the rate
that the channel had. The law is

    need = 9/8 of the rate of arrival + what waits, gone within `serialisation`

The eighth is headroom: without it a queue once there would never go. The second term ends a queue. After a
step of the load it is large until the queue is gone, and the channel keeps that rate for `hold`.

Two things would make such a rate swing for ever, and each has its remedy.

*Noise.* A need within a sixteenth of one that counts already counts as that one (`near`), so a few per
cent resize nothing; the headroom carries them.

*Its own success.* Video comes in bursts. At a high rate a burst has left before the counters are read, no
queue is seen, and the need falls to what the arrivals alone need; after `hold` the channel shrinks, then the
bursts do wait at the end of an interval, and it grows again. So a queue is told apart by its cause. `late`
is what would wait if the bytes of every interval had come evenly: a queue up to that is the rate's fault,
the rest is the load's, and is the same as long as the load is. A need that such a burst has proven is
remembered beside the rate of arrival over two intervals, within which a burst lies whole, and counts with
every arrival of three quarters of that until there was none for `hold`.

So a load that repeats within `hold` causes growth at once, one shrink after `hold` when the queue of the
step is over, growth to what its bursts have proven, and nothing after that: the arrivals repeat whatever the
rate is, what counts is a maximum over a whole period of them, and a higher rate can only leave fewer bytes
waiting. What is not seen cannot be known: two bursts less than an interval apart look like one, so a load
whose period nearly, not quite, fits the interval may change its need at the pace of the beat between them.
"""

from dataclasses import dataclass
from typing import NamedTuple

from testbed.channel import rounding
from testbed.channel.interface import ClassCounters
from testbed.channel.pattern import Pattern

HEADROOM_NUMERATOR, HEADROOM_DENOMINATOR = 9, 8
"""What is granted for each bit that arrives."""
BAND_DIVISOR = 16
"""A need that differs by less than one part in so many counts as no other; well within the headroom."""
LEVEL_NUMERATOR, LEVEL_DENOMINATOR = 3, 4
"""Arrivals of this part of a level belong to it: video frames of one scene vary by a tenth or two."""

_BITS_NS = 8 * 10**9


@dataclass(frozen=True, slots=True)
class ProvenBurst:
    """A need that bursts have proven, at which rate of arrival, and when such arrivals were last seen."""

    level_bps: int
    rate_bps: int
    seen_at_ns: int


class Meter(NamedTuple):
    """What is remembered of one class: its last interval, the rate it had, its proven burst, its pattern.

    The pattern is only learnt, and only used, by the predictive policy.
    """

    interval_ns: int = 0
    arrived_bytes: int = 0
    backlog_bytes: int = 0
    late_bytes: int = 0
    rate_bps: int = 0
    burst: ProvenBurst | None = None
    pattern: Pattern | None = None


class Measured(NamedTuple):
    """What an interval needs, not yet bounded by the channel's rates.

    `steady_bps` leaves out what waits because the rate was too low: it is what the load itself needs.
    `level_bps` is the rate of arrival over two intervals. `proven_bps` counts in the need, 0 if nothing does.
    """

    rate_bps: int
    steady_bps: int
    level_bps: int
    arrival_bps: int
    backlog_bytes: int
    proven_bps: int

    def reason(self, serialisation_ns: int) -> str:
        """Why it needs this, in words."""
        if self.proven_bps == self.rate_bps:
            return f"the bursts of this load have needed {rounding.rate(self.rate_bps)}"
        arrives = f"{rounding.rate(self.arrival_bps)} arrives"
        if not self.backlog_bytes:
            return f"{arrives}, needs {rounding.rate(self.rate_bps)} with headroom"
        within = rounding.duration(serialisation_ns)
        waits = f"{rounding.size(self.backlog_bytes)} waits"
        return f"{arrives} and {waits}: gone within {within} needs {rounding.rate(self.rate_bps)}"


def measure(
    meter: Meter,
    counted: ClassCounters,
    now_ns: int,
    *,
    rate_bps: int,
    need_bps: int,
    serialisation_ns: int,
    hold_ns: int,
) -> tuple[Meter, Measured]:
    """Take the counters of one interval: the channel has `rate_bps`, and so far `need_bps` counts."""
    interval_ns, backlog_bytes = counted.interval_ns, counted.backlog_bytes
    # A queue that drops what it holds can shrink by more than it sends.
    arrived_bytes = max(0, counted.sent_bytes + backlog_bytes - meter.backlog_bytes)
    arrival_bps = -(-arrived_bytes * _BITS_NS // interval_ns)
    level_bps = (arrived_bytes + meter.arrived_bytes) * _BITS_NS // (interval_ns + meter.interval_ns)
    # The rate may have changed within the interval: it carried at least the lower one, and what was sent.
    carried_bytes = max(counted.sent_bytes, min(meter.rate_bps, rate_bps) * interval_ns // _BITS_NS)
    late_bytes = min(backlog_bytes, max(0, meter.late_bytes + arrived_bytes - carried_bytes))
    with_headroom_bps = -(-arrival_bps * HEADROOM_NUMERATOR // HEADROOM_DENOMINATOR)
    waiting_bps = -(-backlog_bytes * _BITS_NS // serialisation_ns)
    steady_bps = with_headroom_bps + (backlog_bytes - late_bytes) * _BITS_NS // serialisation_ns
    burst = _remembered(meter.burst, level_bps, now_ns, hold_ns)
    if steady_bps > need_bps and not near(steady_bps, need_bps) and backlog_bytes > late_bytes:
        burst = ProvenBurst(level_bps, steady_bps, now_ns)
    proven_bps = burst.rate_bps if burst is not None and burst.seen_at_ns == now_ns else 0
    rest = (level_bps, arrival_bps, backlog_bytes, proven_bps)
    measured = Measured(max(with_headroom_bps + waiting_bps, proven_bps), max(steady_bps, proven_bps), *rest)
    kept = (burst, meter.pattern)
    return Meter(interval_ns, arrived_bytes, backlog_bytes, late_bytes, rate_bps, *kept), measured


def near(rate_bps: int, other_bps: int) -> bool:
    """Whether a rate is so close to another that it makes no difference."""
    return abs(rate_bps - other_bps) * BAND_DIVISOR <= other_bps


def _remembered(burst: ProvenBurst | None, level_bps: int, now_ns: int, hold_ns: int) -> ProvenBurst | None:
    """A burst with what has just arrived taken into account; None once its load is over.

    The level follows the largest arrivals: a burst may have been seen before it had come whole.
    """
    if burst is None:
        return None
    if level_bps * LEVEL_DENOMINATOR >= burst.level_bps * LEVEL_NUMERATOR:
        return ProvenBurst(max(level_bps, burst.level_bps), burst.rate_bps, now_ns)
    return None if now_ns - burst.seen_at_ns >= hold_ns else burst
