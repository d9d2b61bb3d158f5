"""Reads the counters of channels' classes at a fixed interval, for the policies that go by them."""

from collections.abc import Callable

from testbed.channel import Counted, Observation
from testbed.driver.protocols import Counted as Counters
from testbed.driver.protocols import RunningNetwork
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction


class Observer:
    """Tells what every watched class did since it was last read; silent while there is none."""

    def __init__(
        self, network: RunningNetwork, loop: Loop, interval_ns: int, tell: Callable[[Observation], None]
    ) -> None:
        self._network, self._loop, self._interval_ns, self._tell = network, loop, interval_ns, tell
        self._minors: dict[str, int] = {}
        self._last: dict[tuple[str, Direction], tuple[int, int]] = {}
        self._is_due = False

    def opened(self, session: str, direction: Direction, minor: int) -> None:
        """Watch a class that was just made: it has sent nothing yet."""
        self._minors[session] = minor
        self._last[session, direction] = (self._loop.clock.now_ns(), 0)
        self._sleep()

    def closed(self, session: str) -> None:
        """Watch the classes of a session no more; it may have none."""
        self._minors.pop(session, None)
        for direction in (DOWNSTREAM, UPSTREAM):
            self._last.pop((session, direction), None)

    def _sleep(self) -> None:
        if self._minors and not self._is_due:
            self._is_due = True
            next_ns = (self._loop.clock.now_ns() // self._interval_ns + 1) * self._interval_ns
            self._loop.at(next_ns, self._observe)

    def _observe(self) -> None:
        self._is_due = False
        down, up = (
            {} if not self._minors else self._network.counters(direction)
            for direction in (DOWNSTREAM, UPSTREAM)
        )
        counted = {
            session: (
                self._since(session, DOWNSTREAM, down[minor]),
                self._since(session, UPSTREAM, up[minor]),
            )
            for session, minor in self._minors.items()
        }
        if counted:
            self._tell(Observation(counted=counted))
        self._sleep()

    def _since(self, session: str, direction: Direction, counters: Counters) -> Counted:
        now_ns = self._loop.clock.now_ns()
        then_ns, then_bytes = self._last[session, direction]
        self._last[session, direction] = (now_ns, counters.sent_bytes)
        return Counted(
            interval_ns=now_ns - then_ns,
            sent_bytes=counters.sent_bytes - then_bytes,
            backlog_bytes=counters.backlog_bytes,
        )
