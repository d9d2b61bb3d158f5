"""The events of flows."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEnded(Event):
    """A background flow or a workload has ended, with the run.

    Bytes of UDP are those of IP packets, of TCP those of the payload.
    """

    kind: ClassVar[str] = "flow.end"
    flow: str
    received_bytes: int
    """What arrived between the flow's start and its end."""
    drained_bytes: int | None = None
    """What queues delivered after its end; runs of earlier versions count it as received."""
    throughput_bps: int
    busy_ns: int | None = None
    """Of TCP, as what follows up to the round trips: how long its connections had unacknowledged data, all
    together."""
    receive_window_ns: int | None = None
    """For how much of that time the receiver's window held them up, and not the network."""
    refills: int | None = None
    """How often a sender's full buffer had room again."""
    dry_refills: int | None = None
    """How many of those times all data in the buffer was unacknowledged, so that the buffer held the flow
    up."""
    round_trip_ns: int | None = None
    """The smoothed round trip at the end."""
    least_round_trip_ns: int | None = None
    packets: int | None = None
    """Of a flow with ECN, packets that arrived: counted by the sink of UDP; of TCP by the sender, of those
    acknowledged."""
    ce_packets: int | None = None
    """How many of them arrived with CE."""
