"""The program that watches how well a machine keeps real time, from time 0 to the end of a run.

It waits for instants like the programs that it stands for, a hundred a second, and notes how late it wakes;
every second it reads the kernel's counters. That takes about a hundredth of one processor. It never runs
in virtual time, where nothing can be late.
"""

import gc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testbed.host.clock import Clock, use_exact_timers
from testbed.host.control import Control
from testbed.host.load import Counters, Load, counters, lateness_ns, load_between

TICK_NS = 9_973_000
"""Between two timers: no multiple of a kernel's tick, so that every phase of it is met."""
_SPELL_NS = 10**9
_MOST_SPELLS = 600
"""Bad seconds that are told of while the run goes on; all of them are in what is told at the end."""

_PRESSURE = Path("/proc/pressure/cpu")


def read_counters() -> Counters:
    """This machine's counters now."""
    pressure = None
    # A kernel may be built without it, or have it turned off, and then refuses to read.
    with suppress(OSError):
        pressure = _PRESSURE.read_text(encoding="ascii")
    stat, softnet = Path("/proc/stat"), Path("/proc/net/softnet_stat")
    return counters(stat.read_text(encoding="ascii"), softnet.read_text(encoding="ascii"), pressure)


class LoadWatch:
    """Watches until told to stop; says `late` once for every second in which something was."""

    def __init__(self, clock: Clock, control: Control) -> None:
        self._clock, self._control = clock, control
        self._late_ns: list[int] = []
        self._spell_late_ns: list[int] = []
        self._spells = 0

    def run(self) -> None:
        """Say ready, wait for go and for time 0, watch, and say what was seen."""
        use_exact_timers()
        gc.disable()
        self._control.say("ready")
        self._control.hear()
        self._clock.sleep_until(0)
        began = spell_began = read_counters()
        began_ns = spell_ns = due_ns = self._clock.now_ns()
        while not self._is_told_to_stop():
            due_ns += TICK_NS
            self._clock.sleep_until(due_ns)
            woke_ns = self._clock.now_ns()
            found = lateness_ns(due_ns, woke_ns, TICK_NS)
            self._spell_late_ns += found
            due_ns += max(len(found) - 1, 0) * TICK_NS
            if woke_ns - spell_ns >= _SPELL_NS:
                now = read_counters()
                self._end_spell(load_between(spell_began, now, self._spell_late_ns, _s(woke_ns - spell_ns)))
                spell_began, spell_ns = now, woke_ns
        end_ns = self._clock.now_ns()
        late_ns = self._late_ns + self._spell_late_ns
        load = load_between(began, read_counters(), late_ns, _s(end_ns - began_ns))
        self._control.say("done", received_bytes=0, late_ns=load.late_max_ns, load=asdict(load))

    def _end_spell(self, load: Load) -> None:
        self._late_ns += self._spell_late_ns
        self._spell_late_ns = []
        if load.is_late and self._spells < _MOST_SPELLS:
            self._spells += 1
            self._control.say("late", load=asdict(load))

    def _is_told_to_stop(self) -> bool:
        message = self._control.heard()
        return message is not None and message["kind"] == "stop"


def _s(nanoseconds: int) -> float:
    return nanoseconds / 1e9


def watch_timers(clock: Clock, interval_ns: int, count: int) -> Iterator[int]:
    """How late each of so many timers is, beginning now; for a look at a machine before a run."""
    due_ns = clock.now_ns()
    for _ in range(count):
        due_ns += interval_ns
        clock.sleep_until(due_ns)
        yield from lateness_ns(due_ns, woke_ns := clock.now_ns(), interval_ns)
        due_ns += max(woke_ns - due_ns, 0) // interval_ns * interval_ns


def as_load(told: dict[str, Any]) -> Load:
    """A load that was told over a control line."""
    return Load(**told)
