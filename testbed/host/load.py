"""How well a machine keeps real time: its kernel's counters, read out and judged. Pure.

Timers that fire late, packets that wait for the processor or are dropped before any queue of the network,
processors that are busy or taken away: each of them shows in a measured delay as if the network had done it.
The program that watches is in `load_watch`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.units import milliseconds, percent

LATE_NS = 1_000_000
"""A timer or a program this late means a machine that cannot keep up; virtual time is never late."""

_BUSY_PPM = 900_000
"""Above this share of the processors programs begin to wait for one another."""
_STEAL_PPM = 10_000
_SQUEEZED_PER_S = 10
"""Ends of a softirq's time with packets left over; each may hold packets up for some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the kernel has counted since its boot.

    Ticks are of all processors together: `stolen_ticks` another machine has had, in `idle_ticks` nobody
    wanted one. `dropped` and `squeezed` are of the softirqs that carry packets. `waiting_us` is for how long
    some program waited for a processor; None where the kernel does not count it.
    """

    idle_ticks: int
    stolen_ticks: int
    all_ticks: int
    dropped: int
    squeezed: int
    waiting_us: int | None = None


def counters(stat: str, softnet: str, pressure: str | None) -> Counters:
    """What /proc/stat, /proc/net/softnet_stat and /proc/pressure/cpu say.

    `softnet` has a line for each processor, in hexadecimal: packets, dropped, squeezed and others
    (net/core/net-procs.c).
    """
    # user nice system idle iowait irq softirq steal guest guest_nice; the guests' are in user's already.
    ticks = [int(word) for word in stat.splitlines()[0].split()[1:9]]
    lines = [[int(word, 16) for word in line.split()] for line in softnet.splitlines()]
    waiting = None
    if pressure:
        waiting = int(pressure.splitlines()[0].rpartition("total=")[2])
    return Counters(
        idle_ticks=ticks[3] + ticks[4],
        stolen_ticks=ticks[7],
        all_ticks=sum(ticks),
        dropped=sum(line[1] for line in lines),
        squeezed=sum(line[2] for line in lines),
        waiting_us=waiting,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a machine did in `seconds`: how late timers were, and what its processors and softirqs say.

    Shares are in ppm of all processors' time; `waiting_ppm`, of the time itself, may be unknown.
    """

    seconds: float
    timers: int
    late_p50_ns: int
    late_p99_ns: int
    late_max_ns: int
    busy_ppm: int
    steal_ppm: int
    waiting_ppm: int | None
    dropped: int
    squeezed: int

    @property
    def is_late(self) -> bool:
        """Whether a timer was so late, or a packet so lost, that it tells in what is measured."""
        return self.late_max_ns > LATE_NS or self.dropped > 0


def load_between(before: Counters, after: Counters, late_ns: Sequence[int], seconds: float) -> Load:
    """The load between two readings of the counters, with the lateness of every timer that was due."""
    ordered = sorted(late_ns) or [0]
    ticks = max(after.all_ticks - before.all_ticks, 1)
    stolen = after.stolen_ticks - before.stolen_ticks
    idle = after.idle_ticks - before.idle_ticks
    waiting = None
    if before.waiting_us is not None and after.waiting_us is not None:
        waiting = min(int((after.waiting_us - before.waiting_us) / max(seconds, 1e-6)), 10**6)
    return Load(
        seconds=round(seconds, 3),
        timers=len(late_ns),
        late_p50_ns=_quantile(ordered, 50),
        late_p99_ns=_quantile(ordered, 99),
        late_max_ns=ordered[-1],
        # The idle counter of a processor may step back by a tick (kernel/time/tick-sched.c).
        busy_ppm=min(max(ticks - idle, 0) * 10**6 // ticks, 10**6),
        steal_ppm=max(stolen, 0) * 10**6 // ticks,
        waiting_ppm=waiting,
        dropped=after.dropped - before.dropped,
        squeezed=after.squeezed - before.squeezed,
    )


def lateness_ns(due_ns: int, woke_ns: int, interval_ns: int) -> list[int]:
    """How late a timer was, and every one that was due while it was held up: none of them is left out."""
    late_ns = woke_ns - due_ns
    return [late_ns - missed * interval_ns for missed in range(late_ns // interval_ns + 1)]


def complaints(load: Load) -> list[str]:
    """What makes the numbers of a run with this load those of the machine; empty if nothing does."""
    found = []
    if load.late_max_ns > LATE_NS:
        found.append(
            f"timers fired up to {milliseconds(load.late_max_ns)} late "
            f"(99 of 100 within {milliseconds(load.late_p99_ns)})"
        )
    if load.dropped:
        found.append(f"{load.dropped} packets were dropped before any queue of the network")
    if load.squeezed > _SQUEEZED_PER_S * load.seconds:
        found.append(f"packets were left over for want of time {load.squeezed} times")
    if load.busy_ppm > _BUSY_PPM:
        found.append(f"the processors were busy {percent(load.busy_ppm)} of the time")
    if load.steal_ppm > _STEAL_PPM:
        found.append(f"other machines had {percent(load.steal_ppm)} of the processors' time")
    return found


def _quantile(ordered: Sequence[int], per_cent: int) -> int:
    """The smallest value that so many percent do not exceed."""
    return ordered[max(-(-len(ordered) * per_cent // 100) - 1, 0)]
