"""What the driver needs of the programs of inference services, which it does not know."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from testbed.host.clock import Clock
from testbed.host.control import Control


class ServingPrograms(Protocol):
    """Makes the programs of services and of their clients, each to be run in a forked process on its host."""

    def address(self, service: str, node: str) -> tuple[str, int]:
        """Where a service is reached while it is on a node: address and TCP port."""
        ...

    def server(self, service: str, node: str, clock: Clock, control: Control) -> Callable[[], None]: ...
    def client(
        self, service: str, clients: str, node: str, clock: Clock, control: Control, logs: Path
    ) -> Callable[[], None]: ...
