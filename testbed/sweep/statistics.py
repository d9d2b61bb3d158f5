"""How sure a number is: Student's t across seeds, and a block bootstrap of the difference of two runs.

Across seeds there are few values, each of a whole run and independent of the others: the mean of them with
an interval by Student's t is the method of independent replications (Law, Simulation Modeling and Analysis,
9.4). With as few values as that, a percentile bootstrap would be too narrow.

Within one run there are many packets, but each waits with its neighbours: to draw packets one by one would
make the interval far too narrow. So whole stretches of virtual time are drawn (block bootstrap; Künsch,
Annals of Statistics 17(3), 1989).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atan, cos, pi, sin, sqrt
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Of all intervals, how many are to have the true value in them."""
RESAMPLES = 1000
BLOCKS = 40
"""Stretches of equal virtual time in which two runs are cut: enough to draw from, long enough to be apart."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the bounds of its interval, None where there is too little to tell."""

    value: float
    low: float | None
    high: float | None

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval and 0 is outside: a difference that is more than chance."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def across_seeds(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """The mean of one value per seed, with the interval of Student's t; one value alone has none.

    Raises:
        ValueError: There is no value.
    """
    if not values:
        raise ValueError("no value, no mean")
    mean = fmean(values)
    if len(values) == 1:
        return Estimate(mean, None, None)
    half = t_quantile(level, len(values) - 1) * stdev(values) / sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def t_quantile(level: float, degrees: int) -> float:
    """What the absolute value of Student's t, with these degrees of freedom, exceeds in 1 - `level`."""
    low, high = 0.0, 1.0
    while _share_within(high, degrees) < level:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _share_within(middle, degrees) < level else (low, middle)
    return high


def _share_within(t: float, degrees: int) -> float:
    """The share of Student's t between -t and t: a finite series (Abramowitz, Stegun, 26.7.3 and 4)."""
    angle = atan(t / sqrt(degrees))
    odd = degrees % 2
    term = cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for step in range(2 + odd, degrees - 1, 2):
        term *= (step - 1) / step * cos(angle) ** 2
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


@dataclass(frozen=True, slots=True)
class StreamDelays:
    """The packets of one stream that arrived: when each was sent, and its delay."""

    sent_at_ns: Integers
    delay_ns: Integers


def differences(
    base: StreamDelays,
    other: StreamDelays,
    per_mille: Mapping[str, int],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """How much larger each percentile, and the mean, of the other stream is: "mean" and the names given.

    The same stretches of virtual time are drawn for both, because what happens when is the same script in
    both. The interval is from percentile to percentile of the resampled differences. None without packets.
    """
    if not len(base.delay_ns) or not len(other.delay_ns):
        return {}
    draws = _drawn_blocks(resamples, seed)
    blocks = _blocks(base.sent_at_ns, other.sent_at_ns)
    ours, theirs = (
        _Blocked.of(stream, blocked) for stream, blocked in zip((base, other), blocks, strict=True)
    )
    tail = 100 * (1 - LEVEL) / 2
    found = {}
    for name in ("mean", *per_mille):
        share = per_mille.get(name)
        resampled = theirs.statistic(draws, share) - ours.statistic(draws, share)
        resampled = resampled[~np.isnan(resampled)]
        once = np.ones((1, BLOCKS), np.int64)
        value = float(theirs.statistic(once, share)[0] - ours.statistic(once, share)[0])
        low, high = np.percentile(resampled, [tail, 100 - tail]) if len(resampled) else (None, None)
        found[name] = Estimate(value, _number(low), _number(high))
    return found


@dataclass(frozen=True, slots=True)
class _Blocked:
    """A stream by ascending delay, each packet with the block that it was sent in."""

    delay_ns: Integers
    block: Integers

    @classmethod
    def of(cls, stream: StreamDelays, block: Integers) -> "_Blocked":
        order = np.argsort(stream.delay_ns, kind="stable")
        return cls(stream.delay_ns[order], block[order])

    def statistic(self, draws: Integers, per_mille: int | None) -> NDArray[np.float64]:
        """The mean, or a percentile by nearest rank, when each block is there as often as it was drawn.

        One value for each row of `draws`; not a number where no block with a packet was drawn.
        """
        counts = np.bincount(self.block, minlength=BLOCKS)
        drawn = draws @ counts
        if per_mille is None:
            sums = np.bincount(self.block, weights=self.delay_ns, minlength=BLOCKS)
            with np.errstate(invalid="ignore"):
                return np.asarray(draws @ sums / drawn, np.float64)
        # First which chunk of the order holds the wanted rank, for all rows at once; then where in it.
        size = max(1, round(sqrt(len(self.block))))
        chunk = np.arange(len(self.block)) // size
        in_chunk = np.zeros((int(chunk[-1]) + 1, BLOCKS), np.int64)
        np.add.at(in_chunk, (chunk, self.block), 1)
        until = np.cumsum(draws @ in_chunk.T, axis=1)
        values = np.full(len(draws), np.nan)
        for row in np.flatnonzero(drawn):
            rank = max(1, -(-int(drawn[row]) * per_mille // 1000))
            at = int(np.searchsorted(until[row], rank))
            before = int(until[row, at - 1]) if at else 0
            weights = draws[row][self.block[at * size : (at + 1) * size]]
            values[row] = self.delay_ns[at * size + np.searchsorted(np.cumsum(weights), rank - before)]
        return values


def _drawn_blocks(resamples: int, seed: int) -> Integers:
    """How often each block is drawn in each resample."""
    return np.random.default_rng(seed).multinomial(BLOCKS, [1 / BLOCKS] * BLOCKS, resamples)


def _blocks(*sent_at_ns: Integers) -> list[Integers]:
    """The block of each packet, with blocks that are the same stretches of time in all streams."""
    first = min(int(at_ns.min()) for at_ns in sent_at_ns)
    span_ns = max(int(at_ns.max()) for at_ns in sent_at_ns) - first + 1
    return [(at_ns - first) * BLOCKS // span_ns for at_ns in sent_at_ns]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
