"""A command of a trial, which must come to its end within a limit, and with it all that it has started."""

import os
import signal
import subprocess
from collections.abc import Sequence

from testbed.errors import LimitError
from testbed.lifeline import tied


def run_bounded(command: Sequence[str], attempt: str, limit_s: float) -> "subprocess.CompletedProcess[str]":
    """Run a command without input; what it printed, and its status, whatever that is.

    Raises:
        LimitError: It took longer than the limit, and has been ended with its children.
    """
    # A session of its own: its children are in its process group, and end with it.
    process = subprocess.Popen(
        tied(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise LimitError(
            f"{attempt} took more than {limit_s:g} s of wall time and was ended: this machine is far too "
            "busy for a run in real time; end what else runs on it, or use --venue virtual (the default)"
        ) from error
    finally:
        if process.returncode is None:
            # Not waited for yet, so that its number is still its own.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
