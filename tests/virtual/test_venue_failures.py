"""Every way in which an embedded kernel can fail is provoked, and told in plain words."""

from pathlib import Path

import pytest
from venue_boot import PYTHON, console_of, run_inside

from testbed.errors import KernelError, NotReadyError
from testbed.venue.virtual import OUTPUT_IN_GUEST, Progress

CRASH_INIT = """
import ctypes, os
ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
ATTACH, POKEUSER, DETACH, RIP, ANY_CHILD = 16, 6, 17, 16 * 8, 0x40000000
assert ptrace(ATTACH, 1, 0, 0) == 0
os.waitpid(1, ANY_CHILD)
assert ptrace(POKEUSER, 1, RIP, 8) == 0
ptrace(DETACH, 1, 0, 0)
"""
"""Sends the first process to an address where there is nothing."""

REPORT_ONCE_THEN = f"""
from pathlib import Path; from testbed.venue.progress import *
append_progress(Path('{OUTPUT_IN_GUEST}'), Progress(reached_ns=2_500_000_000, of_ns=10**10, text='on'))
"""


def failure(output_dir: Path, *command: str, **bounds: object) -> str:
    with pytest.raises(KernelError) as caught:
        run_inside(output_dir, *command, **bounds)
    left = sorted(path.name for path in output_dir.iterdir())
    assert left == ["console.log"], "a failed boot leaves its console and nothing else"
    return str(caught.value)


def test_a_spin_is_told_from_a_wait_and_stopped(tmp_path: Path) -> None:
    message = failure(tmp_path, PYTHON, "-c", REPORT_ONCE_THEN + "while True: pass", stall_limit_s=5)
    assert "virtual time has stood still at 2.500000 s for 5 s of wall time" in message


def test_a_spin_on_the_clock_is_stopped(tmp_path: Path) -> None:
    spin = "import time\nwhile time.monotonic() < 10**6: pass"
    assert "virtual time has stood still since the boot" in failure(
        tmp_path, PYTHON, "-c", spin, stall_limit_s=5
    )


def test_progress_holds_the_stall_limit_off(tmp_path: Path) -> None:
    busy = REPORT_ONCE_THEN + (
        "import os\n"
        "for step in range(8):\n"
        f"    append_progress(Path('{OUTPUT_IN_GUEST}'), Progress(reached_ns=step, of_ns=8, text=''))\n"
        "    sum(range(5_000_000))\n"
    )
    heard: list[Progress] = []
    outcome = run_inside(tmp_path, PYTHON, "-c", busy, stall_limit_s=3, heard=heard)
    assert outcome.exit_status == 0
    assert len(heard) == 9


def test_a_deadlock_is_noticed_by_the_virtual_time_that_passes(tmp_path: Path) -> None:
    message = failure(tmp_path, PYTHON, "-c", "import signal; signal.pause()")
    assert "deadlock: 3600 s of virtual time have passed without progress" in message


def test_a_panic_is_told_with_the_end_of_the_console(tmp_path: Path) -> None:
    message = failure(tmp_path, PYTHON, "-c", CRASH_INIT)
    assert "the first process inside died" in message
    assert "Kernel panic - not syncing: Attempted to kill init!" in message


def test_running_out_of_memory_inside_is_told(tmp_path: Path) -> None:
    hoard = "hoard = []\nwhile True: hoard.append(b'x' * 10_000_000)"
    message = failure(tmp_path, PYTHON, "-c", hoard, memory="256M")
    assert "ran out of memory (256M are given to it)" in message


def test_the_wall_limit_is_told(tmp_path: Path) -> None:
    message = failure(tmp_path, "sleep", "1000", time_travel=False, wall_limit_s=2)
    assert "stopped at its limit of 2 s of wall time" in message


def test_a_program_that_hides_the_output_folder_is_no_success(tmp_path: Path) -> None:
    message = failure(tmp_path, "mount", "-t", "tmpfs", "none", OUTPUT_IN_GUEST)
    assert "no exit status was left behind" in message


def test_a_guest_with_more_memory_than_any_folder_has_room_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=r"no folder has room .* MiB free"):
        run_inside(tmp_path, "true", memory="900000G")


def test_nothing_of_this_hides_a_command_that_simply_fails(tmp_path: Path) -> None:
    outcome = run_inside(tmp_path, "sh", "-c", "echo Kernel panic - not syncing: not really; exit 3")
    assert outcome.exit_status == 3
    assert "not really" in console_of(outcome)
