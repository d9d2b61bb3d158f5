"""What breaks in a run and when, and how the node scheduler finds out."""

from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import Duration, FieldError, Name, Value
from testbed.model.network import MOST_PLANES
from testbed.units import DURATION

Heartbeat = Annotated[Duration, Field(ge=100_000)]
"""Between two heartbeats of a node: a program in Python sends about ten thousand packets a second."""


class FabricLink(Value):
    """The link between a node and one plane of its fabric, counted from 1."""

    node: Name
    """Its one end, a compute node."""
    plane: Annotated[int, Field(ge=1, le=MOST_PLANES)]
    """Its other end."""


class Fault(Value):
    """Something that breaks at an instant, and is whole again at another if `repaired` says so.

    One of four: a `node` dies, its programs with it, and comes back empty; a node is `isolated`, cut off
    and alive; a `plane` of the fabric carries nothing; a `link` of one node to one plane carries nothing.
    Nobody is told: whatever is sent there is silently lost.
    """

    at_ns: Duration
    """When it breaks."""
    repaired_ns: Duration | None = None
    """When it is whole again; a node comes back empty."""
    node: Name | None = None
    """A compute node that dies, and with it the programs of sessions and jobs there; others are cut off."""
    isolated: Name | None = None
    """A compute node that is cut off and alive."""
    plane: Annotated[int, Field(ge=1, le=MOST_PLANES)] | None = None
    """Carries nothing: a plane of the fabric."""
    link: FabricLink | None = None
    """Carries nothing: one node's link to one plane."""

    @model_validator(mode="after")
    def _one_thing(self) -> "Fault":
        broken = [key for key in ("node", "isolated", "plane", "link") if getattr(self, key) is not None]
        if len(broken) != 1:
            said = " and ".join(broken) if broken else "nothing"
            raise FieldError(
                broken[1] if broken else "node", f"{said}: write one of node, isolated, plane, link"
            )
        if self.repaired_ns is not None and self.repaired_ns <= self.at_ns:
            raise FieldError("repaired", f"is not after at, {DURATION.format(self.at_ns)}")
        return self


class Health(Value):
    """How failures of nodes are noticed: heartbeats over the emulated network to the host `monitor`.

    A node is given up when nothing has come from it for `missed` heartbeats, or for two heartbeats and what
    full queues on its way can add, if that is longer. A node that was not answered for as long, and its
    way's time, stops serving: its lease is over before another node takes its jobs. Without a `monitor` it
    is the network's controller.
    """

    monitor: Name | None = None
    """The host that watches; without it the network's controller."""
    heartbeat_ns: Heartbeat = 10_000_000
    """From one heartbeat of a node to the next; those of all nodes are spread over it."""
    missed: Annotated[int, Field(ge=2, le=1000)] = 3
    """When so many heartbeats in a row are missing, the node is given up; from 2, because with 1 a heartbeat
    that comes a nanosecond late would do."""

    @property
    def silence_ns(self) -> int:
        """How long a node may be silent before it is given up, if nothing on its way can add more."""
        return int(self.heartbeat_ns) * self.missed
