"""The `testbed` program: its command line, and the only place where all parts are put together."""

import sys
from collections.abc import Sequence

from testbed.errors import TestbedError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, do what it says, and return the exit status."""
    import argcomplete

    from testbed.cli.commands import COMMANDS, show_help
    from testbed.cli.parser import parser

    top = parser()
    argcomplete.autocomplete(top)
    options = top.parse_args(arguments)
    try:
        return COMMANDS.get(options.command, show_help)(options)
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # Whoever read our output has had enough; there is nobody left to tell.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("interrupted; nothing is left running", file=sys.stderr)
        return INTERRUPTED
