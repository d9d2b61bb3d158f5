"""The CPU time that a process of this machine and all that came of it have used."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)
"""Where they stand in /proc/PID/stat, counted from the state: user and system time of the process, and of
those of its children that it has waited for."""


def tree_cpu_s(pid: int) -> float:
    """CPU time of a process, of what it has waited for, and of its living descendants; 0.0 if it is gone."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile; what it used is its parent's now
            # The program's name stands in parentheses, and may have any in itself.
            fields = stat.rpartition(b")")[2].split()
            ticks[int(entry.name)] = sum(map(int, fields[_TIMES]))
            children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
    tree = [pid]
    for each in tree:
        tree += children.get(each, ())
    return sum(ticks.get(each, 0) for each in tree) / _TICKS_PER_S
