"""What nodes have to be told when a job's place changes. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from testbed.driver.jobs import NOWHERE, Assigned
from testbed.model.job import Job


@dataclass(frozen=True, slots=True)
class Order:
    """Something that a node's agent is to do."""

    node: str
    fields: dict[str, Any]


def orders(
    name: str, job: Job, before: Assigned, after: Assigned, sources: Callable[[str | None], list[str]]
) -> Iterator[Order]:
    """The orders that take a job from one assignment to the next.

    `sources` has the addresses from which a job's state can be fetched, given the node that runs it, if
    that is alive. A job that is placed for the first time has no state yet and starts at once.
    """
    kept = {after.node, after.backup}
    for node in dict.fromkeys((before.node, before.backup)):
        if node is not None and node not in kept:
            yield Order(node, {"kind": "drop", "job": name, "epoch": before.epoch})
    if after.node is not None and after.epoch != before.epoch:
        is_first = before == NOWHERE
        yield Order(
            after.node,
            {
                "kind": "serve",
                "job": name,
                "epoch": after.epoch,
                "sources": [] if is_first else sources(None),
                "state_bytes": job.state_bytes,
                "restart_ns": 0 if is_first else job.restart_ns,
            },
        )
    if after.backup is not None and after.backup != before.backup:
        yield Order(
            after.backup,
            {
                "kind": "hold",
                "job": name,
                "epoch": after.epoch,
                "sources": sources(after.node),
                "state_bytes": job.state_bytes,
            },
        )
