"""How long every job that lost its node was without service, and of which parts that time is made."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.model.base import ACROSS
from testbed.record.events import JobRecovered
from testbed.record.logs import EventLog
from testbed.record.streams import ReceivedLog, SentLog


@dataclass(slots=True)
class _Open:
    """A job without service; instants of the last promotion, as far as it has come."""

    fault_ns: int
    detected_ns: int | None = None
    ordered_ns: int | None = None
    moved_ns: int | None = None
    ready_ns: int | None = None
    node: str = ""
    epoch: int = 0


class Recoveries:
    """Opened by faults, closed by the first answer or frame afterwards; `stream_of` names a job's stream."""

    def __init__(self, events: EventLog, stream_of: Callable[[str], str]) -> None:
        self._events, self._stream_of = events, stream_of
        self._open: dict[str, _Open] = {}
        self._closed: list[tuple[str, int, int | None]] = []

    def lost(self, job: str, at_ns: int) -> None:
        """A job's node breaks; nothing new if the job is without service already."""
        self._open.setdefault(job, _Open(at_ns))

    def spared(self, job: str) -> None:
        """A job's node is whole again and was never given up: the job has not moved."""
        found = self._open.get(job)
        if found is not None and found.detected_ns is None:
            del self._open[job]

    def detected(self, job: str, at_ns: int) -> None:
        """The job's node is given up; one that was whole, and only silent, is lost from here on."""
        found = self._open.setdefault(job, _Open(at_ns))
        self._open[job] = _Open(found.fault_ns, detected_ns=at_ns)

    def ready(self, job: str, node: str, epoch: int, ordered_ns: int, moved_ns: int, ready_ns: int) -> None:
        """The job may serve on its new node: when the order and the state had come, and its restart."""
        found = self._open.get(job)
        if found is not None and found.detected_ns is not None:
            found.ordered_ns, found.moved_ns, found.ready_ns = ordered_ns, moved_ns, ready_ns
            found.node, found.epoch = node, epoch

    def served(self, job: str, epoch: int, first_ns: int, now_ns: int) -> None:
        """The first answer or frame of an epoch has come: the job is recovered, if it was lost."""
        found = self._open.get(job)
        if found is None or found.epoch != epoch or found.ready_ns is None:
            return
        assert found.detected_ns is not None
        assert found.ordered_ns is not None
        assert found.moved_ns is not None
        del self._open[job]
        self._closed.append((job, found.fault_ns, first_ns))
        event = JobRecovered(
            job=job,
            node=found.node,
            epoch=epoch,
            recovery_ns=first_ns - found.fault_ns,
            detection_ns=found.detected_ns - found.fault_ns,
            decision_ns=found.ordered_ns - found.detected_ns,
            transfer_ns=found.moved_ns - found.ordered_ns,
            restart_ns=found.ready_ns - found.moved_ns,
            first_request_ns=first_ns - found.ready_ns,
        )
        self._events.write(event, now_ns)

    def over(self, job: str) -> None:
        """A job is over; one that has not recovered by now never will."""
        found = self._open.pop(job, None)
        if found is not None:
            self._closed.append((job, found.fault_ns, None))

    def write(self, logs: Path) -> None:
        """Write the streams, at the end: a row for each loss, without an arrival if it lasted."""
        for job in [*self._open]:
            self.over(job)
        streams: dict[str, list[tuple[int, int | None]]] = {}
        for job, fault_ns, first_ns in sorted(self._closed, key=lambda each: (each[1], each[0])):
            streams.setdefault(self._stream_of(job), []).append((fault_ns, first_ns))
        for session, losses in streams.items():
            with (
                SentLog(logs, session=session, measure="recovery", direction=ACROSS) as sent,
                ReceivedLog(logs, session=session, measure="recovery", direction=ACROSS) as received,
            ):
                for number, (fault_ns, _) in enumerate(losses):
                    sent.write(number, 0, fault_ns)
                arrivals = [(first_ns, number) for number, (_, first_ns) in enumerate(losses) if first_ns]
                for first_ns, number in sorted(arrivals):
                    received.write(number, first_ns)
