"""The events of beacons."""

from dataclasses import dataclass
from typing import ClassVar

from testbed.record.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconEnded(Event):
    """A beacon has ended, with the run."""

    kind: ClassVar[str] = "beacon.end"
    beacon: str
    received: int
    silence_ns: int
    """The longest time between two arrivals."""
