"""Live measurement of delays for the placement of jobs."""

from typing import Annotated

from pydantic import Field

from testbed.applications.kind import Kind, Section
from testbed.model.base import Duration, Size, Value


class Survey(Value):
    """One-way delays between compute nodes and the stations that jobs talk to, measured during the run.

    Every `interval` one packet goes each way between all of them. A pair's delay is the mean of both ways,
    each by the median of its last `window` packets; placement goes by it in place of the plan's distances.
    """

    interval_ns: Annotated[Duration, Field(ge=10_000_000)] = 100_000_000
    """In which one packet goes each way between all pairs."""
    size_bytes: Annotated[Size, Field(ge=64, le=1400)] = 100
    """Of the IP packet."""
    window: Annotated[int, Field(ge=1, le=100)] = 5
    """Packets of each way of which the median is taken."""


class Surveys(Section):
    """Keys of a scenario file."""

    survey: Survey | None = None
    """Live measurement of delays, by which jobs are then placed."""


KIND = Kind(section=Surveys)
