"""Whether a guest still gets anywhere: judged by virtual time and its own CPU time, never by the wall clock.

Computing takes no virtual time. So a program that computes for very long and one that waits without ever
sleeping look the same, and a limit must tell them apart. It counts what the guest has used of processors: a
machine with other work slows a run down and ends none.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from testbed.venue.shown import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Virtual time has stood still for as long as it may: where, how, and which task was seen most often."""

    now_ns: int
    syscalls: int
    pid: int
    program: str
    port: str


class StallJudge:
    """Is shown a guest again and again; `cpu_s` reads the CPU time that it has used, if need be."""

    def __init__(self, limit_s: float, cpu_s: Callable[[], float]) -> None:
        self._limit_s, self._cpu_s = limit_s, cpu_s
        self._first: Shown | None = None
        self._began_s = 0.0
        self._seen: Counter[tuple[int, str, str]] = Counter()

    def look(self, shown: Shown) -> Stall | None:
        """Judge; None as long as virtual time moves or has not stood still for the limit."""
        if self._first is None or shown.now_ns != self._first.now_ns:
            self._first = shown
            self._seen.clear()
            return None
        used_s = self._cpu_s()
        if not self._seen:
            self._began_s = used_s
        self._seen[shown.pid, shown.program, shown.port] += 1
        if used_s - self._began_s <= self._limit_s:
            return None
        ((pid, program, port), _), *_ = self._seen.most_common(1)
        calls = shown.syscalls - self._first.syscalls
        return Stall(now_ns=shown.now_ns, syscalls=calls, pid=pid, program=program, port=port)
