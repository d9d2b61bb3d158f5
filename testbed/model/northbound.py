"""The operator's API inside a scenario: where it is served, and what sessions book there."""

from typing import Annotated

from pydantic import Field

from testbed.model.base import Duration, Name, Value


class Northbound(Value):
    """CAMARA Quality-on-Demand, served over the emulated network on a compute node."""

    host: Name
    """The compute node that serves it, on port 8080."""


class ChannelBooking(Value):
    """What a session's application server asks the API for: a QoS profile for so long.

    It asks at the instant `at`, with an HTTP request from the session's node, and lets the channel go when
    the session ends. `duration` counts from the channel's opening.
    """

    profile: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]+$", min_length=3, max_length=256)]
    """A QoS profile of the API."""
    at_ns: Duration
    """When it asks; within the session."""
    duration_ns: Annotated[Duration, Field(ge=1_000_000_000)]
    """How long the channel is to be there, within what the profile allows."""
