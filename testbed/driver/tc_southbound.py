"""Channels as traffic classes: HTB classes and filters downstream, and T-CONTs of the OLT upstream."""

from collections.abc import Iterable, Mapping, Sequence

from testbed.driver.assignment import Assignment
from testbed.driver.classes import class_of_channel, home_of
from testbed.driver.flow_filters import FlowFilters
from testbed.driver.protocols import Counted, RunningNetwork
from testbed.errors import InvariantError
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.plan.network_plan import ShapedClass
from testbed.plan.pon_ports import channel_tcont


class TcSouthbound:
    """Implements `Southbound` on the classes of the PON's two ends."""

    def __init__(self, network: RunningNetwork, assignment: Assignment) -> None:
        self._network, self._assignment = network, assignment
        self._filters: dict[str, FlowFilters] = {}
        self._open: dict[tuple[str, Direction], ShapedClass] = {}
        self._closed: dict[tuple[str, Direction], ShapedClass] = {}

    def open(self, filters: FlowFilters, direction: Direction, rate_bps: int, queue_bytes: int) -> None:
        """Make the class, and the filter that leads there."""
        self._filters[filters.session] = filters
        shaped = self._class(filters, rate_bps, queue_bytes)
        self._network.open(direction, shaped, [filters.towards(direction)])
        self._assign(filters, direction, shaped)
        self._open[filters.session, direction] = shaped

    def resize(self, direction: Direction, rates_bps: Sequence[tuple[str, int]]) -> None:
        """Change the classes in place."""
        changed = []
        for session, rate_bps in rates_bps:
            queue_bytes = self._open[session, direction].queue_bytes
            if queue_bytes is None:
                raise InvariantError(f"the class of {session} {direction} has no queue")
            shaped = self._class(self._filters[session], rate_bps, queue_bytes)
            self._open[session, direction] = shaped
            changed.append((session, shaped))
        self._network.resize(direction, *(shaped for _, shaped in changed))
        for session, shaped in changed:
            self._assign(self._filters[session], direction, shaped)

    def close(self, session: str) -> None:
        """Remove the filters."""
        for direction in (DOWNSTREAM, UPSTREAM):
            self._closed[session, direction] = self._open.pop((session, direction))
            self._network.unmatch(direction, self._filters[session].towards(direction).order)

    def remove_if_empty(self, session: str, direction: Direction) -> bool:
        """Remove the class, and upstream its T-CONT before that."""
        shaped = self._closed[session, direction]
        if self._network.counters(direction)[shaped.minor].backlog_bytes:
            return False
        if direction is UPSTREAM:
            self._assignment.forget(shaped.minor)
        self._network.remove(direction, shaped)
        del self._closed[session, direction]
        return True

    def counters(self, direction: Direction) -> Mapping[str, Counted]:
        """Those of the classes of open channels."""
        found = self._network.counters(direction)
        return {
            session: found[shaped.minor] for (session, way), shaped in self._open.items() if way is direction
        }

    def opened(self) -> Iterable[tuple[str, Direction, ShapedClass]]:
        """Every class of an open channel, with its session and direction."""
        return [(session, direction, shaped) for (session, direction), shaped in self._open.items()]

    def _assign(self, filters: FlowFilters, direction: Direction, shaped: ShapedClass) -> None:
        """Upstream a class is a T-CONT, whose rate the OLT grants."""
        if direction is UPSTREAM:
            home = home_of(self._network.plan, filters.player)
            self._assignment.set(channel_tcont(shaped.minor, home, shaped.rate_bps))

    def _class(self, filters: FlowFilters, rate_bps: int, queue_bytes: int) -> ShapedClass:
        plan, number = self._network.plan, filters.number
        return class_of_channel(plan, number, filters.session, rate_bps, queue_bytes)
