"""Programs of the user's own on emulated hosts."""

from typing import Annotated

from pydantic import Field

from testbed.applications.kind import Kind, Section
from testbed.model.base import Argument, Duration, Name
from testbed.model.span import Span


class UserProgram(Span):
    """A command that runs on a host, as it would on a machine of its own there, from `starts` to `ends`.

    Without `ends` it is told to end at the end of the scenario, if it has not before: by SIGTERM, and a
    second later by SIGKILL.
    """

    host: Name
    """The host that it runs on."""
    command: Annotated[tuple[Argument, ...], Field(min_length=1)]
    """The program and its arguments."""
    starts_at_ns: Duration = Field(default=0, alias="starts")
    """When it is started."""
    ends_at_ns: Duration | None = Field(default=None, alias="ends")
    """When it is told to end by SIGTERM, and a second later by SIGKILL; else at the end of the run."""


class UserPrograms(Section):
    """Keys of a scenario file."""

    programs: dict[Name, UserProgram] = Field(default_factory=dict)
    """Programs of your own on hosts."""


KIND = Kind(section=UserPrograms)
