"""What the driver needs of the programs of fabric work, which it does not know."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from testbed.host.clock import Clock
from testbed.host.control import Control


class FabricPrograms(Protocol):
    """Makes the programs of experts, each to be run in a forked process."""

    def traffic_bytes(self, name: str) -> Sequence[Sequence[int]]:
        """How much two ranks of a model have to say to each other: what their places should go by."""
        ...

    def experts(
        self, name: str, nodes: Sequence[str], clock: Clock, control: Control, logs: Path
    ) -> Callable[[], None]:
        """All ranks of a model, whose nodes are given by rank, in one program."""
        ...
