"""The user's own programs in a run: started on their hosts, and their ends written down."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from testbed.driver.children import Child, Children
from testbed.errors import NotReadyError
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.model.command import UserProgram
from testbed.record.logs import EventLog
from testbed.record.work_events import ProgramExited


class CommandPrograms(Protocol):
    """Makes the programs that run the user's."""

    def command(
        self, name: str, program: UserProgram, clock: Clock, control: Control, logs: Path
    ) -> Callable[[], None]: ...


class Commands:
    """Runs every program of the scenario's `programs`."""

    def __init__(
        self,
        commands: Mapping[str, UserProgram],
        programs: CommandPrograms,
        children: Children,
        events: EventLog,
        clock: Clock,
        logs: Path,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._commands, self._programs, self._children = commands, programs, children
        self._events, self._clock, self._logs, self._stop_program = events, clock, logs, stop
        self._running: list[Child] = []

    def start(self) -> None:
        """Start what starts them; each begins at its own instant.

        Raises:
            NotReadyError: There is no such command on this machine.
        """
        for name, program in self._commands.items():
            if shutil.which(program.command[0]) is None:
                raise NotReadyError(
                    f"program {name}: there is no command {program.command[0]!r} on this machine; "
                    "install it, or write its path"
                )
            make = partial(self._programs.command, name, program, self._clock, logs=self._logs)
            child = self._children.start(f"{name} program", program.host, make, partial(self._hear, name))
            self._running.append(child)
        self._children.go(*self._running)

    def _hear(self, name: str, _child: Child, message: dict[str, Any]) -> None:
        self._exited(name, message["status"])

    def _exited(self, name: str, status: int) -> None:
        self._events.write(ProgramExited(program=name, status=status), self._clock.now_ns())

    def stop(self) -> None:
        """End those that still run."""
        for name, child in zip(self._commands, self._running, strict=True):
            done = self._stop_program(child)
            if done.get("exit_status") is not None:
                self._exited(name, done["exit_status"])
