"""Signals to commands that have booted a kernel: all of it ends, and what the user had is still there."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from test_exec import SCENARIO
from venue_boot import embedded_kernel

TESTBED = str(Path(sys.executable).with_name("testbed"))
PATIENCE_S = 120.0


def descendants(pid: int) -> dict[int, int]:
    """A descriptor for each process below another one, by its number."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(
                stat.read_text(errors="replace").rpartition(")")[2].split()[1]
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
    found: dict[int, int] = {}
    above = {pid}
    while above := {child for child, parent in parents.items() if parent in above}:
        found |= {child: os.pidfd_open(child) for child in above}
    return found


def kernel_runs(pid: int) -> bool:
    """Whether a program below another one is the embedded kernel."""
    programs = set()
    for child, descriptor in descendants(pid).items():
        os.close(descriptor)
        with suppress(OSError):
            programs.add(os.readlink(f"/proc/{child}/exe"))
    return str(embedded_kernel().path) in programs


def wait_until(reached: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("command", "signum", "phase"),
    [("run", signal.SIGINT, "boot"), ("exec", signal.SIGTERM, "running")],
)
def test_a_signal_ends_the_kernel_and_removes_only_what_the_command_made(
    tmp_path: Path, command: str, signum: signal.Signals, phase: str
) -> None:
    scenario, out = tmp_path / "network.yaml", tmp_path / "out"
    # Long enough that it is still running when the signal comes.
    scenario.write_text(json.dumps({**SCENARIO, "duration": "3600 s"}))
    out.mkdir()
    program = ["home1", "--", "ping", "-i", "0.01", "10.2.0.1"] if command == "exec" else []
    with subprocess.Popen(
        ["env", "--default-signal", TESTBED, command, str(scenario), "--out", str(out), *program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        written = out / "raw" / "default" / "exec.out"
        wait_until(written.is_file if phase == "running" else partial(kernel_runs, process.pid), process)
        (out / "notes.txt").write_text("of the user")
        below = descendants(process.pid)
        assert len(below) >= 2, "the program for the variant, and its kernel"
        process.send_signal(signum)
        _, told = process.communicate(timeout=PATIENCE_S)
    how = "interrupted" if signum == signal.SIGINT else "ended by SIGTERM"
    assert process.returncode == 128 + signum
    assert [line for line in told.splitlines() if " of 3601.0 s, " not in line] == [
        f"{how}; nothing is left running"
    ]
    for descriptor in below.values():
        assert select.select([descriptor], [], [], 10.0)[0], "a process has outlived the command"
        os.close(descriptor)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
