"""The order of what is due at one instant of a run.

Instants of a scenario are often round, so that an end and a beginning fall on the same one. What ends there
gives back what it holds before anything asks for it. A repair precedes a fault: a node that is mended and
broken at one instant is broken after it. Nodes are given to jobs last, when all that ends has ended and all
that begins has asked. Spans are without their last instant: a flow sends nothing at its end, and a job is
over then. Requests that arrive over the network, as an API's to extend a channel, come after all timers of
their instant; a channel that expires then is gone, and cannot be extended any more.

The controller of channels holds the same order by itself: whatever is due by an instant, lifetimes that end
first, precedes the event of that instant.
"""

from enum import IntEnum


class Due(IntEnum):
    """Of timers of one instant those of a lower rank are called first, of one rank as they were asked for."""

    END = -3
    """Sessions, services, models and groups of jobs end; lifetimes of channels end."""
    REPAIR = -2
    FAULT = -1
    BEGIN = 0
    """Whatever begins asks for its node and its channel, and everything else."""
    PLACE = 1
    """The scheduler decides what was asked for, together with what waits."""
