"""Beacons, as a scenario declares them."""

from pydantic import Field

from testbed.applications.kind import Kind, Section
from testbed.model.base import ACROSS, Duration, Name
from testbed.model.measure import Measure, Statistic, Unit
from testbed.model.span import Span


class Beacon(Span):
    """One host that sends beacons to another."""

    source: Name
    """Any host of the network."""
    destination: Name
    """Another one."""
    interval_ns: Duration = 10_000_000
    """From beacon to beacon."""


class Beacons(Section):
    """Keys of a scenario file."""

    beacons: dict[Name, Beacon] = Field(default_factory=dict)
    """Signs of life from host to host."""


KIND = Kind(
    section=Beacons,
    measures=(
        Measure(name="beacon", key="beacon_delays", meaning="From sending to arrival.", direction=ACROSS),
        Measure(
            name="beacons",
            key="beacons",
            meaning="All beacons of a name.",
            statistics=("silence",),
            undirected="beacons have one way only, from their source",
        ),
    ),
    statistics=(Statistic(name="silence", kind=Unit.DELAY, meaning="The longest time without a beacon."),),
)
