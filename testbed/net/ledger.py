"""What a run on the host has made, so that exactly that can be removed after a crash.

A run lives in a network namespace of its own, which goes with its last process: the processes are all
there is to remember. Each is recorded with its start time, so that a number used again by another
process is never mistaken for ours.
"""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path


def ledger_folder() -> Path:
    """Where ledgers are kept: `$XDG_STATE_HOME/testbed/ledgers`, by default below `~/.local/state`."""
    base = os.environ.get("XDG_STATE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return root / "testbed" / "ledgers"


class Ledger:
    """One run's record; closing it says that nothing is left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.add(os.getpid())

    def add(self, pid: int) -> None:
        """Record a process; it is on disk when this returns."""
        started = _started(pid)
        if started is None:
            return
        with self.path.open("a", encoding="ascii") as file:
            file.write(json.dumps({"pid": pid, "started": started}) + "\n")

    def close(self) -> None:
        """Forget the run: it has removed everything itself."""
        self.path.unlink(missing_ok=True)


def clean(path: Path) -> list[int]:
    """End every recorded process that is still there, and forget the ledger; the processes ended."""
    ended = []
    for line in path.read_text(encoding="ascii").splitlines():
        entry = json.loads(line)
        if _started(entry["pid"]) == entry["started"]:
            with suppress(ProcessLookupError):
                os.kill(entry["pid"], signal.SIGKILL)
                ended.append(entry["pid"])
    path.unlink()
    return ended


def is_under_way(path: Path) -> bool:
    """Whether the run is in order: whoever started its first process, by whom the ledger is named, is there.

    After a crash a process belongs to another parent.
    """
    lines = path.read_text(encoding="ascii").splitlines()
    if not lines:
        return False
    first = json.loads(lines[0])
    fields = _fields(first["pid"])
    return bool(fields) and int(fields[19]) == first["started"] and fields[1] == path.stem


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); None if it is gone."""
    fields = _fields(pid)
    return int(fields[19]) if fields else None


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, the state; empty if the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return stat.rpartition(")")[2].split()
