"""The embedded kernel has nothing to say against what we ask of it, and would not be believed if it had."""

import re
from pathlib import Path

import pytest
from venue_boot import PYTHON, console_of, run_inside

from testbed.errors import KernelError

EVERYTHING = """
from testbed.venue.pon_trial import FABRIC_FEATURE, FABRIC_TRIAL, FEATURE, TRIAL
from testbed.venue.host import missing_features
print("missing:", missing_features({FEATURE: TRIAL, FABRIC_FEATURE: FABRIC_TRIAL}))
"""
"""All that a run has the kernel do, each in a network namespace of its own."""


def test_everything_that_a_run_asks_for_leaves_no_warning(tmp_path: Path) -> None:
    outcome = run_inside(tmp_path, PYTHON, "-c", EVERYTHING, quiet=False)
    console = console_of(outcome)
    assert outcome.exit_status == 0, console
    assert "missing: []" in console
    assert "Linux version" in console, "the kernel's log is on the console"
    assert re.findall(r"WARN.*|BUG.*|Call Trace|.*quantum.*|.*taint.*", console) == []


def test_a_kernel_that_has_warned_of_itself_has_no_result(tmp_path: Path) -> None:
    as_if = "echo '<4>WARNING: of this test' > /dev/kmsg; echo 512 > /proc/sys/kernel/tainted"
    with pytest.raises(KernelError, match=r"results are void \(taint 512\)") as caught:
        run_inside(tmp_path, "sh", "-c", as_if)
    assert "WARNING: of this test" in str(caught.value)
