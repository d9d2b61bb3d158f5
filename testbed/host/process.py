"""What a forked process does on its host: all its parts on one loop, between the driver's start and stop."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Protocol

from testbed.errors import NotReadyError, TestbedError
from testbed.host.clock import use_exact_timers
from testbed.host.control import Control
from testbed.host.loop import Loop


class Part(Protocol):
    """One thing that a program does: a sender, a receiver, or both."""

    def start(self) -> None:
        """Set out; called once, before the scenario's start."""

    def close(self) -> None:
        """Finish; called once, at the end."""


Ask = Callable[[str, dict[str, Any], str], None]
"""Sends the driver a message of a kind, with fields, and waits for its answer, which is of another kind.

Other messages that come first are handled as at any other time.
"""


def run_program(
    control: Control,
    loop: Loop,
    make_parts: Callable[[Loop, Ask], Sequence[Part]],
    named: AbstractContextManager[None] | None = None,
) -> None:
    """Make the parts, say ready, wait for go, run until told to stop, close, and say what was received.

    What the driver says meanwhile is handed to each part that has a method `told`. What a part has as its
    `outcome`, a mapping, is said at the end. An error of ours is told to the driver before it is raised;
    `named` may make one of whatever others raise.
    """
    try:
        with named or nullcontext():
            _run(control, loop, make_parts)
    except TestbedError as error:
        with suppress(OSError):  # the driver may be gone
            control.say("failed", error=str(error), exit_status=error.exit_status)
        raise


def _run(control: Control, loop: Loop, make_parts: Callable[[Loop, Ask], Sequence[Part]]) -> None:
    use_exact_timers()
    parts: Sequence[Part] = ()

    def handle_message() -> str:
        message = control.hear()
        if message is None:
            raise NotReadyError("the driver went away")
        if message["kind"] == "stop":
            loop.stop()
        for part in parts:
            if hasattr(part, "told"):
                part.told(message)
        return str(message["kind"])

    def ask(kind: str, fields: dict[str, Any], answer: str) -> None:
        control.say(kind, **fields)
        # A program that is told to stop gets no other answer.
        while handle_message() not in (answer, "stop"):
            pass

    parts = make_parts(loop, ask)
    ask("ready", {}, "go")
    loop.on_readable(control, handle_message)
    for part in parts:
        part.start()
    loop.run()
    for part in parts:
        part.close()
    received, drained = (
        sum(getattr(part, key, 0) for part in parts) for key in ("received_bytes", "drained_bytes")
    )
    remarks = [remark for part in parts for remark in getattr(part, "remarks", ())]
    outcome = {key: value for part in parts for key, value in getattr(part, "outcome", {}).items()}
    counts = {"received_bytes": received, "drained_bytes": drained}
    control.say("done", **counts, late_ns=loop.late_ns, remarks=remarks, **outcome)
