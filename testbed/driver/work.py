"""What the driver asks of everything that goes on in a run beside its sessions."""

from pathlib import Path
from typing import Protocol


class Work(Protocol):
    """Programs and instants of one kind: background flows, services, faults."""

    def start(self, logs: Path) -> None:
        """Start the programs and set out what happens later; called once, before time 0."""

    def stop(self) -> None:
        """Stop the programs and write down what came of them; called once, at the end."""
