"""The captures of a run: a program on each station, from before time 0 to the end."""

from collections.abc import Sequence
from functools import partial

from testbed.applications.capture.endpoints import Capture
from testbed.applications.capture.model import Captures
from testbed.driver.children import Child
from testbed.driver.run_context import Process, RunContext
from testbed.host.process import Part


class RunningCaptures:
    """Starts last and stops last, so that nothing of the run is missed but the start of other programs."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._running = run, list[Child]()

    def start(self) -> None:
        """Start a program on every station that is captured."""
        for station in Captures.of(self._run.scenario).capture:
            parts = partial(self._parts, station)
            self._running.append(self._run.start(f"{station} capture", station, parts))
        self._run.children.go(*self._running)

    def _parts(self, station: str, process: Process) -> Sequence[Part]:
        ports = [each.name for each in self._run.plan.interfaces if each.station == station]
        return [Capture(process.loop, self._run.folder / f"{station}.pcapng", ports)]

    def stop(self) -> None:
        """Stop them; what one has lost becomes a warning."""
        for child in self._running:
            self._run.stop(child)


PART = RunningCaptures
