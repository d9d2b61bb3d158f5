"""Faults and repairs at their instants: what they cut on the network, and who is told.

Only the driver's own books are told here (what was running on a node that dies); nodes, planes and the
scheduler find out over the emulated network, or never.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from testbed.driver.due import Due
from testbed.driver.health_protocols import BreakableNetwork
from testbed.host.loop import Loop
from testbed.model.failure import Fault
from testbed.plan.network_plan import NetworkPlan
from testbed.record.events import FaultBegan, FaultRepaired
from testbed.record.logs import EventLog


def broken_by(plan: NetworkPlan, fault: Fault) -> tuple[str, ...]:
    """The interfaces over which nothing passes: both ends of every wire that the fault takes."""
    fabric = plan.network.fabric
    ends: set[str] = set()
    if fault.node is not None or fault.isolated is not None:
        ends = {fault.node or fault.isolated or ""}
    elif fabric is not None and fault.plane is not None:
        ends = {fabric.planes[fault.plane - 1]}
    elif fabric is not None and fault.link is not None:
        ends = {fault.link.node, fabric.planes[fault.link.plane - 1]}
    return tuple(
        each.name
        for each in plan.interfaces
        if (fault.link is None and ends & {each.station, each.peer_station})
        or ends == {each.station, each.peer_station}
    )


class Faults:
    """All faults of a run; `broke` and `mended` are told of each after the network is changed."""

    def __init__(
        self,
        faults: Mapping[str, Fault],
        plan: NetworkPlan,
        network: BreakableNetwork,
        loop: Loop,
        events: EventLog,
        broke: Callable[[Fault], None],
        mended: Callable[[Fault], None],
    ) -> None:
        self._faults, self._plan, self._network = faults, plan, network
        self._loop, self._events, self._broke, self._mended = loop, events, broke, mended
        self._cuts: Counter[str] = Counter()

    def start(self) -> None:
        """Set out to break and to mend."""
        for name, fault in self._faults.items():
            # Now nothing is on its way yet that preparing could lose.
            self._network.prepare_faults(broken_by(self._plan, fault))
            self._loop.at(fault.at_ns, partial(self._break, name, fault), Due.FAULT)
            if fault.repaired_ns is not None:
                self._loop.at(fault.repaired_ns, partial(self._mend, name, fault), Due.REPAIR)

    def _break(self, name: str, fault: Fault) -> None:
        interfaces = broken_by(self._plan, fault)
        self._network.cut(interfaces)
        self._cuts.update(interfaces)
        self._write(FaultBegan, name, fault)
        self._broke(fault)

    def _mend(self, name: str, fault: Fault) -> None:
        interfaces = broken_by(self._plan, fault)
        self._cuts.subtract(interfaces)
        # What another fault still breaks stays broken.
        self._network.mend(each for each in interfaces if not self._cuts[each])
        self._write(FaultRepaired, name, fault)
        self._mended(fault)

    def _write(self, described: type[FaultBegan | FaultRepaired], name: str, fault: Fault) -> None:
        broken = fault.model_dump(include={"node", "isolated", "plane", "link"})
        self._events.write(described(fault=name, **broken), self._loop.clock.now_ns())

    def stop(self) -> None:
        """Nothing: what is broken goes with the network."""
