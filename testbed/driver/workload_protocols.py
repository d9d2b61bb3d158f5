"""What the driver needs of the programs of workloads, which it does not know."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from testbed.host.clock import Clock
from testbed.host.control import Control


class WorkloadPrograms(Protocol):
    """Makes the programs of workloads, each to be run in a forked process on its host."""

    def at_source(self, name: str, clock: Clock, control: Control, logs: Path) -> Callable[[], None]: ...
    def at_destination(self, name: str, clock: Clock, control: Control, logs: Path) -> Callable[[], None]: ...
