"""Boots the embedded kernel on the host's own files and runs one command inside it.

The guest sees the host's file system read-only, with memory over the folders that programs write to;
the output folder alone is the host's for writing. In virtual time, computing takes no time at all.
What is inside is told by guest.py and uml/init.sh, and why a boot failed by diagnosis.py.
"""

import compileall
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import testbed
from testbed.errors import KernelError, LimitError, TestbedError
from testbed.record.guest_files import read_bytes, read_console, remove
from testbed.venue import diagnosis
from testbed.venue.guest import OUTPUT_IN_GUEST, boot_environment, layered_folders
from testbed.venue.image import Kernel
from testbed.venue.launch import Guest, launched, stop_on_terminate
from testbed.venue.output_limit import OutputLimit
from testbed.venue.progress import Progress, ProgressTail
from testbed.venue.stall import StallJudge

__all__ = ["OUTPUT_IN_GUEST", "Boot", "Outcome", "Progress", "boot"]

CONSOLE_NAME = "console.log"
PRIVATE_NAME = ".boot"
"""Folder inside the output folder that lives as long as the kernel: its script, its status, its pid."""

SERIAL_IN_GUEST = "/dev/ttyS0"
"""The line to the outside of a command that is served."""

VIRTUAL_EPOCH_NS = 1_767_225_600 * 10**9
"""What the guest's wall clock shows at boot: 2026-01-01T00:00:00Z, always."""

_START = (
    "export LIBMOUNT_FORCE_MOUNT2=always && "
    "mount -t hostfs none /sys -o /proc/self/cwd/. && exec /sys/init.sh"
)
"""The kernel's working directory on the host is this boot's private folder. Reaching it by that name, and
by a mount instead of a path, keeps the length of its real path out of the guest's memory. The variable
holds mount(8) of util-linux 2.39 and later to mount(2): through the newer system calls hostfs would take
the folder for the name of an option."""

_OUTPUT_ON_HOST = "/proc/self/cwd/.."
"""The output folder, as the kernel's process finds it and uml/init.sh mounts it: the private one is in it."""

_POLL_S = 0.1
_JUDGE_S = 0.5
"""Between two looks at whether virtual time moves: reading CPU times goes through all of the host."""
_ENDLESS_S = 1e9
_INIT_SCRIPT = Path(__file__).parent / "uml" / "init.sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One command to be run inside, and the bounds that it must keep.

    `output_dir` is an existing folder, the only one that is the host's for writing; it is always seen
    inside as OUTPUT_IN_GUEST. `stall_limit_s` is the CPU time that the guest may use while virtual time
    stands still (a spin), and `silence_limit_s` the longest virtual time without a line of progress (a
    deadlock, noticed after twice that at the latest). `output_limit_bytes` is the most that it may leave on
    the host's disk. `memory` is the guest's, as the kernel reads it ("4G"); the host gives only what is
    touched. `visible` names further paths that the command reads, if
    they may lie in /tmp, /run or /root. Without `time_travel` the same kernel runs in real time; unless
    it is `quiet`, the console shows its log. No limit is kept by `serving`.
    """

    command: tuple[str, ...]
    output_dir: Path
    seed: int
    wall_limit_s: float = 3600.0
    stall_limit_s: float = 120.0
    silence_limit_s: float = 3600.0
    output_limit_bytes: int = 256 << 30
    memory: str = "4G"
    time_travel: bool = True
    quiet: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    visible: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The command came to its end: its exit status, and what the boot took of wall time."""

    exit_status: int
    wall_s: float
    console_path: Path


