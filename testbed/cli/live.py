"""`testbed run --live`: the dashboard on the terminal of standard error, drawn anew twice a second.

A thread reads what the variants have written so far (`testbed.live.variant_follower`) and draws it. It does
not affect the run: the records are the same bytes with and without it.
"""

import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from testbed.cli.live_text import Block, Screen, joined, lines
from testbed.errors import ScenarioError
from testbed.live.variant_follower import VariantFollower
from testbed.record.run_directory import RunDirectory

_EVERY_S = 0.5


def require_terminal(stream: IO[str]) -> None:
    """See that a dashboard can be drawn on a stream.

    Raises:
        ScenarioError: It is no terminal, or one that can do nothing but print.
    """
    if not stream.isatty() or Console(file=stream).is_dumb_terminal:
        raise ScenarioError(
            "--live draws on a terminal, and standard error is none; "
            "leave it out, and progress is told in lines"
        )


class LiveView:
    """The dashboard of a run; a context manager that is told of progress, like `ProgressView`."""

    def __init__(self, title: str, variants: Sequence[str]) -> None:
        self._title, self._variants = title, list(variants)
        self._console = Console(file=sys.stderr)
        self._watches: dict[str, VariantFollower] = {}
        self._progress: dict[str, _Course] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._draw, name="live")
        self._began_s = time.monotonic()
        # The screen beside the usual one: whatever stood on the terminal is there again afterwards.
        self._live = Live(console=self._console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._live.stop()
        if self._failure is not None and error is None:
            raise self._failure

    def begun(self, run: RunDirectory) -> None:
        """Watch a run whose directory is there from now on."""
        with self._lock:
            self._watches = {variant: VariantFollower(run.raw_path(variant)) for variant in self._variants}

    def __call__(self, variant: str, reached_ns: int, of_ns: int, _text: str) -> None:
        """Take note of a variant's progress; may be called from any thread."""
        with self._lock:
            course = self._progress.setdefault(variant, _Course(time.monotonic(), reached_ns))
            course.reached_ns, course.of_ns, course.at_s = reached_ns, of_ns, time.monotonic()

    def _draw(self) -> None:
        """Until it is to stop. What fails here ends the dashboard at once, the run at its own end."""
        try:
            while not self._stopping.wait(_EVERY_S):
                self._live.update(self._picture(), refresh=True)
        except Exception as error:
            self._failure = error
            self._live.stop()

    def _picture(self) -> Text:
        for watch in list(self._watches.values()):
            watch.read()
        size = self._console.size
        screen = Screen(size.width, size.height, ascii_only=self._console.options.ascii_only)
        with self._lock:
            blocks = [self._block(variant, watch) for variant, watch in self._watches.items()]
        return joined(lines(self._title, time.monotonic() - self._began_s, blocks, screen))

    def _block(self, variant: str, watch: VariantFollower) -> Block:
        course = self._progress.get(variant)
        if course is None:
            return Block(variant, watch.view, 0, 0, None)
        return Block(variant, watch.view, course.reached_ns, course.of_ns, course.wall_s_per_s)


class _Course:
    """How far a variant is, and since when it has been going on."""

    def __init__(self, began_s: float, from_ns: int) -> None:
        self._began_s, self._from_ns = began_s, from_ns
        self.reached_ns, self.of_ns, self.at_s = from_ns, 0, began_s

    @property
    def wall_s_per_s(self) -> float | None:
        """Wall seconds for a second of the run, since its time 0; None before anything has passed."""
        passed_ns = self.reached_ns - self._from_ns
        return None if passed_ns <= 0 else (self.at_s - self._began_s) / (passed_ns / 1e9)
