"""The programs that the driver has forked: started, heard, stopped, and none forgotten."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from testbed.driver.protocols import RunningNetwork
from testbed.errors import InvariantError, NotReadyError, error_of
from testbed.host.control import Control
from testbed.host.loop import Loop


@dataclass(frozen=True, slots=True)
class Child:
    """One program: what it is called, where it runs, and our end of its line."""

    name: str
    host: str
    pid: int
    control: Control


class Children:
    """All programs of a run."""

    def __init__(self, network: RunningNetwork, loop: Loop, at_fork: Callable[[int], None]) -> None:
        self._network, self._loop, self._at_fork = network, loop, at_fork
        self._alive: list[Child] = []

    def start(
        self,
        name: str,
        host: str,
        make: Callable[[Control], Callable[[], None]],
        on_message: Callable[[Child, dict[str, Any]], None] | None = None,
    ) -> Child:
        """Fork a program onto a host and wait until it says that it is ready.

        Raises:
            NotReadyError: It ended instead.
        """
        ours, theirs = Control.pair()

        def program() -> None:
            ours.close()
            for other in self._alive:
                other.control.close()
            make(theirs)()

        pid = self._network.fork(host, program)
        self._at_fork(pid)
        theirs.close()
        child = Child(name, host, pid, ours)
        self._alive.append(child)
        self._await_ready(child)
        self._loop.on_readable(ours, lambda: self._hear(child, on_message))
        return child

    def go(self, *children: Child) -> None:
        """Have programs begin: those that talk to each other together, once all of them are ready."""
        for child in children:
            self.tell(child, "go")

    def tell(self, child: Child, kind: str, **fields: Any) -> None:
        """Say something to a program.

        Raises:
            NotReadyError: It is gone.
        """
        try:
            child.control.say(kind, **fields)
        except BrokenPipeError:
            raise self._ended(child, f"ended before it was told {kind}") from None

    def ask(self, child: Child, kind: str, **fields: Any) -> dict[str, Any]:
        """Say something to a program that says nothing by itself, and wait for its answer.

        Raises:
            NotReadyError: It is gone.
        """
        self.tell(child, kind, **fields)
        answer = self._heard(child)
        if answer is None:
            raise self._ended(child, f"ended when it was told {kind}")
        return answer

    def stop(self, child: Child) -> dict[str, Any]:
        """Tell a program to finish, and wait until it has; its last message.

        Raises:
            NotReadyError: It ended badly.
        """
        self._loop.forget(child.control)
        self.tell(child, "stop")
        # It may have asked something just before; being told to stop is the answer to that.
        while (done := self._heard(child)) is not None and done["kind"] != "done":
            pass
        if done is None:
            raise self._ended(child, "did not say what it received")
        _, status = os.waitpid(child.pid, 0)
        self._forget(child)
        if status != 0:
            raise self._failed(child, "said that it was done, and then ended badly", status)
        return done

    def crash(self, child: Child) -> None:
        """End a program where it stands, as when its host dies, whatever it was waiting for."""
        self._loop.forget(child.control)
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        self._forget(child)

    def kill(self) -> None:
        """End whatever still runs: after an error, when nothing can be said to it any more."""
        for child in self._alive:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
            child.control.close()
        self._alive.clear()

    def _hear(self, child: Child, on_message: Callable[[Child, dict[str, Any]], None] | None) -> None:
        message = self._heard(child)
        if message is None:
            raise self._ended(child, "ended early")
        if on_message is None:
            raise InvariantError(f"program {child.name} said {message}, and nobody had asked it anything")
        on_message(child, message)

    def _await_ready(self, child: Child) -> None:
        message = self._heard(child)
        if message is None:
            raise self._ended(child, "did not say ready")
        if message["kind"] != "ready":
            raise InvariantError(f"program {child.name} said {message} before it was ready")

    def _heard(self, child: Child) -> dict[str, Any] | None:
        """The next message of a program, None when it is gone; its own error if it has told one."""
        message = child.control.hear()
        if message is None or message["kind"] != "failed":
            return message
        os.waitpid(child.pid, 0)
        self._forget(child)
        raise error_of(message["exit_status"])(f"program {child.name} on {child.host}: {message['error']}")

    def _ended(self, child: Child, what: str) -> NotReadyError:
        """The error for a program whose end of the line has closed: it has exited, or is just about to."""
        _, status = os.waitpid(child.pid, 0)
        self._forget(child)
        return self._failed(child, what, status)

    def _failed(self, child: Child, what: str, status: int) -> NotReadyError:
        code = os.waitstatus_to_exitcode(status)
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return NotReadyError(
            f"program {child.name} on {child.host} {what} ({how}); "
            "what it printed is in this run's console log"
        )

    def _forget(self, child: Child) -> None:
        # Its number may soon be another process's: from here on nobody may signal or await it.
        self._alive.remove(child)
        child.control.close()
