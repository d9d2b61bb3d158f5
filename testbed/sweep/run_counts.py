"""How far a sweep is: what is done, what is running, what is left, and how long that takes."""

from dataclasses import dataclass, field

from testbed.sweep.run_order import RunResult, RunStarted, RunUpdate
from testbed.text import counted


@dataclass(slots=True)
class RunCounts:
    """Counts runs; `before` were finished when we began, `at_s` are seconds since then.

    The time to go is what the runs that ended took on average, side by side as they were.
    """

    total: int
    before: int
    running: set[str] = field(default_factory=set)
    finished: int = 0
    failed: int = 0

    def take(self, happened: RunUpdate) -> None:
        """Take note of what happened."""
        match happened:
            case RunStarted(name):
                self.running.add(name)
            case RunResult(name, status):
                self.running.discard(name)
                if status == 0:
                    self.finished += 1
                else:
                    self.failed += 1

    @property
    def done(self) -> int:
        """Runs that are finished, those from before included."""
        return self.before + self.finished

    @property
    def left(self) -> int:
        """Runs that have not begun."""
        return self.total - self.done - self.failed - len(self.running)

    def to_go_s(self, at_s: float) -> float | None:
        """Seconds until the end, None before any run has ended."""
        ended = self.finished + self.failed
        if not ended:
            return None
        # A run that is under way is half done on average.
        return at_s / ended * (self.left + len(self.running) / 2)

    def line(self, at_s: float) -> str:
        """All of it in words: "12 of 32 done, 2 running, 18 left, about 40 s to go"."""
        parts = [f"{self.done} of {self.total} done", f"{len(self.running)} running", f"{self.left} left"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        to_go_s = self.to_go_s(at_s)
        if to_go_s:
            parts.append(f"about {spoken(to_go_s)} to go")
        return ", ".join(parts)


def spoken(seconds: float) -> str:
    """A length of time for people: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h {rest} min" if rest else f"{hours} h"


def failed_line(failed: int) -> str:
    """What begins the list of failed runs."""
    return f"{counted(failed, 'run')} failed, and will be tried again by the same command:"
