"""What the driver needs of the parts that it does not know: the running network, and programs for it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from testbed.applications.flows.model import Flow
from testbed.applications.game.model import Session
from testbed.driver.health_protocols import BreakableNetwork, HealthPrograms
from testbed.driver.workload_protocols import WorkloadPrograms
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.model.base import Direction
from testbed.plan.network_plan import Match, NetworkPlan, ShapedClass


class Counted(Protocol):
    """The counters of a class."""

    @property
    def sent_bytes(self) -> int: ...
    @property
    def backlog_bytes(self) -> int: ...
    @property
    def dropped_packets(self) -> int: ...
    @property
    def rate_bps(self) -> int | None: ...


class CountedQueue(Protocol):
    """What a queue did to its packets, and the kernel's name of its discipline."""

    @property
    def kind(self) -> str: ...
    @property
    def marks(self) -> int: ...
    @property
    def dropped_packets(self) -> int: ...


class RunningNetwork(BreakableNetwork, Protocol):
    """A realised plan; every method raises KernelError if the kernel refuses."""

    @property
    def plan(self) -> NetworkPlan: ...
    def open(self, direction: Direction, shaped: ShapedClass, matches: Sequence[Match]) -> None: ...
    def resize(self, direction: Direction, *classes: ShapedClass) -> None: ...
    def unmatch(self, direction: Direction, order: int) -> None: ...
    def remove(self, direction: Direction, shaped: ShapedClass) -> None: ...
    def counters(self, direction: Direction) -> Mapping[int, Counted]: ...
    def queue_counters(self, direction: Direction, minor: int) -> CountedQueue: ...
    def send_ect1(self, source: str, destination: str, port: int) -> None: ...
    def fork(self, host: str, program: Callable[[], None]) -> int: ...
    def inside(self, host: str) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A session that has its node: all that its programs need to know.

    `epoch` counts its nodes, and the programs of a further one go on `from_ns`; `moves` says whether there
    can be one.
    """

    name: str
    session: Session
    node: str
    first_port: int
    epoch: int = 1
    from_ns: int | None = None
    moves: bool = False


class MessageLine(Protocol):
    """One end of a line that carries JSON objects in both directions."""

    def fileno(self) -> int: ...
    def send(self, message: dict[str, Any]) -> None: ...
    def receive(self) -> list[dict[str, Any]]:
        """All that has come whole; EOFError when the other end is closed."""
        ...


class Programs(Protocol):
    """Makes the programs that run on hosts; each result is run in a forked process on its host."""

    @property
    def health(self) -> HealthPrograms: ...
    @property
    def workloads(self) -> WorkloadPrograms: ...
    def olt(self, clock: Clock, control: Control) -> Callable[[], None]: ...
    def northbound(self, control: Control) -> Callable[[], None]: ...
    def application(self, placed: Placed, clock: Clock, control: Control) -> Callable[[], None]: ...
    def at_node(self, placed: Placed, clock: Clock, control: Control, logs: Path) -> Callable[[], None]: ...
    def at_home(self, placed: Placed, clock: Clock, control: Control, logs: Path) -> Callable[[], None]: ...
    def source(
        self, name: str, flow: Flow, port: int, clock: Clock, control: Control, logs: Path
    ) -> Callable[[], None]: ...
    def sink(
        self, name: str, flow: Flow, port: int, clock: Clock, control: Control, logs: Path
    ) -> Callable[[], None]: ...
