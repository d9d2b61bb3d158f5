"""The node scheduler: filter, score, reserve; every node's score or the reason against it. Pure.

`place` and `complete` are a job's ordinary life; `fail_node` and `return_node` move jobs to their backups and
plan new ones, and `may_serve` keeps a node that was given up from serving.
"""

from testbed.placement.delays import Delays
from testbed.placement.failover import (
    BackupChosen,
    Evicted,
    Promoted,
    cancel,
    fail_node,
    may_serve,
    return_node,
)
from testbed.placement.job import (
    BadJobError,
    DuplicateJobError,
    JobError,
    JobRequest,
    UnknownJobError,
    UnknownNodeError,
)
from testbed.placement.scheduler import Completed, Placed, Refused, complete, place
from testbed.placement.scoring import Score
from testbed.placement.state import Node, Occupancy, Phase, PlacementState, Status, Task

__all__ = [
    "BackupChosen",
    "BadJobError",
    "Completed",
    "Delays",
    "DuplicateJobError",
    "Evicted",
    "JobError",
    "JobRequest",
    "Node",
    "Occupancy",
    "Phase",
    "Placed",
    "PlacementState",
    "Promoted",
    "Refused",
    "Score",
    "Status",
    "Task",
    "UnknownJobError",
    "UnknownNodeError",
    "cancel",
    "complete",
    "fail_node",
    "may_serve",
    "place",
    "return_node",
]
