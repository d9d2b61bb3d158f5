"""Booting the embedded kernel from tests: one call with short limits."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testbed.venue import kernel
from testbed.venue.virtual import Boot, Outcome, Progress, boot

PYTHON = sys.executable


def embedded_kernel() -> kernel.Kernel:
    """The built kernel, or a skip that says how to build it."""
    found = kernel.find()
    if found is None:
        pytest.skip("the embedded kernel is not built: testbed kernel build")
    return found


def run_inside(
    output_dir: Path, *command: str, heard: list[Progress] | None = None, **bounds: Any
) -> Outcome:
    """Run a command inside with seed 1 and limits fit for a test, all of which may be overridden."""
    fields: dict[str, Any] = {"seed": 1, "wall_limit_s": 120.0, "stall_limit_s": 60.0} | bounds
    output_dir.mkdir(exist_ok=True)
    return boot(
        embedded_kernel(),
        Boot(command=command, output_dir=output_dir, **fields),
        on_progress=(lambda _progress: None) if heard is None else heard.append,
    )


def console_of(outcome: Outcome) -> str:
    return outcome.console_path.read_text(encoding="utf-8")


@contextmanager
def every_core_busy() -> Iterator[None]:
    """A program of normal priority on each processor that does nothing but run."""
    spinners = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
