"""A program of the embedded kernel on this terminal: what one types goes in, what it prints comes out.

Time is real here: a kernel in virtual time would run ahead by hours while somebody thinks.
"""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from testbed.errors import KernelError
from testbed.venue import diagnosis
from testbed.venue.image import Kernel
from testbed.venue.launch import launched, stop_on_terminate
from testbed.venue.virtual import Boot, kernel_arguments, private_folder, read_status

_POLL_S = 1.0


def interact(kernel: Kernel, boot: Boot) -> int:
    """Boot in real time with standard input and output as the console; the command's exit status.

    Ctrl-C goes to the program inside. None of the boot's limits hold: the user is there to end it.

    Raises:
        KernelError: Standard input is no terminal, or the guest died; what it said is on the terminal.
        NotReadyError: The host has nowhere to put the guest's memory.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise KernelError(
            f"running {boot.command[0]} on a terminal: standard input and output are not one; "
            "start it from a terminal, without pipes"
        )
    boot = replace(
        boot, time_travel=False, environment={"TERM": os.environ.get("TERM", "dumb"), **boot.environment}
    )
    sys.stdout.flush()
    with (
        _terminal_restored(),
        stop_on_terminate(),
        private_folder(boot, terminal=os.get_terminal_size(sys.stdout.fileno())) as private,
        launched(
            kernel,
            kernel_arguments(boot, keyboard="fd:0"),
            memory=boot.memory,
            seed=boot.seed,
            folder=private,
            screen=sys.stdout.buffer,
            keyboard=sys.stdin.buffer,
        ) as guest,
    ):
        while not guest.wait(_POLL_S):
            continue
        exit_status = read_status(boot.output_dir)
    if exit_status is None:
        why = diagnosis.died(
            "", returncode=guest.returncode, memory=boot.memory, silence_limit_s=boot.silence_limit_s
        )
        raise KernelError(f"running {boot.command[0]} in the embedded kernel {kernel.version}: {why}")
    return exit_status


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """The kernel makes the terminal raw, and a kernel that was stopped does not undo that."""
    before = termios.tcgetattr(sys.stdin.fileno())
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
