"""What broke in a variant, and what became of its jobs and sessions: from its events to numbers.

Which of these things happened is the events' to say; a run in which nothing breaks has none of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict

from testbed.applications.game.events import SessionGap
from testbed.record.event import RecordedEvent
from testbed.record.events import FaultBegan, FaultRepaired, JobEvicted, JobPlaced, JobPromoted, JobRecovered

RecoveryPart = Literal["detection_ns", "decision_ns", "transfer_ns", "restart_ns", "first_request_ns"]

RECOVERY_PARTS: tuple[RecoveryPart, ...]
RECOVERY_PARTS = ("detection_ns", "decision_ns", "transfer_ns", "restart_ns", "first_request_ns")
"""What a recovery is made of, in order; together they are `recovery_ns`."""


class FaultSummary(TypedDict):
    """One fault: `what` in words, and from when until when, null if until the end of the run.

    `in_fabric` is whether it is a plane's or a link's.
    """

    fault: str
    what: str
    in_fabric: bool
    at_ns: int
    repaired_at_ns: int | None


class RecoverySummary(TypedDict):
    """One job that serves again, when and where, and how long each part of that took since the fault."""

    job: str
    node: str
    epoch: int
    at_ns: int
    recovery_ns: int
    detection_ns: int
    decision_ns: int
    transfer_ns: int
    restart_ns: int
    first_request_ns: int


class GapSummary(TypedDict):
    """A time without a frame at a player, until another node took over, and the frames that fell into it."""

    session: str
    gap_ns: int
    frames_due: int
    frames_missed: int


class RefusalSummary(TypedDict):
    """An entry of a scenario that did not run, because there was no node for it."""

    what: str
    name: str
    at_ns: int
    reason: str


class PlacementSummary(TypedDict):
    """All jobs of a variant.

    `placed` were given a node at some time; `refused` got none and did not wait; `waiting` had none when they
    ended, or the run did; of `lost` ones the node failed and nothing was decided after that. `promoted` and
    `evicted` count what happened, not jobs.
    """

    placed: int
    refused: int
    waiting: int
    lost: int
    promoted: int
    evicted: int


def faults(events: Iterable[RecordedEvent]) -> list[FaultSummary]:
    """Every fault, in the order of the events."""
    found: list[FaultSummary] = []
    for each in events:
        match each.event:
            case FaultBegan() as began:
                fault = FaultSummary(
                    fault=began.fault,
                    what=broken(began.as_json()),
                    in_fabric=began.plane is not None or began.link is not None,
                    at_ns=each.at_ns,
                    repaired_at_ns=None,
                )
                found.append(fault)
            case FaultRepaired(fault=name):
                for fault in found:
                    if fault["fault"] == name and fault["repaired_at_ns"] is None:
                        fault["repaired_at_ns"] = each.at_ns
    return found


def broken(fault: Mapping[str, object]) -> str:
    """What a fault breaks, in words: "node npu3", "npu3 isolated", "plane 2", "npu3 to plane 2"."""
    link = fault.get("link")
    if isinstance(link, Mapping):
        return f"{link['node']} to plane {link['plane']}"
    if fault.get("plane") is not None:
        return f"plane {fault['plane']}"
    if fault.get("isolated") is not None:
        return f"{fault['isolated']} isolated"
    return f"node {fault['node']}"


def recoveries(events: Iterable[RecordedEvent]) -> list[RecoverySummary]:
    """Every job that served again, in the order of the events."""
    return [
        RecoverySummary(
            job=event.job,
            node=event.node,
            epoch=event.epoch,
            at_ns=each.at_ns,
            recovery_ns=event.recovery_ns,
            detection_ns=event.detection_ns,
            decision_ns=event.decision_ns,
            transfer_ns=event.transfer_ns,
            restart_ns=event.restart_ns,
            first_request_ns=event.first_request_ns,
        )
        for each in events
        if isinstance(event := each.event, JobRecovered)
    ]


def gaps(events: Iterable[RecordedEvent]) -> list[GapSummary]:
    """The gaps of all sessions, in the order of the events."""
    return [
        GapSummary(
            session=gap.session,
            gap_ns=gap.gap_ns,
            frames_due=gap.frames_due,
            frames_missed=gap.frames_missed,
        )
        for each in events
        if isinstance(gap := each.event, SessionGap)
    ]


def refusals(events: Iterable[RecordedEvent]) -> list[RefusalSummary]:
    """Everything that did not run for lack of a node, in the order of the events."""
    return [
        RefusalSummary(
            what=each.event.refuses,
            name=getattr(each.event, each.event.refuses),
            at_ns=each.at_ns,
            reason=getattr(each.event, "reason", ""),
        )
        for each in events
        if each.event.refuses
    ]


def placement(
    events: Sequence[RecordedEvent], jobs: Mapping[str, Mapping[str, str | None]]
) -> PlacementSummary:
    """The jobs counted; `jobs` are those of `timeline.jobs`."""
    decided = [each.event for each in events]
    states = [job["state"] for job in jobs.values()]
    return PlacementSummary(
        placed=len({event.job for event in decided if isinstance(event, JobPlaced)}),
        refused=states.count("refused"),
        # Only what waits is ever cancelled: at its own end.
        waiting=states.count("waiting") + states.count("cancelled"),
        lost=states.count("lost"),
        promoted=sum(isinstance(event, JobPromoted) for event in decided),
        evicted=sum(isinstance(event, JobEvicted) for event in decided),
    )
