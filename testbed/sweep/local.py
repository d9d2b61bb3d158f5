"""The runs of a sweep on this machine: a process for each, so many at a time.

A run has its standard input as its lifeline: it ends in order when that closes, however its starter ended.
"""

import os
import selectors
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from testbed.lifeline import tied
from testbed.sweep.run_order import LocalOrder, RunOrder, RunResult, RunStarted, RunUpdate
from testbed.sweep.sweep_directory import SweepDirectory

_STOP_S = 15.0
"""How long a run may take to stop in order."""
_LAST_LINES = 30


@dataclass(frozen=True, slots=True)
class LocalRuns:
    """Has runs done by `command`, the program that carries an order out, `slots` of them at a time."""

    directory: SweepDirectory
    command: tuple[str, ...]
    slots: int

    def work_off(self, orders: Sequence[RunOrder], lock: int) -> Generator[RunUpdate, None, None]:
        """Do all of them, in order, and tell what happens; runs hold the lock for as long as they last.

        Leaving early, by an error or by closing the iterator, ends every run that is under way.
        """
        side_by_side = max(1, self.slots // max(1, len(orders)))
        waiting, running = list(reversed(orders)), selectors.DefaultSelector()
        under_way: dict[int, tuple[str, subprocess.Popen[str]]] = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < self.slots:
                    order = waiting.pop()
                    self.directory.clear(order.name)
                    placed = LocalOrder(
                        order=order, out=str(self.directory.run(order.name).path), side_by_side=side_by_side
                    )
                    process = start(self.command, placed, self.directory.log_path(order.name), (lock,))
                    pidfd = os.pidfd_open(process.pid)
                    under_way[pidfd] = (order.name, process)
                    running.register(pidfd, selectors.EVENT_READ)
                    yield RunStarted(order.name)
                for key, _ in running.select():
                    running.unregister(key.fd)
                    name, process = under_way.pop(key.fd)
                    os.close(key.fd)
                    yield self._ended(name, process)
        finally:
            stop([process for _, process in under_way.values()])
            for pidfd in under_way:
                os.close(pidfd)
            running.close()

    def _ended(self, name: str, process: subprocess.Popen[str]) -> RunResult:
        let_go(process)
        log, status = self.directory.log_path(name), process.wait()
        if status == 0:
            log.unlink(missing_ok=True)
            return RunResult(name, 0)
        return RunResult(name, status, last_words(log.read_text(encoding="utf-8", errors="replace"), status))


def start(
    command: Sequence[str], placed: LocalOrder, log: Path, kept: Sequence[int] = ()
) -> subprocess.Popen[str]:
    """Start the program for one order; it has the descriptors `kept`, and prints to the log.

    A session of its own: Ctrl-C reaches us alone, and we end the runs in order.
    """
    with log.open("wb") as screen:
        process = subprocess.Popen(
            tied(command, signal.SIGTERM),
            stdin=subprocess.PIPE,
            stdout=screen,
            stderr=screen,
            text=True,
            start_new_session=True,
            pass_fds=kept,
        )
    assert process.stdin is not None
    # One that has died already leaves nobody to read the order; its status and log say why.
    with suppress(BrokenPipeError):
        process.stdin.write(placed.line())
        process.stdin.flush()
    return process


def stop(processes: Sequence[subprocess.Popen[str]]) -> None:
    """End these runs, all at once, and wait until nothing of them is left."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        let_go(process)


def let_go(process: subprocess.Popen[str]) -> None:
    """Close the lifeline."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()


def last_words(log: str, status: int) -> str:
    """Of what a program printed, its error or its last lines."""
    lines = log.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(("error: ", "Traceback "))]
    shown = lines[starts[-1] :] if starts else lines[-_LAST_LINES:]
    said = "\n".join(shown).removeprefix("error: ")
    ended = (
        f"its program ended by signal {-status}" if status < 0 else f"its program ended with status {status}"
    )
    return said or ended
