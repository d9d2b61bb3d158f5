"""The `testbed` program: its command line, and the only place where all parts are put together."""

from __future__ import annotations

import sys

from testbed.cli import interrupts
from testbed.cli.output import judged, lasting_outputs
from testbed.errors import TestbedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, do what it says, and return the exit status.

    Without arguments they are the process's own, and its signals are this command's to the end.

    Raises:
        SystemExit: The command line was refused, or its help was printed.
    """
    # First of all: what is imported from here on takes half a second, in which somebody may press Ctrl-C.
    with interrupts.taken(to_the_end=arguments is None), lasting_outputs():
        only_result = True
        try:
            import argcomplete

            from testbed.cli.commands import COMMANDS, only_tells, show_help
            from testbed.cli.parser import parser

            top = parser()
            argcomplete.autocomplete(top)
            options = top.parse_args(arguments)
            only_result = only_tells(options)
            status = COMMANDS.get(options.command, show_help)(options)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else TestbedError.exit_status
            raise SystemExit(judged(status, only_result=only_result)) from None
        except BaseException as error:
            status = _told(error)
        return judged(status, only_result=only_result)


def _told(error: BaseException) -> int:
    """Say in one place why a command ends without a result of its own; the exit status."""
    if isinstance(error, TestbedError):
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    # A library may have made an error of its own out of an interruption.
    interruption = error if isinstance(error, KeyboardInterrupt) else interrupts.received()
    if interruption is not None:
        print(interrupts.sentence(interruption), file=sys.stderr)
        return interrupts.exit_status(interruption)
    from testbed.cli import defects

    print(f"error: {defects.told(error)}", file=sys.stderr)
    return TestbedError.exit_status
