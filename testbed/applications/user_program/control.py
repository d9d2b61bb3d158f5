"""The user's own programs in a run: started on their hosts, and their ends recorded."""

import shutil
from collections.abc import Sequence
from functools import partial
from typing import Any

from testbed.applications.user_program.endpoints import Command
from testbed.applications.user_program.events import ProgramExited
from testbed.applications.user_program.model import UserProgram, UserPrograms
from testbed.driver.children import Child
from testbed.driver.run_context import Process, RunContext
from testbed.errors import NotReadyError
from testbed.host.process import Part


class RunningPrograms:
    """Every program of the scenario's `programs`."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._programs = run, UserPrograms.of(run.scenario).programs
        self._running: list[Child] = []

    def start(self) -> None:
        """Start what starts them; each begins at its own instant.

        Raises:
            NotReadyError: There is no such command on this machine.
        """
        for name, program in self._programs.items():
            if shutil.which(program.command[0]) is None:
                raise NotReadyError(
                    f"program {name}: there is no command {program.command[0]!r} on this machine; "
                    "install it, or write its path"
                )
            parts, exited = partial(self._parts, name, program), partial(self._exited, name)
            self._running.append(self._run.start(f"{name} program", program.host, parts, exited))
        self._run.children.go(*self._running)

    def _parts(self, name: str, program: UserProgram, process: Process) -> Sequence[Part]:
        output = self._run.folder / f"{name}.out", self._run.folder / f"{name}.err"
        return [Command(process.loop, program, output, lambda status: process.say("exit", status=status))]

    def _exited(self, name: str, _child: Child, message: dict[str, Any]) -> None:
        self._run.event(ProgramExited(program=name, status=message["status"]))

    def stop(self) -> None:
        """End those that still run."""
        for name, child in zip(self._programs, self._running, strict=True):
            done = self._run.stop(child)
            if done.get("exit_status") is not None:
                self._run.event(ProgramExited(program=name, status=done["exit_status"]))


PART = RunningPrograms
