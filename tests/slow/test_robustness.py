"""The attempts to break the command line, in part; the tools make all of them."""

import subprocess
import sys

import pytest
from robustness.stand_ins import PROJECT


@pytest.mark.parametrize("tool", ["interrupts", "closed_outputs", "damage_runs"])
def test_no_attempt_breaks_a_command(tool: str) -> None:
    command = [sys.executable, str(PROJECT / "tools" / f"{tool}.py"), "--short"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(": 0 failures")
