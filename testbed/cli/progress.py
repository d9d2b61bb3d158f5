"""Progress on standard error: bars on a terminal, a line now and then in a log."""

import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from testbed.record.run_directory import RunDirectory

_LOG_EVERY_S = 5.0


class ProgressView:
    """Shows how far each variant is in virtual time; use as a context manager, call with news."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:5.1f} of {task.total:.1f} s"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._logged_s: dict[str, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._bars.stop()

    def begun(self, _run: RunDirectory) -> None:
        """Nothing of the run's directory is shown."""

    def __call__(self, variant: str, reached_ns: int, of_ns: int, text: str) -> None:
        """Take note of a variant's progress; may be called from any thread."""
        with self._lock:
            if self._terminal:
                self._draw(variant, reached_ns, of_ns)
            else:
                self._log(variant, reached_ns, of_ns, text)

    def _draw(self, variant: str, reached_ns: int, of_ns: int) -> None:
        if variant not in self._tasks:
            self._tasks[variant] = self._bars.add_task(variant, total=of_ns / 1e9)
        self._bars.update(self._tasks[variant], completed=reached_ns / 1e9)

    def _log(self, variant: str, reached_ns: int, of_ns: int, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s.get(variant, 0.0) >= _LOG_EVERY_S:
            self._logged_s[variant] = now_s
            print(f"{variant}: {reached_ns / 1e9:.1f} of {of_ns / 1e9:.1f} s, {text}", file=sys.stderr)
