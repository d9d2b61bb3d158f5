"""What runs on compute nodes: jobs, one with each session or service, and groups of jobs by themselves."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from testbed.model.base import Duration, Name, Size, Value
from testbed.model.carriers import MOST_COUNT
from testbed.model.span import Span

Share = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class JobKind(StrEnum):
    """What a job does."""

    RENDER = "render"
    INFERENCE = "inference"
    TRAINING = "training"


class Job(Value):
    """The compute that something needs on one node, in the units of the nodes' capacity.

    A job of a higher `priority` is placed first when several wait. A backup keeps `state` in step with its
    job; who takes over has to have it, and then needs `restart` before it serves. `backup` says whether
    the job wants one where the scenario's placement does not decide.
    """

    weight: Annotated[int, Field(ge=1, le=MOST_COUNT)]
    """In the units of the nodes' `capacity`; no more than the largest node has."""
    kind: JobKind = JobKind.RENDER
    """What it does."""
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    """Of several jobs that wait the highest goes first."""
    backup: bool | None = None
    """Whether a second node keeps its capacity free; without it `placement.backup` says so."""
    state_bytes: Size = 0
    """What a node has to have before it takes over. A backup fetches it once, from the job's node."""
    restart_ns: Duration = 0
    """From then until the job serves."""


class Requests(Value):
    """Small requests to each job of a group, and its answers: what shows that a job serves."""

    source: Name
    """The host that asks."""
    interval_ns: Annotated[Duration, Field(ge=100_000)] = 10_000_000
    """Between two requests to one job."""
    size_bytes: Annotated[Size, Field(ge=64, le=1400)] = 100
    """Of a request and of its answer."""


class JobGroup(Span):
    """So many equal jobs NAME1, NAME2, …, without a session: what keeps nodes busy, and what may be lost.

    `partners` are stations, or groups of jobs, with the share of traffic that goes there.
    """

    job: Job
    """What each of them needs."""
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many."""
    starts_at_ns: Duration = Field(alias="starts")
    """When they are placed."""
    ends_at_ns: Duration = Field(alias="ends")
    """When they are completed."""
    partners: dict[Name, Share] = Field(default_factory=dict)
    """Shares of their traffic, by host or group of jobs, for placement; without any they belong near whoever
    sends requests."""
    requests: Requests | None = None
    """Requests to each of them."""

    def jobs_of(self, name: str) -> tuple[str, ...]:
        """The names of the jobs, where the group has this name: NAME1, NAME2, …"""
        return tuple(f"{name}{number}" for number in range(1, self.count + 1))
