"""What a report says of the user's programs."""

import shlex
from collections.abc import Iterator

from testbed.applications.application import Report
from testbed.applications.script import Script
from testbed.applications.user_program.model import UserProgram, UserPrograms
from testbed.units import DURATION


class ProgramReport(Report):
    """Of the key `programs`."""

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """The command of each, and where and when it runs."""
        for name, program in UserPrograms.of(script).programs.items():
            yield f"program {name}", _program(program)


def _program(program: UserProgram) -> str:
    ends = "the end" if program.ends_at_ns is None else DURATION.format(program.ends_at_ns)
    command = shlex.join(program.command)
    return f"{command}, on {program.host}, {DURATION.format(program.starts_at_ns)} to {ends}"


PART = ProgramReport()
