"""What the scheduler has decided, each with its kind and its fields for events.jsonl."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    kind: ClassVar[str]

    job: str

    @property
    def fields(self) -> dict[str, object]:
        """What events.jsonl says of it, beside the kind and the instant."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlacement(_Outcome):
    """The job runs on `node`, as the holder of `epoch`; `scores` has the best nodes that could take it.

    `rejected` says why others could not. Both, and the reason, are empty where none were asked for.
    """

    kind: ClassVar[str] = "job.place"

    node: str
    backup: str | None
    epoch: int
    scores: Mapping[str, float]
    rejected: Mapping[str, str]
    reason: str

    @property
    def fields(self) -> dict[str, object]:
        """What events.jsonl says of it, beside the kind and the instant."""
        return {
            "job": self.job,
            "node": self.node,
            "backup": self.backup,
            "reason": self.reason,
            "scores": dict(self.scores),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Outcome):
    """No node can take the job; `rejected` says why not, node by node. It may be placed again."""

    kind: ClassVar[str] = "job.refuse"

    reason: str
    rejected: Mapping[str, str]

    @property
    def fields(self) -> dict[str, object]:
        """What events.jsonl says of it, beside the kind and the instant."""
        return {"job": self.job, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(_Outcome):
    """No node can take the job now; it waits, and is tried again when there is room."""

    kind: ClassVar[str] = "job.queue"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(_Outcome):
    """The job is done; its node, and the reservation on its backup, are free again."""

    kind: ClassVar[str] = "job.complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(_Outcome):
    """The job was given up, whether it ran or waited."""

    kind: ClassVar[str] = "job.cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted(_Outcome):
    """The backup has become the node that runs the job; only the holder of `epoch` may serve."""

    kind: ClassVar[str] = "job.promote"

    failed: str
    node: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evicted(_Outcome):
    """The job has lost its node, and had no backup: it waits, and may be placed again under its name."""

    kind: ClassVar[str] = "job.evict"

    failed: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupChosen(_Outcome):
    """A running job has another backup; None if it lost the one it had and no other is possible now."""

    kind: ClassVar[str] = "job.backup"

    backup: str | None
    reason: str


Outcome = JobPlacement | Refused | Queued | Completed | Cancelled | Promoted | Evicted | BackupChosen
