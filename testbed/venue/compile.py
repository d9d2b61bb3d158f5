"""The steps from a source package to a kernel binary, each in a folder that the caller owns.

Nothing here knows the cache; kernel.py decides when to build and where the result goes.
"""

import os
import shlex
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import KernelError, NotReadyError
from testbed.lifeline import tied
from testbed.venue.source import (
    FRAGMENT_PATH,
    PATCH_FOLDER,
    KernelSource,
    added_sources,
    lost_options,
    patches,
)
from testbed.venue.steps import ShowStep

NEEDED_BYTES = 1500 * 2**20
"""Free disk that a build takes at its peak: 700 MiB of sources, 130 MiB of objects, and room to spare."""

EXPECTED_LINES = 1331
"""Lines that `make linux` prints for the fragment on 6.12; only the percentage shown depends on it."""

_UNUSED = (
    "Documentation/*/*",
    "arch/[!ux]*/*.[chS]",
    "arch/[!ux]*/*.dts*",
    "drivers/gpu/*.[ch]",
    "drivers/media/*.[ch]",
    "drivers/net/ethernet/*.[ch]",
    "drivers/net/wireless/*.[ch]",
    "drivers/staging/*.[ch]",
    "drivers/scsi/*.[ch]",
    "sound/*.[ch]",
    "tools/testing/*",
    "tools/perf/*",
)
"""Left in the package: two thirds of it. Their Kconfig files and Makefiles stay, since others name them."""

_REPRODUCIBLE = {
    "KBUILD_BUILD_TIMESTAMP": "@0",
    "KBUILD_BUILD_USER": "testbed",
    "KBUILD_BUILD_HOST": "testbed",
}
"""What `/proc/version` shows inside, lest it differ from build to build."""


class PatchError(KernelError):
    """A patch of the project does not fit this source; it may fit another one."""


def require_disk(folder: Path) -> None:
    """Raises:
    NotReadyError: The file system of `folder` has less room than a build takes.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < NEEDED_BYTES:
        raise NotReadyError(
            f"building the embedded kernel takes {NEEDED_BYTES >> 20} MiB in {folder}, "
            f"and {free_bytes >> 20} MiB are free there: make room, or set XDG_CACHE_HOME to a roomier folder"
        )


def unpack(source: KernelSource, folder: Path, show: ShowStep) -> Path:
    """Unpack what a User-Mode Linux build reads of the source; returns the top of the tree."""
    top = source.path.name.removesuffix(".tar.xz")
    excludes = [f"--exclude={top}/{pattern}" for pattern in _UNUSED]
    command = [
        "tar",
        "--extract",
        "--xz",
        "--no-same-owner",
        "--anchored",
        *excludes,
        f"--directory={folder}",
    ]
    text = f"unpacking {source.path.name}"
    show(text, 0.0)
    with _process(command, stdin=subprocess.PIPE) as tar, source.path.open("rb") as archive:
        assert tar.stdin is not None
        done_bytes = 0
        try:
            while chunk := archive.read(2**20):
                tar.stdin.write(chunk)
                done_bytes += len(chunk)
                show(text, done_bytes / source.size_bytes)
            tar.stdin.close()
        except BrokenPipeError:
            pass  # tar has ended early and says why on its output, which is raised below.
        _finish(tar, command, f"unpack {source.path}")
    return folder / top


def apply_patches(tree: Path, show: ShowStep) -> None:
    """Apply every patch of the project, with no fuzz: a patch that only nearly fits does not fit.

    The sources that the patches name are put beside the tree's own.

    Raises:
        PatchError: One does not fit.
    """
    for patch in patches():
        show(f"applying {patch.name}", None)
        command = ["patch", "--strip=1", "--batch", "--forward", "--fuzz=0", f"--input={patch}"]
        try:
            run(command, f"apply {patch.name} to {tree.name}", cwd=tree)
        except KernelError as error:
            raise PatchError(str(error)) from error
    for path in added_sources():
        shutil.copyfile(path, tree / path.relative_to(PATCH_FOLDER))


def configure(tree: Path, objects: Path, show: ShowStep) -> None:
    """Write the configuration: the fragment, what it pulls in, and nothing else.

    Raises:
        KernelError: Options of the fragment did not survive Kconfig; all of them are named.
    """
    show("configuring", None)
    objects.mkdir()
    command = [*_make(tree, objects), f"KCONFIG_ALLCONFIG={FRAGMENT_PATH}", "allnoconfig"]
    run(command, "configure the embedded kernel", cwd=tree)
    lost = lost_options(
        FRAGMENT_PATH.read_text(encoding="utf-8"), (objects / ".config").read_text(encoding="utf-8")
    )
    if lost:
        raise KernelError(
            f"configuring {tree.name}: Kconfig dropped {', '.join(lost)}; this source does not offer them "
            f"or something they depend on is missing from {FRAGMENT_PATH}"
        )


def compile_kernel(tree: Path, objects: Path, show: ShowStep) -> Path:
    """Compile and strip; returns the binary."""
    jobs = len(os.sched_getaffinity(0))
    text = f"compiling {tree.name} on {jobs} processors"
    command = [*_make(tree, objects), f"-j{jobs}", "linux"]
    lines = 0
    show(text, 0.0)

    def count(line: str) -> None:
        nonlocal lines
        lines += line.startswith("  ")
        show(text, min(lines / EXPECTED_LINES, 0.99))

    run(command, "compile the embedded kernel", cwd=tree, on_line=count)
    show(text, 1.0)
    binary = objects / "linux"
    run(["strip", str(binary)], "strip the embedded kernel", cwd=objects)
    return binary


def compiler_version() -> str:
    return subprocess.run(
        ["gcc", "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]


def _make(tree: Path, objects: Path) -> list[str]:
    return ["make", "-C", str(tree), f"O={objects}", "ARCH=um"]


def run(
    command: list[str], attempt: str, *, cwd: Path, on_line: Callable[[str], None] = lambda _line: None
) -> None:
    with _process(command, cwd=cwd) as process:
        _finish(process, command, attempt, on_line)


@contextmanager
def _process(
    command: list[str], *, cwd: Path | None = None, stdin: int = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own, all of which is gone when the block is left.

    Its environment is fixed but for PATH: a user's CFLAGS, ARCH or language must not change the kernel.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **_REPRODUCIBLE}
    process = subprocess.Popen(
        tied(command, signal.SIGTERM),
        cwd=cwd,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def _finish(
    process: "subprocess.Popen[bytes]",
    command: list[str],
    attempt: str,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Read a process's output to its end.

    Raises:
        KernelError: It failed; the message ends with its last lines.
    """
    assert process.stdout is not None
    last: deque[str] = deque(maxlen=30)
    for raw in process.stdout:
        line = raw.decode(errors="replace").rstrip("\n")
        last.append(line)
        on_line(line)
    status = process.wait()
    if status != 0:
        raise KernelError(
            f"could not {attempt}: {shlex.join(command[:3])} … ended with status {status}:\n" + _joined(last)
        )


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)
