"""The embedded kernel itself passes as a host, so the trials can succeed; each fails without its feature."""

from pathlib import Path

from venue_boot import PYTHON, console_of, run_inside

LIST = "from testbed.venue.host import missing_features; print('missing:', missing_features())"


def test_a_kernel_with_everything_lacks_nothing(tmp_path: Path) -> None:
    outcome = run_inside(tmp_path, PYTHON, "-c", LIST)
    missing = console_of(outcome).splitlines()[0]
    # The programs are the host's; whether Mininet's are installed there is not what is tried here.
    assert missing in ("missing: []", "missing: ['programs of the packages mininet']")
