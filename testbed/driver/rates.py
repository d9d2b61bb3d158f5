"""Samples what each session is given and what it uses, from the class counters, at a fixed interval."""

from collections.abc import Callable, Iterable

from testbed.driver.channels import Channels
from testbed.driver.classes import minor_of_channel, minor_of_home
from testbed.driver.protocols import Counted, Placed, RunningNetwork
from testbed.driver.queues import managed_queues
from testbed.driver.scenes import Scenes
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.record.logs import RateLog

INTERVAL_NS = 100_000_000


class Rates:
    """Writes a line per session and direction every 100 ms while the session lasts."""

    def __init__(
        self,
        network: RunningNetwork,
        channels: Channels,
        scenes: Scenes,
        loop: Loop,
        log: RateLog,
        active: Callable[[], Iterable[Placed]],
    ) -> None:
        self._network, self._loop, self._log = network, loop, log
        self._channels, self._scenes, self._active = channels, scenes, active
        self._last: dict[tuple[str, Direction], tuple[int, int, int]] = {}
        self._managed = managed_queues(network.plan).keys()

    def start(self, until_ns: int) -> None:
        """Sample from the scenario's start until an instant."""
        self._until_ns = until_ns
        self._loop.at(0, self._sample)

    def _sample(self) -> None:
        now_ns = self._loop.clock.now_ns()
        active = [*self._active()]
        for direction in (DOWNSTREAM, UPSTREAM) if active else ():
            counters = self._network.counters(direction)
            for placed in active:
                rate_bps = self._channels.rate_bps(placed.name, direction)
                home = minor_of_home(self._network.plan, placed.session.player)
                minor = home if rate_bps is None else minor_of_channel(self._channels.number(placed.name))
                counted = counters[minor]
                key, present = (placed.name, direction), (minor, counted.sent_bytes, now_ns)
                before = self._last.get(key)
                self._last[key] = present
                if before is None or before[0] != minor:
                    continue
                self._log.write(
                    now_ns,
                    session=placed.name,
                    direction=direction,
                    rate_bps=rate_bps,
                    demand_bps=self._scenes.demand_bps(placed.name, direction),
                    throughput_bps=(counted.sent_bytes - before[1]) * 8 * 10**9 // (now_ns - before[2]),
                    backlog_bytes=counted.backlog_bytes,
                    dropped=self._dropped(direction, minor, counted),
                )
        next_ns = (now_ns // INTERVAL_NS + 1) * INTERVAL_NS
        if next_ns <= self._until_ns:
            self._loop.at(next_ns, self._sample)

    def _dropped(self, direction: Direction, minor: int, counted: Counted) -> int:
        """The packets that a class has lost; what an AQM dropped after it took it, the queue alone knows."""
        if (direction, minor) in self._managed:
            return self._network.queue_counters(direction, minor).dropped_packets
        return counted.dropped_packets
