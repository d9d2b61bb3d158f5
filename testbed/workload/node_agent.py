"""The agent of a compute node: sends heartbeats, takes orders, holds state, serves while its lease holds.

A job is held (as its backup), being taken over (its state comes, then it restarts), or served. When the lease
is over the agent drops all of them and begins its next boot, empty.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from testbed.host.loop import Loop
from testbed.workload import health_wire as wire
from testbed.workload.endpoint import Address, Endpoint
from testbed.workload.lease import Lease
from testbed.workload.state_transfer import StateFetch, StateServer


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlace:
    """Where an agent is: its node, the number by which heartbeats name it, its address and its monitor's.

    `first_ns` is the instant of its first heartbeat: those of many nodes are spread over the interval.
    Whoever hands state over is `round_trip_ns` away at most.
    """

    node: str
    number: int
    ip: str
    monitor_ip: str
    heartbeat_ns: int
    lease_ns: int
    first_ns: int
    round_trip_ns: int = 0


@dataclass(slots=True)
class _Job:
    """What is here of a job; `ordered_ns` and `moved_ns` are when the order and all of the state had come."""

    epoch: int
    ordered_ns: int
    has_state: bool
    serves: bool = False
    fetch: StateFetch | None = None


Tell = Callable[..., None]
"""Tells the driver: a kind, and fields by name."""


class NodeAgent:
    """One boot after another of one node's agent; `inside` is its host."""

    def __init__(
        self, loop: Loop, place: AgentPlace, boot: int, inside: Callable[[], AbstractContextManager[None]],
        tell: Tell,
    ) -> None:  # fmt: skip
        self._loop, self._place, self._inside, self._tell = loop, place, inside, tell
        self._lease = Lease(boot, place.lease_ns)
        self._jobs: dict[str, _Job] = {}
        self._is_closed = False
        with inside():
            self._endpoint = Endpoint(loop, place.ip, wire.AGENT_PORT, self._hear)
            self._states = StateServer(loop, self._has_state)

    @property
    def boot(self) -> int:
        """Which of its lives this is, from 1."""
        return self._lease.boot

    def start(self) -> None:
        """Set out to send heartbeats."""
        now_ns, interval_ns = self._loop.clock.now_ns(), self._place.heartbeat_ns
        turns = max(0, -((self._place.first_ns - now_ns) // interval_ns))
        at_ns = self._place.first_ns + turns * interval_ns
        self._loop.at(at_ns, partial(self._beat, at_ns))

    def _beat(self, due_ns: int) -> None:
        if self._is_closed:
            return
        now_ns = self._loop.clock.now_ns()
        if self._lease.is_over(now_ns):
            self._next_boot()
        number = self._lease.beat(now_ns)
        payload = wire.beat(wire.HEARTBEAT, self._place.number, self._lease.boot, number)
        self._endpoint.send(payload, (self._place.monitor_ip, wire.MONITOR_PORT))
        # From due instant to due instant: from the present one the interval would be longer than it says.
        interval_ns = self._place.heartbeat_ns
        next_ns = due_ns + max(1, (now_ns - due_ns) // interval_ns) * interval_ns
        self._loop.at(next_ns, partial(self._beat, next_ns))

    def _hear(self, payload: bytes, sender: Address) -> None:
        match payload[:1]:
            case wire.ANSWER:
                self._renew(payload)
            case wire.ORDER:
                self._ordered(wire.read_written(payload), sender)
            case wire.REQUEST:
                self._asked(payload, sender)

    def _renew(self, payload: bytes) -> None:
        _, boot, number = wire.read_beat(payload)
        had = self._lease.until_ns
        self._lease.answered(boot, number)
        if had is None and self._lease.until_ns is not None:
            self._loop.at(self._lease.until_ns, partial(self._look_at_lease, self._lease.boot))

    def _look_at_lease(self, boot: int) -> None:
        """At the end of a lease, unless it was renewed meanwhile, drop everything and begin the next boot."""
        if self._is_closed or boot != self._lease.boot or self._lease.until_ns is None:
            return
        if not self._lease.is_over(self._loop.clock.now_ns()):
            self._loop.at(self._lease.until_ns, partial(self._look_at_lease, boot))
            return
        self._next_boot()

    def _next_boot(self) -> None:
        for job in [*self._jobs]:
            self._drop(job)
        self._lease = Lease(self._lease.boot + 1, self._place.lease_ns)

    def _ordered(self, order: dict[str, Any], sender: Address) -> None:
        """Carry an order out, and say that it has come; again if it comes again."""
        now_ns = self._loop.clock.now_ns()
        if order["boot"] != self._lease.boot or not self._lease.may_serve(now_ns):
            return
        self._endpoint.send(wire.written(wire.ACKNOWLEDGEMENT, {"number": order["number"]}), sender)
        job, epoch = order["job"], order["epoch"]
        known = self._jobs.get(job)
        match order["kind"]:
            case "drop":
                if known is not None and known.epoch <= epoch:
                    self._drop(job)
            case "hold":
                if known is None:
                    self._jobs[job] = _Job(epoch, now_ns, has_state=False)
                    self._fetch(job, order, lambda: None)
            case "serve":
                if known is None or known.epoch < epoch:
                    self._take_over(job, epoch, order, known)

    def _take_over(self, job: str, epoch: int, order: dict[str, Any], known: _Job | None) -> None:
        now_ns = self._loop.clock.now_ns()
        warm = known is not None and known.has_state
        if known is not None and known.fetch is not None:
            known.fetch.close()
        self._jobs[job] = taken = _Job(epoch, now_ns, has_state=warm)
        restart = partial(self._restart, job, taken, order["restart_ns"])
        if warm:
            restart()
        else:
            self._fetch(job, order, restart)

    def _fetch(self, job: str, order: dict[str, Any], then: Callable[[], None]) -> None:
        """Get a job's state from wherever the order says; without any it is here at once."""
        held = self._jobs[job]

        def arrived() -> None:
            held.has_state, held.fetch = True, None
            then()

        if not order["sources"] or not order["state_bytes"]:
            arrived()
            return
        held.fetch = StateFetch(
            self._loop,
            self._inside,
            order["sources"],
            job,
            order["state_bytes"],
            arrived,
            self._place.round_trip_ns,
        )

    def _restart(self, job: str, taken: _Job, restart_ns: int) -> None:
        moved_ns = self._loop.clock.now_ns()
        self._loop.at(moved_ns + restart_ns, partial(self._serve, job, taken, moved_ns))

    def _serve(self, job: str, taken: _Job, moved_ns: int) -> None:
        if self._is_closed or self._jobs.get(job) is not taken:
            return
        taken.serves = True
        self._tell(
            "serves",
            node=self._place.node,
            job=job,
            epoch=taken.epoch,
            ordered_ns=taken.ordered_ns,
            moved_ns=moved_ns,
            ready_ns=self._loop.clock.now_ns(),
        )

    def _asked(self, payload: bytes, sender: Address) -> None:
        """Answer a request if this node serves the job, in that epoch, and its lease holds."""
        name, epoch, number = wire.read_asked(payload)
        job = self._jobs.get(name)
        if job is None or not job.serves or job.epoch != epoch:
            return
        if self._lease.may_serve(self._loop.clock.now_ns()):
            self._endpoint.send(wire.asked(wire.SERVED, name, epoch, number, len(payload)), sender)

    def _has_state(self, job: str) -> bool:
        return job in self._jobs and self._jobs[job].has_state

    def _drop(self, name: str) -> None:
        job = self._jobs.pop(name)
        if job.fetch is not None:
            job.fetch.close()
        if job.serves:
            self._tell("dropped", node=self._place.node, job=name, epoch=job.epoch)

    def close(self) -> None:
        """Be gone, as when the node dies: nothing is said to anybody."""
        self._is_closed = True
        for job in self._jobs.values():
            if job.fetch is not None:
                job.fetch.close()
        self._jobs.clear()
        self._endpoint.close()
        self._states.close()