def boot(kernel: Kernel, boot: Boot, on_progress: Callable[[Progress], None]) -> Outcome:
    """Boot, run the command, power off; every process is gone on return, however it returns.

    Raises:
        KernelError: The guest died; the message ends with its last console lines.
        LimitError: It was stopped at a limit, and its console is shown in the same way.
        NotReadyError: The host has nowhere to put the guest's memory.
    """
    _compile_modules()
    console_path = boot.output_dir / CONSOLE_NAME
    tail = ProgressTail(boot.output_dir)
    tail.remove()
    started_s = time.monotonic()
    try:
        with (
            stop_on_terminate(),
            private_folder(boot) as private,
            console_path.open("wb") as screen,
            launched(
                kernel,
                kernel_arguments(boot),
                memory=boot.memory,
                seed=boot.seed,
                folder=private,
                screen=screen,
            ) as guest,
        ):
            stopped = _watch(guest, boot, tail, on_progress, started_s)
            exit_status = read_status(boot.output_dir)
    finally:
        tail.remove()
    wall_s = time.monotonic() - started_s
    if stopped is None and exit_status is not None:
        return Outcome(exit_status=exit_status, wall_s=wall_s, console_path=console_path)
    raise _no_status(kernel, boot, guest, stopped)


def _no_status(kernel: Kernel, boot: Boot, guest: Guest, stopped: str | None) -> TestbedError:
    """The error for a command that did not come to its end, for this reason or one that the console tells."""
    console_path = boot.output_dir / CONSOLE_NAME
    console = read_console(console_path)
    why = stopped or diagnosis.died(
        console, returncode=guest.returncode, memory=boot.memory, silence_limit_s=boot.silence_limit_s
    )
    end = diagnosis.tail(console)
    shown = f"\nThe end of its console:\n{end}" if end else ""
    kind = LimitError if stopped else KernelError
    return kind(f"running {boot.command[0]} in the embedded kernel {kernel.version}: {why}.{shown}")


class Served:
    """A kernel that runs for as long as somebody has use for it; see `serving`."""

    def __init__(self, kernel: Kernel, boot: Boot, guest: Guest) -> None:
        self._kernel, self._boot, self._guest = kernel, boot, guest

    def fileno(self) -> int:
        """For poll: can be read once the kernel has ended."""
        return self._guest.fileno()

    def exit_status(self) -> int:
        """The exit status of the command, once the kernel has ended.

        Raises:
            KernelError: The guest died; the message ends with its last console lines.
        """
        exit_status = read_status(self._boot.output_dir)
        if exit_status is not None:
            return exit_status
        raise _no_status(self._kernel, self._boot, self._guest, None)


@contextmanager
def serving(kernel: Kernel, boot: Boot, serial: socket.socket) -> Iterator[Served]:
    """Boot in real time; the command finds our socket's other end as its serial line SERIAL_IN_GUEST.

    Leaving the block ends every process, if the command has not come to its end by then. None of the
    boot's limits hold, because nobody knows how long its user has use for it.

    Raises:
        NotReadyError: The host has nowhere to put the guest's memory.
    """
    _compile_modules()
    boot = replace(boot, time_travel=False, silence_limit_s=_ENDLESS_S)
    with (
        private_folder(boot) as private,
        (boot.output_dir / CONSOLE_NAME).open("wb") as screen,
        launched(
            kernel,
            kernel_arguments(boot, serial=serial.fileno()),
            memory=boot.memory,
            seed=boot.seed,
            folder=private,
            screen=screen,
            kept=(serial.fileno(),),
        ) as guest,
    ):
        # The kernel has its own: with ours open as well nobody would see that it has ended.
        serial.close()
        yield Served(kernel, boot, guest)


def _watch(
    guest: Guest,
    boot: Boot,
    tail: ProgressTail,
    on_progress: Callable[[Progress], None],
    started_s: float,
) -> str | None:
    """Pass progress on until the kernel ends (None) or must be stopped (the reason)."""
    output = OutputLimit(boot.output_dir, boot.output_limit_bytes)
    judge, judged_s = StallJudge(boot.stall_limit_s, guest.cpu_s), started_s
    while True:
        ended = guest.wait(_POLL_S)
        now_s = time.monotonic()
        for progress in tail.new_lines():
            on_progress(progress)
        if ended:
            return None
        if now_s - started_s > boot.wall_limit_s:
            return diagnosis.wall_limit(boot.wall_limit_s)
        too_much = output.exceeded(now_s)
        if too_much is not None:
            return diagnosis.output_limit(too_much)
        if boot.time_travel and now_s - judged_s >= _JUDGE_S:
            judged_s = now_s
            stall = judge.look(guest.shown())
            if stall is not None:
                return diagnosis.stalled(stall, boot.stall_limit_s)


