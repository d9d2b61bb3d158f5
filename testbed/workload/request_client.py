"""Who asks the jobs of a group for answers, one small request at a time: what shows that a job serves.

A request goes where the client was last told that the job is, in the epoch that it has there; an answer of
another epoch is no answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from testbed.host.loop import Loop
from testbed.model.base import ACROSS
from testbed.model.job import Requests
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload import health_wire as wire
from testbed.workload.endpoint import Address, Endpoint


@dataclass(slots=True)
class _Place:
    ip: str | None
    epoch: int
    is_served: bool = False


class RequestClient:
    """Of one group; `tell` tells the driver of a job's first answer in each epoch."""

    def __init__(
        self, loop: Loop, ip: str, port: int, requests: Requests, sent: SentLog, received: ReceivedLog,
        tell: Callable[..., None],
    ) -> None:  # fmt: skip
        self._loop, self._requests, self._tell = loop, requests, tell
        self._sent_log, self._received_log = sent, received
        self._places: dict[str, _Place] = {}
        self._asking: set[str] = set()
        self._asked: dict[int, tuple[str, int]] = {}
        self._sent = 0
        self._endpoint = Endpoint(loop, ip, port, self._hear)

    @staticmethod
    def streams(group: str) -> dict[str, str]:
        """How a group's requests are logged."""
        return {"session": group, "measure": "request", "direction": ACROSS}

    def start(self) -> None:
        """Nothing: a client is told of its jobs."""

    def _hear(self, payload: bytes, sender: Address) -> None:
        if payload[:1] == wire.ORDER:
            self._informed(wire.read_written(payload), sender)
            return
        job, epoch, number = wire.read_asked(payload)
        place = self._places.get(job)
        if place is None or place.epoch != epoch or self._asked.pop(number, None) != (job, epoch):
            return
        now_ns = self._loop.clock.now_ns()
        self._received_log.write(number, now_ns)
        if not place.is_served:
            place.is_served = True
            self._tell("served", job=job, epoch=epoch, at_ns=now_ns)

    def _informed(self, news: dict[str, Any], sender: Address) -> None:
        self._endpoint.send(wire.written(wire.ACKNOWLEDGEMENT, {"number": news["number"]}), sender)
        job, epoch, ip = news["job"], news["epoch"], news["ip"]
        present = self._places.get(job)
        # Of one epoch the end comes after the beginning; what is older was on its way for long.
        if present is not None and (present.epoch > epoch or (present.epoch == epoch and ip is not None)):
            return
        self._places[job] = _Place(ip, epoch)
        if ip is not None and job not in self._asking:
            self._asking.add(job)
            self._ask(job)

    def _ask(self, job: str) -> None:
        place = self._places[job]
        now_ns = self._loop.clock.now_ns()
        if place.ip is None:
            self._asking.discard(job)
            return
        payload = wire.asked(wire.REQUEST, job, place.epoch, self._sent, self._requests.size_bytes)
        self._asked[self._sent] = job, place.epoch
        self._sent_log.write(self._sent, len(payload), now_ns)
        self._endpoint.send(payload, (place.ip, wire.AGENT_PORT))
        self._sent += 1
        self._loop.at(now_ns + self._requests.interval_ns, partial(self._ask, job))

    def close(self) -> None:
        """Ask no more, and close the logs."""
        self._endpoint.close()
        self._sent_log.close()
        self._received_log.close()
