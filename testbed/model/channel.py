"""Elastic channels as a scenario asks for them: rates per direction, and the policy that resizes them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import Direction, Duration, FieldError, Rate, Value
from testbed.model.pon import PositiveRate, PositiveSize

Period = Annotated[Duration, Field(gt=0)]


class ResizePolicy(StrEnum):
    """How a channel's rate is chosen.

    Static: it is the committed rate. Signalled: from the scene that the application says it is in.
    Measured: from what the channel's class has sent and has waiting, without the application's help.
    Predictive: as measured, and ahead of a scene that has come before in the same order.
    """

    STATIC = "static"
    SIGNALLED = "signalled"
    MEASURED = "measured"
    PREDICTIVE = "predictive"

    @property
    def goes_by_counters(self) -> bool:
        """Whether it needs the counters of the channel's classes."""
        return self in (ResizePolicy.MEASURED, ResizePolicy.PREDICTIVE)


class ChannelRange(Value):
    """The rates of an elastic channel in one direction: never below `committed`, never above `peak`."""

    committed_bps: Rate
    peak_bps: PositiveRate
    queue_bytes: PositiveSize

    @model_validator(mode="after")
    def _ordered(self) -> "ChannelRange":
        if self.peak_bps < self.committed_bps:
            raise FieldError("peak", "is below committed; a channel's peak is at least what it is promised")
        return self


class ChannelRequest(Value):
    """The elastic channel that a session asks for.

    Under the signalled policy the rate is what sends the largest burst of the scene (a video frame,
    a command) within `serialisation`; under the measured and predictive ones, what sends all that waits
    within it. Growing precedes the load; shrinking waits `hold` after the demand fell, so that a short
    dip costs nothing.

    `priority` 1 goes first: a request that `preempts` and whose committed rates do not fit takes them
    from channels of a lower priority. Of what is not committed, a channel has its share by `weight`.
    A path whose distance alone exceeds `delay_budget` is refused. After `lifetime`, counted from its
    opening, the channel expires.
    """

    policy: ResizePolicy = ResizePolicy.SIGNALLED
    downstream: ChannelRange
    upstream: ChannelRange
    serialisation_ns: Period
    hold_ns: Duration
    priority: Annotated[int, Field(ge=1, le=100)] = 50
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    preempts: bool = False
    delay_budget_ns: Period | None = None
    lifetime_ns: Period | None = None

    def towards(self, direction: Direction) -> ChannelRange:
        """The range of rates in one direction."""
        return self.downstream if direction is Direction.DOWNSTREAM else self.upstream


class Channels(Value):
    """What holds for all elastic channels of a network.

    `provisioning` passes between the admission of a channel and its opening: 3 minutes in the trial of
    China Telecom, as reported by the press (2025). Every `sample` the counters of the classes are read
    for the policies that need them.
    """

    provisioning_ns: Duration = 0
    sample_ns: Annotated[Duration, Field(ge=1_000_000)] = 5_000_000
