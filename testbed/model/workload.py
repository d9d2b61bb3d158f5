"""Workloads that installed packages bring: traffic of their own kind between two hosts."""

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from testbed.model.base import Name
from testbed.model.extended import known, offered
from testbed.model.span import Span
from testbed.plugins import Kind

WORKLOADS = Kind(group="testbed.workloads", noun="workload")

WorkloadKindName = Annotated[Name, known(WORKLOADS), offered(WORKLOADS)]


class StreamMeasure(StrEnum):
    """What a workload may record: single packets, and whatever it calls a message."""

    PACKET = "packet"
    MESSAGE = "message"


class Stream(NamedTuple):
    """One stream of a workload: from its source to its destination, or `back`."""

    measure: StreamMeasure
    back: bool = False


class Workload(Span):
    """Traffic of a kind that an installed package brings, between a host of a home and a compute node.

    It counts as a flow: its packets are measured, and so is its throughput.
    """

    kind: WorkloadKindName
    """By the name that the package gives it."""
    source: Name
    """A host of a home, or a compute node."""
    destination: Name
    """A host on the other side of the access network."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """What the kind asks for."""
