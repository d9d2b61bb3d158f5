"""Why an embedded kernel ended without an exit status: pure text in, plain words out."""

import re

from testbed.venue.stall import Stall

CONSOLE_TAIL_LINES = 30

_NEVER_CAME = "no exit status was left behind"

_CONSOLE_SIGNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"panic_on_oom|Out of memory: Killed process|Out of memory and no killable"),
        "the embedded kernel ran out of memory ({memory} are given to it): "
        "give it more, or make the scenario smaller",
    ),
    (
        re.compile(r"^testbed: deadlock$", re.MULTILINE),
        "deadlock: {silence_limit_s:g} s of virtual time have passed without progress; the program inside "
        "waits for something that never comes",
    ),
    (
        re.compile(r"^testbed: tainted (?P<taint>\d+)$", re.MULTILINE),
        "the embedded kernel has warned of a fault of its own, so that the results are void (taint {taint}): "
        "its warning stands before the last lines",
    ),
    (re.compile(r"^testbed: (?P<why>.*)$", re.MULTILINE), "it could not be started: {why}"),
    (
        re.compile(r"going to sleep forever"),
        "deadlock: every process inside waits for something and no timer is left that could wake one",
    ),
    (
        re.compile(r"Attempted to kill init"),
        "the first process inside died; the lines before the panic say at which step",
    ),
    (
        re.compile(r"must be not mounted noexec"),
        "the folder for the guest's memory is mounted noexec",
    ),
    (re.compile(r"Kernel panic - not syncing: (?P<why>.*)"), "the embedded kernel panicked: {why}"),
)


def tail(console: str, lines: int = CONSOLE_TAIL_LINES) -> str:
    """The end of the console, without carriage returns and terminal escapes."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", console)
    return "\n".join(plain.rstrip().splitlines()[-lines:])


def died(console: str, *, returncode: int, memory: str, silence_limit_s: float) -> str:
    """The reason why the kernel's process ended on its own, from its console and how it ended.

    `returncode` is that of `subprocess`: negative for a signal.
    """
    for sign, words in _CONSOLE_SIGNS:
        found = sign.search(console)
        if found:
            return words.format(memory=memory, silence_limit_s=silence_limit_s, **found.groupdict())
    if returncode == -9:
        return (
            "the embedded kernel was killed from outside (SIGKILL): most often the host ran out of memory; "
            f"the guest may use up to {memory}"
        )
    if returncode == -7:
        return (
            "the host had no room left for the guest's memory (SIGBUS): make room in the folder that holds it"
        )
    if returncode < 0:
        return f"the embedded kernel's process died of signal {-returncode}"
    return f"the embedded kernel ended with status {returncode} and {_NEVER_CAME}"


def wall_limit(limit_s: float) -> str:
    return (
        f"stopped at its limit of {limit_s:g} s of wall time: raise it (--wall-limit), "
        "or look for a program inside that never ends"
    )


def output_limit(too_much: str) -> str:
    return (
        f"stopped because of its output: {too_much}. Look for a program that writes without end, or for "
        "a capture at a busy station"
    )


def stalled(stall: Stall, limit_s: float) -> str:
    """Virtual time has stood still for `limit_s` of the guest's CPU time."""
    where = f" on host {stall.port.rpartition('-')[0]}" if "-" in stall.port else ""
    calls = f"{stall.syscalls:,} system calls were" if stall.syscalls else "no system call was"
    return (
        f"virtual time has stood still at {stall.now_ns / 1e9:.6f} s after the boot for {limit_s:g} s of CPU "
        f"time, in which {calls} made: {stall.program} (process {stall.pid}{where}) spins. Have it wait by "
        "sleeping, or for its sockets; if it only computes for long, raise the limit (--stall-limit)"
    )
