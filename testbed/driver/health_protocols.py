"""What the driver needs of the program that watches over compute nodes, which it does not know."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from testbed.host.clock import Clock
from testbed.host.control import Control


class BreakableNetwork(Protocol):
    """A network whose interfaces can be cut, by their names in the plan; KernelError if refused."""

    def prepare_faults(self, interfaces: Iterable[str]) -> None: ...
    def cut(self, interfaces: Iterable[str]) -> None: ...
    def mend(self, interfaces: Iterable[str]) -> None: ...


class HealthPrograms(Protocol):
    """Makes the one program of the monitor, the agents of all nodes and those who send requests."""

    @property
    def monitor(self) -> str:
        """The host of the monitor."""
        ...

    def address(self, host: str) -> str:
        """A host's address."""
        ...

    def state_addresses(self, node: str) -> list[str]:
        """The addresses at which a node hands state over, the fastest way first."""
        ...

    def health(self, clock: Clock, control: Control, logs: Path) -> Callable[[], None]: ...
