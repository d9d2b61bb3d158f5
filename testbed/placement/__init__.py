"""The node scheduler: filter, score, reserve; every node's score or the reason against it. Pure.

What becomes of jobs when a node fails is not here. The state is ready for it: a node has a health and a
failure domain, and a running job has a backup whose capacity is reserved.
"""

from testbed.placement.delays import Delays
from testbed.placement.job import BadJobError, DuplicateJobError, JobError, JobRequest, UnknownJobError
from testbed.placement.scheduler import Completed, Placed, Refused, complete, place
from testbed.placement.scoring import Score
from testbed.placement.state import Node, Occupancy, Phase, PlacementState, Status, Task

__all__ = [
    "BadJobError",
    "Completed",
    "Delays",
    "DuplicateJobError",
    "JobError",
    "JobRequest",
    "Node",
    "Occupancy",
    "Phase",
    "Placed",
    "PlacementState",
    "Refused",
    "Score",
    "Status",
    "Task",
    "UnknownJobError",
    "complete",
    "place",
]
