"""The events of transfers."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlaneChanged(Event):
    """The source of a transfer gives up a plane, or finds it alive again."""

    kind: ClassVar[str] = "transfer.plane"
    transfer: str
    plane: int
    alive: bool
    after_ns: int
    """How long the plane was silent when it is given up; how long it was given up when it is alive again."""
    blocks: int
    """How many blocks are sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded(Event):
    """A transfer has ended."""

    kind: ClassVar[str] = "transfer.end"
    transfer: str
    received_bytes: int
    """What arrived until the transfer's own end."""
    throughput_bps: int
    blocks_sent_again: int
    outage_ns: int
    """The longest time between two arrivals of new blocks."""
    stalled_ns: int
    """The longest time in which the blocks received without a gap did not grow."""

    @property
    def ended_source(self) -> str:
        """The transfer, whose rates are sampled."""
        return self.transfer
