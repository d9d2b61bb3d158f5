"""Reads the counters of channels at a fixed interval, for the policies that go by them."""

from collections.abc import Callable

from testbed.channel import ClassCounters, CounterReadings
from testbed.driver.protocols import Counted as Counters
from testbed.driver.southbound import Southbound
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction


class Observer:
    """Tells what every watched channel did since it was last read; silent while there is none."""

    def __init__(
        self, southbound: Southbound, loop: Loop, interval_ns: int, tell: Callable[[CounterReadings], None]
    ) -> None:
        self._southbound, self._loop, self._interval_ns, self._tell = southbound, loop, interval_ns, tell
        self._sessions: dict[str, None] = {}
        self._last: dict[tuple[str, Direction], tuple[int, int]] = {}
        self._is_due = False

    def opened(self, session: str, direction: Direction) -> None:
        """Watch a channel that was just opened: it has sent nothing yet."""
        self._sessions[session] = None
        self._last[session, direction] = (self._loop.clock.now_ns(), 0)
        self._sleep()

    def closed(self, session: str) -> None:
        """Stop watching a session's channel; it may have none."""
        self._sessions.pop(session, None)
        for direction in (DOWNSTREAM, UPSTREAM):
            self._last.pop((session, direction), None)

    def _sleep(self) -> None:
        if self._sessions and not self._is_due:
            self._is_due = True
            next_ns = (self._loop.clock.now_ns() // self._interval_ns + 1) * self._interval_ns
            self._loop.at(next_ns, self._observe)

    def _observe(self) -> None:
        self._is_due = False
        down, up = (
            {} if not self._sessions else self._southbound.counters(direction)
            for direction in (DOWNSTREAM, UPSTREAM)
        )
        counted = {
            session: (
                self._since(session, DOWNSTREAM, down[session]),
                self._since(session, UPSTREAM, up[session]),
            )
            for session in self._sessions
        }
        if counted:
            self._tell(CounterReadings(counted=counted))
        self._sleep()

    def _since(self, session: str, direction: Direction, counters: Counters) -> ClassCounters:
        now_ns = self._loop.clock.now_ns()
        then_ns, then_bytes = self._last[session, direction]
        self._last[session, direction] = (now_ns, counters.sent_bytes)
        return ClassCounters(
            interval_ns=now_ns - then_ns,
            sent_bytes=counters.sent_bytes - then_bytes,
            backlog_bytes=counters.backlog_bytes,
        )
