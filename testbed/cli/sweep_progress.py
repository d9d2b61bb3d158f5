"""Progress of a sweep on standard error: a bar on a terminal, a line for each run in a log."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from testbed.sweep.run_counts import RunCounts
from testbed.sweep.run_order import RunResult, RunUpdate


class SweepProgress:
    """Shows how many runs are done, running and left, and the time to go; use as a context manager."""

    def __init__(self, tally: RunCounts) -> None:
        self._tally = tally
        self._is_terminal = sys.stderr.isatty()
        self._began_s = time.monotonic()
        self._bars = Progress(
            BarColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._is_terminal,
        )
        self._task = self._bars.add_task("", total=tally.total, completed=tally.before)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def take(self, happened: RunUpdate) -> None:
        """Take note of what happened, and show it."""
        self._tally.take(happened)
        line = self._tally.line(time.monotonic() - self._began_s)
        if isinstance(happened, RunResult) and (happened.status or not self._is_terminal):
            self.note(f"{happened.name} {'failed' if happened.status else 'finished'}; {line}")
        ended = self._tally.done + self._tally.failed
        self._bars.update(self._task, completed=ended, description=line)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        if self._is_terminal:
            self._bars.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)
