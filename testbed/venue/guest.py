"""What the embedded kernel's first process is told: which folders to cover with memory, what to run.

Pure text and path arithmetic; the shell side is uml/init.sh.
"""

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

OUTPUT_IN_GUEST = "/run/testbed/out"
"""Where the program inside always finds the run's output folder, whatever its path on the host."""

HOME_IN_GUEST = "/run/testbed/home"
"""The program's HOME and working directory: empty, in memory, and the same in every run."""

GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

WRITABLE_MODES: Mapping[str, int] = {
    "/tmp": 0o1777,
    "/run": 0o755,
    "/var/tmp": 0o1777,
    "/dev/shm": 0o1777,
    "/var/log": 0o755,
    "/root": 0o700,
}
"""Folders that programs expect to write to. The rest of the host is read-only inside."""

_MEMORY_HASH_SEEDS = 2**32


def layered_folders(needed: Iterable[Path]) -> frozenset[str]:
    """The writable folders in which something needed lies, so that hiding them would hide it too.

    A path is looked at both as it is written and with its symbolic links resolved, because the
    program inside walks it link by link.
    """
    spellings = {spelling for path in needed for spelling in (path.absolute(), path.resolve())}
    return frozenset(
        folder for folder in WRITABLE_MODES if any(spelling.is_relative_to(folder) for spelling in spellings)
    )


def boot_environment(
    *,
    command: tuple[str, ...],
    environment: Mapping[str, str],
    seed: int,
    silence_limit_s: float,
    terminal: os.terminal_size | None,
    layered: frozenset[str],
    python: str,
) -> str:
    """The shell fragment that init.sh reads: `make_writable`, `run_program`, `power_off` and two values.

    With a terminal, the program gets the console as its own, of that size.
    """
    covers = [
        f"\t{'layered' if folder in layered else 'empty'} {folder} {mode:o}"
        for folder, mode in WRITABLE_MODES.items()
    ]
    variables = {
        "PATH": GUEST_PATH,
        "HOME": HOME_IN_GUEST,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "PYTHONHASHSEED": str(seed % _MEMORY_HASH_SEEDS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **environment,
    }
    assignments = [f"{name}={value}" for name, value in sorted(variables.items())]
    run = shlex.join(["env", "-i", *assignments, *command])
    off = shlex.join([python, "-I", "-S", "-c", _POWER_OFF])
    return "\n".join(
        [
            "make_writable() {",
            *covers,
            "}",
            "run_program() {",
            f'\t"$@" {run}',
            "}",
            "power_off() {",
            f"\texec {off}",
            "}",
            f"SILENCE_LIMIT_S={silence_limit_s!r}",
            f"TERMINAL_SIZE='{f'rows {terminal.lines} columns {terminal.columns}' if terminal else ''}'",
            "",
        ]
    )


_POWER_OFF = "import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)"
"""reboot(2) with LINUX_REBOOT_CMD_POWER_OFF: a `poweroff` program is not on every system, Python is."""
