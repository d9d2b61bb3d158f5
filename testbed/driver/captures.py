"""The captures of a run: a program on each station that is to be looked at, from before time 0 to the end."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from testbed.driver.children import Child, Children
from testbed.host.clock import Clock
from testbed.host.control import Control


class CapturePrograms(Protocol):
    """Makes the programs that capture."""

    def capture(self, station: str, clock: Clock, control: Control, logs: Path) -> Callable[[], None]: ...


class Captures:
    """Starts last and stops last, so that nothing of the run is missed but the start of other programs."""

    def __init__(
        self,
        stations: Sequence[str],
        programs: CapturePrograms,
        children: Children,
        clock: Clock,
        logs: Path,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._stations, self._programs, self._children = stations, programs, children
        self._clock, self._logs, self._stop_program = clock, logs, stop
        self._running: list[Child] = []

    def start(self) -> None:
        """Start a program on every station that is captured."""
        for station in self._stations:
            program = partial(self._programs.capture, station, self._clock, logs=self._logs)
            self._running.append(self._children.start(f"{station} capture", station, program))
        self._children.go(*self._running)

    def stop(self) -> None:
        """Stop them; what one has lost becomes a warning."""
        for child in self._running:
            self._stop_program(child)
