"""Whether a user's programs can be started: a host to run on, an instant within the run, a file that runs.

The embedded kernel has this machine's files, so what is not here is not there either. A bare name is looked
for along the path that programs have inside. On the host venue PATH may lead further; there as well a whole
path does.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from testbed.applications.application import Rules
from testbed.applications.script import Script
from testbed.applications.user_program.model import UserPrograms
from testbed.model.network import Network
from testbed.scenario.common_rules import within
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.text import instead, quoted
from testbed.units import DURATION

COMMAND_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH inside the embedded kernel, whatever it is here."""


class ProgramRules(Rules):
    """Of the key `programs`."""

    def findings(self, script: Script, network: Network) -> Iterator[Finding]:
        """Hosts that are not there, instants outside the run, and files that cannot be run."""
        hosts = [station.name for station in network.stations if station.role.is_host]
        for name, program in UserPrograms.of(script).programs.items():
            at: Keys = ("programs", name)
            if program.host not in hosts:
                yield (
                    (*at, "host"),
                    f"{program.host!r} is no host of {network.name}; {instead(program.host, hosts)}",
                )
            if program.ends_at_ns is not None:
                yield from within((*at, "ends"), program.ends_at_ns, script)
            elif program.starts_at_ns >= script.duration_ns:
                starts, end = DURATION.format(program.starts_at_ns), DURATION.format(script.duration_ns)
                yield (*at, "starts"), f"{starts} is not before the scenario's end at {end}"
            if message := _lack(program.command[0]):
                yield (*at, "command", 0), message

    def files(self, script: Script) -> Iterable[Path]:
        """Whatever a command names by a whole path."""
        programs = UserPrograms.of(script).programs.values()
        words = (word for program in programs for word in program.command)
        return [Path(word) for word in words if word.startswith("/") and os.path.lexists(word)]

    def processes(self, script: Script) -> int:
        """One starts each program."""
        return len(UserPrograms.of(script).programs)


def _lack(command: str) -> str | None:
    """Why a command cannot be started; None if it can."""
    if "/" not in command:
        if shutil.which(command, path=COMMAND_PATH):
            return None
        where = shutil.which(command)
        advice = f"write {where}" if where else "install it, or write its whole path"
        return f"{quoted(command)} is not among the programs of {COMMAND_PATH}; {advice}"
    path = Path(command)
    if not path.is_absolute():
        return f"{quoted(command)} is relative, and a program begins in an empty folder; write its whole path"
    if not path.exists():
        return f"there is no file {command}"
    if not path.is_file() or not os.access(path, os.X_OK):
        return f"{command} is no file that may be executed; see its mode with ls -l"
    return None


PART = ProgramRules()
