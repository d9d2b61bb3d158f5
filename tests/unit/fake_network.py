"""A network, a loop and an event log for tests of the driver: nothing runs, everything is written down."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from testbed.applications.script import Script
from testbed.host.clock import Clock
from testbed.model.base import UPSTREAM, Direction
from testbed.net.messages import ClassCounters
from testbed.net.queue_messages import QueueCounters
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Match, NetworkPlan, ShapedClass
from testbed.pon import TCont
from testbed.record.event import Event
from testbed.scenario import load
from topologies import elastic_access

EMPTY = ClassCounters(
    handle=0, sent_bytes=0, sent_packets=0, backlog_bytes=0, backlog_packets=0, dropped_packets=0
)


@dataclass(frozen=True)
class StandingClock(Clock):
    """Stands where the loop has put it."""

    loop: "FakeLoop"

    def now_ns(self) -> int:
        return self.loop.now_ns


class FakeLoop:
    """Calls what is due when the test lets time pass."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.clock = StandingClock(0, self)
        self.timers: list[tuple[int, int, int, Callable[[], None]]] = []
        self._order = count()

    @property
    def instant_ns(self) -> int:
        return self.now_ns

    def at(self, at_ns: int, call: Callable[[], None], rank: int = 0) -> None:
        heapq.heappush(self.timers, (at_ns, rank, next(self._order), call))

    def pass_until(self, at_ns: int) -> None:
        while self.timers and self.timers[0][0] <= at_ns:
            due_ns, _, _, call = heapq.heappop(self.timers)
            self.now_ns = max(self.now_ns, due_ns)
            call()
        self.now_ns = at_ns


@dataclass
class FakeNetwork:
    """Takes what the driver does to the network's classes, and refuses what a kernel would."""

    plan: NetworkPlan
    done: list[str] = field(default_factory=list)
    classes: dict[tuple[Direction, int], ShapedClass] = field(default_factory=dict)
    filters: dict[tuple[Direction, int], tuple[Match, ...]] = field(default_factory=dict)
    backlog: dict[tuple[Direction, int], int] = field(default_factory=dict)
    queues: dict[tuple[Direction, int], QueueCounters] = field(default_factory=dict)

    def open(self, direction: Direction, shaped: ShapedClass, matches: Sequence[Match]) -> None:
        (order,) = {match.order for match in matches}
        assert (direction, shaped.minor) not in self.classes
        assert (direction, order) not in self.filters
        assert {match.minor for match in matches} == {shaped.minor}
        self.classes[direction, shaped.minor] = shaped
        self.filters[direction, order] = tuple(matches)
        self.done.append(f"open {direction} {shaped.rate_bps}")

    def resize(self, direction: Direction, *classes: ShapedClass) -> None:
        for shaped in classes:
            old = self.classes[direction, shaped.minor]
            self.classes[direction, shaped.minor] = shaped
            assert replace(shaped, rate_bps=0, ceil_bps=0, burst_bytes=0, quantum_bytes=0) == replace(
                old, rate_bps=0, ceil_bps=0, burst_bytes=0, quantum_bytes=0
            )
        self.done.append(" ".join([f"resize {direction}", *(str(shaped.rate_bps) for shaped in classes)]))

    def unmatch(self, direction: Direction, order: int) -> None:
        del self.filters[direction, order]
        self.done.append(f"unmatch {direction}")

    def remove(self, direction: Direction, shaped: ShapedClass) -> None:
        led = [
            match for (where, _), matches in self.filters.items() if where is direction for match in matches
        ]
        assert all(match.minor != shaped.minor for match in led)
        del self.classes[direction, shaped.minor]
        lost = self.backlog.get((direction, shaped.minor), 0)
        self.done.append(f"remove {direction}" + (f" losing {lost} bytes" if lost else ""))

    def counters(self, direction: Direction) -> dict[int, ClassCounters]:
        return {
            minor: replace(EMPTY, handle=minor, backlog_bytes=self.backlog.get((direction, minor), 0))
            for (where, minor) in self.classes
            if where is direction
        }

    def queue_counters(self, direction: Direction, minor: int) -> QueueCounters:
        return self.queues[direction, minor]

    def fork(self, host: str, program: Callable[[], None]) -> int:
        raise AssertionError(f"nothing is to be started on {host}: {program}")


class FakeAssignment:
    """An OLT that remembers what it was told."""

    def __init__(self, network: FakeNetwork) -> None:
        self.network = network
        self.tconts: dict[int, TCont] = {}

    def set(self, tcont: TCont) -> None:
        assert (UPSTREAM, tcont.alloc_id) in self.network.classes, "an OLT grants to queues that exist"
        self.tconts[tcont.alloc_id] = tcont

    def forget(self, alloc_id: int) -> None:
        assert (UPSTREAM, alloc_id) in self.network.classes, "a queue goes after its grants"
        del self.tconts[alloc_id]


class FakeEvents:
    """An event log in memory."""

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []

    def write(self, event: Event, at_ns: int) -> None:
        self.written.append({"at_ns": at_ns, **event.as_json()})

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.written]


def elastic(**changes: Any) -> Script:
    """The shipped scenario's elastic variant, with whole fields changed."""
    return load("cloud_gaming").variants["elastic"].model_copy(update=changes)


def network_of(script: Script) -> FakeNetwork:
    """Its network."""
    parameters = elastic_access.Parameters.model_validate(script.network.parameters)
    return FakeNetwork(make_plan(elastic_access.network(parameters), script.access, script.pon))
