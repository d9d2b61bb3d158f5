"""The queues of the PON's line that have an active queue management, and what it did by the end."""

from testbed.driver.protocols import RunningNetwork
from testbed.host.clock import Clock
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.pon import Aqm
from testbed.plan.network_plan import NetworkPlan, PonQueue, ShapedClass
from testbed.record.events import QueueEnded
from testbed.record.logs import EventLog

ManagedQueues = dict[tuple[Direction, int], ShapedClass | PonQueue]
"""By direction and the minor number of the class, or of the T-CONT, whose packets wait there."""


def managed_queues(plan: NetworkPlan) -> ManagedQueues:
    """The queues of a plan that are no plain FIFO; none without a PON."""
    found: ManagedQueues = {}
    for direction in (DOWNSTREAM, UPSTREAM) if plan.network.pon is not None else ():
        interface = plan.pon_port(direction)
        queues: tuple[ShapedClass | PonQueue, ...] = interface.classes
        if interface.pon_port is not None:
            queues += interface.pon_port.queues
        found |= {(direction, each.minor): each for each in queues if each.aqm is not Aqm.FIFO}
    return found


class Queues:
    """Writes down what each managed queue did, when the run is over."""

    def __init__(self, network: RunningNetwork, events: EventLog, clock: Clock) -> None:
        self._network, self._events, self._clock = network, events, clock

    def start(self) -> None:
        """Nothing: the queues are there with the network."""

    def stop(self) -> None:
        """Write an event for each queue."""
        for (direction, minor), queue in managed_queues(self._network.plan).items():
            counted = self._network.queue_counters(direction, minor)
            event = QueueEnded(
                queue=queue.label,
                direction=direction,
                aqm=queue.aqm,
                discipline=counted.kind,
                marks=counted.marks,
                dropped_packets=counted.dropped_packets,
            )
            self._events.write(event, self._clock.now_ns())
