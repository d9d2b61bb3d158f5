"""The inner program in either venue, in real time, with a line on which its network takes orders."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from testbed.cli.outer import within_reach
from testbed.lifeline import tied
from testbed.net.ledger import ledger_folder
from testbed.venue import kernel
from testbed.venue.line import carry
from testbed.venue.virtual import CONSOLE_NAME, OUTPUT_IN_GUEST, SERIAL_IN_GUEST, Boot, serving

INNER = (sys.executable, "-u", "-m", "testbed.cli.inner")
"""The command, before its folder and its variant."""


class Venue(Protocol):
    """What the inner program runs in."""

    def fileno(self) -> int:
        """For poll: can be read once the program has ended."""

    def exit_status(self) -> int:
        """The program's, once it has ended; KernelError if it did not come to its own end."""


async def ended(venue: Venue) -> None:
    """Wait until the program has ended."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(venue.fileno(), over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(venue.fileno())


@asynccontextmanager
async def inner_program(
    venue: str, folder: Path, variant: str, seed: int
) -> AsyncIterator[tuple[Venue, socket.socket]]:
    """The program for a variant of the scenario in a folder, and our end of its line.

    To close the line is to tell the program to come to its end. If it has not ended when the block is
    left, it is killed with all that it has started.

    Raises:
        TestbedError: It cannot be started there.
    """
    ours, theirs = socket.socketpair()
    if venue == "host":
        with _on_host(folder, variant, seed, theirs) as program:
            yield program, ours
        return
    outside, serial = socket.socketpair()
    with _in_virtual(folder, variant, seed, serial) as program:
        carrying = asyncio.create_task(carry(theirs, outside))
        try:
            yield program, ours
        finally:
            carrying.cancel()
            # A task that was cancelled has nothing to tell; one that failed has.
            (told,) = await asyncio.gather(carrying, return_exceptions=True)
            if isinstance(told, Exception):
                raise told


def _in_virtual(
    folder: Path, variant: str, seed: int, serial: socket.socket
) -> AbstractContextManager[Venue]:
    request = Boot(
        command=(*INNER, OUTPUT_IN_GUEST, variant, "--real-time", "--serve", SERIAL_IN_GUEST),
        output_dir=folder,
        seed=seed,
        **within_reach(folder),
    )
    return serving(kernel.require(), request, serial)


class _Process:
    """The inner program on this machine's own kernel."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)

    def fileno(self) -> int:
        return self._pidfd

    def exit_status(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        """Kill it; does nothing if it has ended."""
        self._process.kill()
        self._process.wait()
        os.close(self._pidfd)


@contextmanager
def _on_host(folder: Path, variant: str, seed: int, line: socket.socket) -> Iterator[Venue]:
    ledger = ledger_folder() / f"{os.getpid()}.jsonl"
    options = ["--real-time", "--ledger", str(ledger), "--serve", str(line.fileno())]
    with (folder / CONSOLE_NAME).open("wb") as console:
        process = _Process(
            subprocess.Popen(
                tied([*INNER, str(folder), variant, *options], signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "PYTHONHASHSEED": str(seed % 2**32)},
                pass_fds=(line.fileno(),),
                # A session of its own: Ctrl-C reaches us alone, and we end it in order.
                start_new_session=True,
            )
        )
        line.close()
        try:
            yield process
        finally:
            process.stop()
