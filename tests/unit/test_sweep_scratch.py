"""Folders of runs in the temporary folder: what a killed process leaves is removed, what is in use is not."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from testbed.sweep.run_order import LocalOrder, RunOrder
from testbed.sweep.scratch import scratch_folder

HOLDER = """
import subprocess, sys
from testbed.sweep.scratch import scratch_folder
with scratch_folder() as (folder, lock):
    (folder / "half").mkdir()
    child = subprocess.Popen(["sleep", "1000"], pass_fds=[lock] if "child" in sys.argv else [])
    print(folder, child.pid, flush=True)
    child.wait()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("with_child", [False, True])
def test_what_a_killed_process_left_is_removed_once_nobody_works_in_it(place: Path, with_child: bool) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, "child" if with_child else "alone"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place)},
    )
    assert holder.stdout is not None
    folder, pid = holder.stdout.readline().split()
    try:
        with scratch_folder():
            assert Path(folder).is_dir()
        holder.kill()
        holder.wait()
        with scratch_folder() as (mine, _):
            assert mine.is_dir()
            assert Path(folder).exists() == with_child
    finally:
        os.kill(int(pid), signal.SIGKILL)
        holder.stdout.close()
    assert not mine.exists()


def test_a_run_whose_starter_is_gone_removes_the_folder_that_it_was_given(place: Path) -> None:
    code = (
        "import sys, time; from testbed.cli import sweep_worker\n"
        "def carry_out(placed):\n    print('under way', flush=True); time.sleep(1000)\n"
        "sweep_worker.carry_out = carry_out; sys.exit(sweep_worker.main())"
    )
    scratch = place / "scratch"
    scratch.mkdir()
    limits = {"wall_limit_s": 1.0, "stall_limit_s": 1.0}
    order = RunOrder(name="run", text="", seed=1, settings=(), kernel="k", **limits)
    placed = LocalOrder(order=order, out=str(scratch / "run"), side_by_side=1, scratch=str(scratch))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(placed.line())
        process.stdin.flush()
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not scratch.exists()
