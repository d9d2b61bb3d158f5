"""What a venue is: the kernel that a variant runs on, and how the guest main program is started there.

Importing this module costs next to nothing, because the command line's parser does.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from testbed.scenario import ScenarioFile
    from testbed.venue.progress import Progress

SCENARIO_FILE = "scenario.yaml"
"""What the guest main program reads from its folder."""
WALL_LIMIT_S = 3600.0
"""How long a variant may take unless `--wall-limit` says otherwise."""
STALL_LIMIT_S = 120.0
"""CPU time in which virtual time may stand still unless `--stall-limit` says otherwise."""
GUEST_MAIN = (sys.executable, "-u", "-m", "testbed.cli.guest_main")
"""The guest main program as a command, before its folder and its variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One variant of the scenario in a folder, which also receives everything that the variant writes."""

    folder: Path
    name: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one variant; a venue in real time has no stall limit."""

    wall_s: float = WALL_LIMIT_S
    stall_s: float = STALL_LIMIT_S


class GuestProgram(Protocol):
    """A guest main program that serves a network."""

    def fileno(self) -> int:
        """For poll: readable once the program has ended."""

    def exit_status(self) -> int:
        """The program's exit status, once it has ended.

        Raises:
            KernelError: The program was killed or its kernel died.
        """


class Venue(Protocol):
    """A kind of kernel that variants run on; `registry.VENUES` lists all of them."""

    parallel: bool
    """Whether variants may run side by side without disturbing each other."""

    def require(self, scenario_file: ScenarioFile, *, force: bool) -> dict[str, Any]:
        """Check that the venue can run a scenario, and return its facts for the manifest.

        `kernel` is always among them. With `force`, a machine that is too slow is only a doubt.

        Raises:
            KernelError: The kernel lacks a feature, or the machine cannot carry the scenario in real time.
            NotReadyError: The embedded kernel is not built.
        """

    def launch(self, variant: Variant, limits: Limits, on_progress: Callable[[Progress], None]) -> int:
        """Run a variant to its end; the exit status of the guest main program.

        Raises:
            TestbedError: The program could not be started, its kernel died, or it exceeded a limit.
        """

    def serve(self, variant: Variant) -> AbstractAsyncContextManager[tuple[GuestProgram, socket.socket]]:
        """Start a variant's network in real time; the program, and our end of its line for orders.

        Closing the line asks the program to end. If it is still running when the block is left, it is
        killed with everything that it started.

        Raises:
            TestbedError: The program cannot be started.
        """

    def shell(self, variant: Variant, foreground: Callable[[], AbstractContextManager[None]]) -> int:
        """Run Mininet's command line on this terminal; its exit status.

        While `foreground` is entered, the terminal's interrupts are left to a child process.
        """
