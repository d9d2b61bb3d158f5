"""Elastic channels as a scenario asks for them: rates per direction, and the policy that resizes them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import CarriedRate, Direction, Duration, FieldError, Name, QueueSize, Value
from testbed.model.extended import known, offered
from testbed.plugins import Kind

Period = Annotated[Duration, Field(gt=0)]


class ResizePolicy(StrEnum):
    """How a channel's rate is chosen, of the policies that are shipped.

    Static: it is the committed rate. Signalled: from the scene that the application says it is in.
    Measured: from what the channel's class has sent and has waiting, without the application's help.
    Predictive: as measured, and ahead of a scene that has come before in the same order.
    """

    STATIC = "static"
    SIGNALLED = "signalled"
    MEASURED = "measured"
    PREDICTIVE = "predictive"


CHANNEL_POLICIES = Kind(
    group="testbed.channel_policies", noun="channel policy", shipped=tuple(map(str, ResizePolicy))
)
"""The shipped ones, and those of installed packages; what they do is in `testbed.channel.policy_registry`."""

ChannelPolicyName = Annotated[Name, known(CHANNEL_POLICIES, ResizePolicy), offered(CHANNEL_POLICIES)]


class ChannelRange(Value):
    """The rates of an elastic channel in one direction: never below `committed`, never above `peak`."""

    committed_bps: CarriedRate
    """Never below; if this does not fit beside what is promised already, the channel is refused."""
    peak_bps: CarriedRate
    """Never above; at least `committed`. Must fit the PON and every link that the session cannot avoid."""
    queue_bytes: QueueSize
    """The bytes that may wait in the channel."""

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

    policy: ChannelPolicyName = ResizePolicy.SIGNALLED
    """How its rates are chosen."""
    downstream: ChannelRange
    upstream: ChannelRange
    serialisation_ns: Period
    """The largest frame (or command) of a scene, or all that waits, is to be sent within this; sets the rate
    wanted."""
    hold_ns: Duration
    """How long a lower demand must last before the channel shrinks; of `measured` and `predictive` at least
    `channels.sample`."""
    priority: Annotated[int, Field(ge=1, le=100)] = 50
    """1 goes first, in preempting."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Its share, beside others, of what is not committed."""
    preempts: bool = False
    """Whether it takes its committed rates, where they do not fit, from channels of a lower priority, which
    end."""
    delay_budget_ns: Period | None = None
    """It is refused where the path without any queue takes longer."""
    lifetime_ns: Period | None = None
    """It ends so long after its opening, and the session goes on without it."""

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
    """From the admission of a channel, which holds its committed rates, to its opening; 3 minutes in the
    trial of China Telecom, as reported by the press (2025)."""
    sample_ns: Annotated[Duration, Field(ge=1_000_000)] = 5_000_000
    """From reading to reading of the counters, for the policies that go by them."""
