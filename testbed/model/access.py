"""What a home has subscribed to: rates and queues of its access, by direction."""

from pydantic import model_validator

from testbed.model.base import CarriedRate, Direction, FieldError, QueueSize, Rate, Value
from testbed.model.pon import Aqm


class Subscription(Value):
    """What every home has in one direction whatever else happens.

    `rate` is the most it can use, `committed` what the PON holds for it, `queue` the bytes that may
    wait: a long queue is the usual cause of delay on an access link. `aqm` keeps it shorter than that.
    """

    rate_bps: CarriedRate
    """The most that a home can use."""
    committed_bps: Rate
    """What the PON holds for the home whatever others do; `0 bit/s` for nothing, and at most `rate`."""
    queue_bytes: QueueSize
    """The bytes that may wait for the home; a full queue delays by queue ÷ rate."""
    aqm: Aqm = Aqm.FIFO
    """How the queue keeps itself short."""

    @model_validator(mode="after")
    def _ordered(self) -> "Subscription":
        if self.committed_bps > self.rate_bps:
            raise FieldError("committed", "is above rate; a home cannot be promised more than it may use")
        return self


class Access(Value):
    """The subscription of every home, by direction."""

    downstream: Subscription
    upstream: Subscription

    def towards(self, direction: Direction) -> Subscription:
        """The subscription in one direction."""
        return self.downstream if direction is Direction.DOWNSTREAM else self.upstream
