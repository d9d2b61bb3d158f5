"""However a run is ended from outside, nothing of it lives on and nothing is left behind."""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from venue_boot import PYTHON, embedded_kernel, run_inside

RUNNER = """
import signal
import sys
from dataclasses import replace
from pathlib import Path
from testbed.venue.kernel import find
from testbed.venue.virtual import Boot, boot

# Whoever runs the tests may ignore hang-ups, as under nohup, and a program inherits that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
script = "sleep 1000 & while true; do :; done"
script = "echo > /run/testbed/out/ready; " + script
boot(
    replace(find(), path=Path(sys.argv[1])),
    Boot(command=("sh", "-c", script), output_dir=Path(sys.argv[2]), seed=1, wall_limit_s=100),
    print,
)
"""


def processes_of(program: Path) -> dict[int, int]:
    """A descriptor for each process of the host that runs this program, by its number."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if os.readlink(entry / "exe") == str(program):
                    found[int(entry.name)] = os.pidfd_open(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


def survivors(processes: dict[int, int], timeout_s: float = 5.0) -> set[int]:
    """Which of the processes are still there after all had time to end."""
    waiting = {descriptor: pid for pid, descriptor in processes.items()}
    give_up_s = time.monotonic() + timeout_s
    while waiting and time.monotonic() < give_up_s:
        ended, _, _ = select.select(list(waiting), [], [], max(0.0, give_up_s - time.monotonic()))
        for descriptor in ended:
            os.close(descriptor)
            del waiting[descriptor]
    return set(waiting.values())


@contextmanager
def running(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path, Path]]:
    """A program that has booted a kernel in which a process spins: it, the kernel's path, the output."""
    program, output_dir = tmp_path / "kernel-of-this-test", tmp_path / "out"
    shutil.copy2(embedded_kernel().path, program)
    output_dir.mkdir()
    runner = subprocess.Popen([PYTHON, "-c", RUNNER, str(program), str(output_dir)], stderr=subprocess.PIPE)
    try:
        give_up_s = time.monotonic() + 30
        while not (output_dir / "ready").exists():
            assert runner.poll() is None, "the runner ended before its kernel was up"
            assert time.monotonic() < give_up_s
            time.sleep(0.05)
        yield runner, program, output_dir
    finally:
        runner.kill()
        runner.communicate()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process_and_leaves_only_the_output(
    tmp_path: Path, signum: signal.Signals
) -> None:
    memory_before = set(os.listdir("/dev/shm"))
    with running(tmp_path) as (runner, program, output_dir):
        processes = processes_of(program)
        assert len(processes) >= 2, "the kernel and its traced processes"
        started_s = time.monotonic()
        runner.send_signal(signum)
        runner.communicate(timeout=10)
        assert time.monotonic() - started_s < 2
        assert survivors(processes) == set()
    assert sorted(path.name for path in output_dir.iterdir()) == ["console.log", "ready"]
    assert not (Path.home() / ".uml").exists()
    assert set(os.listdir("/dev/shm")) <= memory_before


def test_a_killed_runner_takes_its_kernel_with_it(tmp_path: Path) -> None:
    with running(tmp_path) as (runner, program, output_dir):
        processes = processes_of(program)
        runner.kill()
        assert survivors(processes) == set()
    # Nobody was left to tidy the output folder; the next boot in it does.
    outcome = run_inside(output_dir, "true")
    assert outcome.exit_status == 0
    assert sorted(path.name for path in output_dir.iterdir()) == ["console.log", "ready"]


def test_a_killed_kernel_takes_its_processes_with_it_and_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as (runner, program, _):
        processes = processes_of(program)
        kernel_pid = min(processes)
        os.kill(kernel_pid, signal.SIGKILL)
        _, errors = runner.communicate(timeout=10)
        assert survivors(processes) == set()
    assert b"killed from outside (SIGKILL)" in errors


def test_an_exception_in_the_listener_ends_every_process(tmp_path: Path) -> None:
    class ListenerError(Exception):
        pass

    def fail(_progress: object) -> None:
        raise ListenerError

    report = (
        "from pathlib import Path; from testbed.venue.progress import *\n"
        "append_progress(Path('/run/testbed/out'), Progress(reached_ns=0, of_ns=1, text=''))\n"
        "while True: pass"
    )

    class Heard(list):  # type: ignore[type-arg]
        append = staticmethod(fail)  # type: ignore[assignment]

    with pytest.raises(ListenerError):
        run_inside(tmp_path, PYTHON, "-c", report, heard=Heard())
    assert [path.name for path in tmp_path.iterdir()] == ["console.log"]
