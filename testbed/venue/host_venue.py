"""This machine's own kernel as a venue, in real time; needs root."""

import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

from testbed.errors import LimitError
from testbed.lifeline import tied
from testbed.net.ledger import ledger_folder
from testbed.scenario import ScenarioFile, load
from testbed.venue import diagnosis
from testbed.venue.host_capacity import carrying
from testbed.venue.launch import stop_on_terminate
from testbed.venue.pon_trial import require_host
from testbed.venue.progress import Progress, ProgressTail
from testbed.venue.venue import GUEST_MAIN, SCENARIO_FILE, GuestProgram, Limits, Variant
from testbed.venue.virtual import CONSOLE_NAME

_POLL_S = 0.1
_GRACE_S = 4.0
"""From SIGTERM to SIGKILL; shorter than the time that the launcher's parent waits."""


class HostVenue:
    """The guest main program as an ordinary process; see `testbed.venue.venue.Venue`."""

    parallel = False

    def require(self, scenario_file: ScenarioFile, *, force: bool) -> dict[str, Any]:
        """Try the kernel's features, then measure whether the machine carries the scenario in real time."""
        _require_features(scenario_file)
        facts = {"release": platform.release(), "kind": "host"}
        return {"kernel": facts, "host": carrying(scenario_file, force=force)}

    def launch(self, variant: Variant, limits: Limits, on_progress: Callable[[Progress], None]) -> int:
        """Run the variant in real time, with a ledger of its processes."""
        _require_features(_loaded(variant))
        tail, began_s = ProgressTail(variant.folder), time.monotonic()
        with stop_on_terminate(), (variant.folder / CONSOLE_NAME).open("wb") as console:
            process = subprocess.Popen(
                tied(_command(variant, "--real-time", *_ledger()), signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=_environment(variant),
            )
            try:
                while True:
                    try:
                        return process.wait(_POLL_S)
                    except subprocess.TimeoutExpired:
                        for progress in tail.new_lines():
                            on_progress(progress)
                        if time.monotonic() - began_s > limits.wall_s:
                            raise LimitError(diagnosis.wall_limit(limits.wall_s)) from None
            finally:
                _end(process)
                tail.remove()

    @asynccontextmanager
    async def serve(self, variant: Variant) -> AsyncIterator[tuple[GuestProgram, socket.socket]]:
        """The line for orders is a socket pair that the program inherits."""
        ours, theirs = socket.socketpair()
        with _served(variant, theirs) as program:
            yield program, ours

    def shell(self, variant: Variant, foreground: Callable[[], AbstractContextManager[None]]) -> int:
        """The program gets the terminal's interrupts as this process does."""
        _require_features(_loaded(variant))
        with foreground():
            command = tied(_command(variant, "--shell"), signal.SIGTERM)
            return subprocess.run(command, check=False, env=dict(os.environ)).returncode


def _require_features(scenario_file: ScenarioFile) -> None:
    require_host(scenario_file.variants.values(), scenario_file.networks.values())


def _loaded(variant: Variant) -> ScenarioFile:
    return load(str(variant.folder / SCENARIO_FILE), variants=[variant.name])


def _command(variant: Variant, *options: str) -> list[str]:
    return [*GUEST_MAIN, str(variant.folder), variant.name, *options]


def _ledger() -> tuple[str, str]:
    return "--ledger", str(ledger_folder() / f"{os.getpid()}.jsonl")


def _environment(variant: Variant) -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": str(variant.seed % 2**32)}


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the program to end its own programs, delete its ledger and end; kill it if it does not."""
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Process:
    """The guest main program on this machine's own kernel."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)

    def fileno(self) -> int:
        return self._pidfd

    def exit_status(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        """Kill the program; does nothing if it has ended."""
        self._process.kill()
        self._process.wait()
        os.close(self._pidfd)


@contextmanager
def _served(variant: Variant, line: socket.socket) -> Iterator[_Process]:
    command = _command(variant, "--real-time", *_ledger(), "--serve", str(line.fileno()))
    with (variant.folder / CONSOLE_NAME).open("wb") as console:
        process = _Process(
            subprocess.Popen(
                tied(command, signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=_environment(variant),
                pass_fds=(line.fileno(),),
                # A separate session: Ctrl-C reaches this process alone, which then ends the program.
                start_new_session=True,
            )
        )
        line.close()
        try:
            yield process
        finally:
            process.stop()
