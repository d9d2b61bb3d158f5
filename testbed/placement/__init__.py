"""The node scheduler: filter, score, reserve; backups, failover and fencing. Pure.

`Scheduler` is all of it; docs/placement.md tells how it decides.
"""

from testbed.placement.delays import Delays, MatrixDelays, PairDelays, TierDelays
from testbed.placement.fleet import Node
from testbed.placement.job_request import (
    BadJobError,
    DuplicateJobError,
    JobError,
    JobRequest,
    UnknownJobError,
    UnknownNodeError,
    Wanted,
)
from testbed.placement.node_choice import NodeChoice, NodeScore, Question
from testbed.placement.outcomes import (
    BackupChosen,
    Cancelled,
    Completed,
    Evicted,
    JobPlacement,
    Outcome,
    Promoted,
    Queued,
    Refused,
)
from testbed.placement.scheduler import Scheduler
from testbed.placement.task import Phase, SchedulerStatus, Task

__all__ = [
    "BackupChosen",
    "BadJobError",
    "Cancelled",
    "Completed",
    "Delays",
    "DuplicateJobError",
    "Evicted",
    "JobError",
    "JobPlacement",
    "JobRequest",
    "MatrixDelays",
    "Node",
    "NodeChoice",
    "NodeScore",
    "Outcome",
    "PairDelays",
    "Phase",
    "Promoted",
    "Question",
    "Queued",
    "Refused",
    "Scheduler",
    "SchedulerStatus",
    "Task",
    "TierDelays",
    "UnknownJobError",
    "UnknownNodeError",
    "Wanted",
]
