"""What carries out the decisions about channels in a network: the southbound side of the controller."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from testbed.driver.flow_filters import FlowFilters
from testbed.driver.protocols import Counted
from testbed.model.base import Direction


class Southbound(Protocol):
    """A network in which channels can be opened, resized and closed while traffic flows.

    A channel is known by the name of its session. No packet may be lost or overtaken by any of this: rates
    change in place, and a closed channel stays until its queue is empty.
    """

    def open(self, filters: FlowFilters, direction: Direction, rate_bps: int, queue_bytes: int) -> None:
        """Give these packets a rate and a queue of their own in one direction."""

    def resize(self, direction: Direction, rates_bps: Sequence[tuple[str, int]]) -> None:
        """Change the rates of channels, in this order and in one request."""

    def close(self, session: str) -> None:
        """Send a channel's packets the way of the rest of its home, in both directions."""

    def remove_if_empty(self, session: str, direction: Direction) -> bool:
        """Remove a closed channel if no packet waits in it; whether it is gone."""

    def counters(self, direction: Direction) -> Mapping[str, Counted]:
        """What each open channel has sent and holds."""