@contextmanager
def private_folder(boot: Boot, *, terminal: os.terminal_size | None = None) -> Iterator[Path]:
    """The files of this boot, in the output folder so that even a killed parent leaves nothing elsewhere."""
    private = boot.output_dir / PRIVATE_NAME
    remove(private)
    private.mkdir(mode=0o700)
    try:
        shutil.copyfile(_INIT_SCRIPT, private / "init.sh")
        (private / "init.sh").chmod(0o700)
        text = boot_environment(
            command=boot.command,
            environment=boot.environment,
            seed=boot.seed,
            silence_limit_s=boot.silence_limit_s,
            terminal=terminal,
            layered=layered_folders(_needed_paths(boot)),
            python=sys.executable,
        )
        (private / "boot.env").write_text(text, encoding="utf-8")
        yield private
    finally:
        remove(private)


def _compile_modules() -> None:
    """Give every module of the project its compiled form, which the guest cannot write down.

    Otherwise whether a module was ever imported on the host would decide how the guest's processes use
    their memory, and with it the order of whatever goes by addresses. Where the project is not ours to
    write to, nothing changes from run to run and nothing is lost.
    """
    for package in testbed.__path__:
        for folder in (Path(package), Path(package).with_name("topologies")):
            if folder.is_dir():
                compileall.compile_dir(str(folder), quiet=2)


def _needed_paths(boot: Boot) -> list[Path]:
    """Every host path that the command can be known to read: Python, this package, its arguments."""
    words = [*boot.command, *boot.environment.values()]
    return [
        Path(sys.executable),
        Path(sys.prefix),
        Path(sys.base_prefix),
        *(Path(entry) for entry in sys.path if entry),
        *(Path(folder).parent for folder in testbed.__path__),
        *(Path(word) for word in words if word.startswith("/") and os.path.lexists(word)),
        *boot.visible,
    ]


def kernel_arguments(boot: Boot, *, keyboard: str = "null", serial: int | None = None) -> list[str]:
    """The kernel's command line. Nothing in it depends on where the host keeps the files of this run.

    `serial` is the descriptor that is SERIAL_IN_GUEST inside.
    """
    virtual = ["time-travel=inf-cpu", f"time-travel-start={VIRTUAL_EPOCH_NS}"] if boot.time_travel else []
    return [
        f"mem={boot.memory}",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        f"hostfs_writable={_OUTPUT_ON_HOST}",
        *(["quiet"] if boot.quiet else []),
        "con=null",
        f"con0={keyboard},fd:1",
        *([] if serial is None else [f"ssl0=fd:{serial}"]),
        "norandmaps",
        "random.trust_cpu=off",
        "uml_dir=/proc/self/cwd",
        "umid=uml",
        *virtual,
        "init=/bin/sh",
        "--",
        "-c",
        f'"{_START}"',
    ]


def read_status(output_dir: Path) -> int | None:
    """The command's exit status, as the first process wrote it; None if it did not live to do so.

    Raises:
        KernelError: Somebody else inside has written there.
    """
    try:
        text = read_bytes(output_dir / PRIVATE_NAME / "status", below=output_dir).strip()
    except FileNotFoundError:
        return None
    if text and not re.fullmatch(rb"\d{1,3}", text):
        raise KernelError(
            f"the exit status that was left behind is {text[:40]!r}, which no shell has written: "
            "a program inside has overwritten it"
        )
    return int(text) if text else None
