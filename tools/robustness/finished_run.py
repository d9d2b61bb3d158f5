"""A finished run for attempts to report on: the synthetic one of the tests."""

import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from robustness.stand_ins import PROJECT


@cache
def _made() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """Made once, in a folder that lasts as long as this process; an expectation of it does not hold."""
    sys.path.insert(0, str(PROJECT / "tests" / "unit"))
    import synthetic_run

    keeper = tempfile.TemporaryDirectory(prefix="finished-run-")
    return keeper, synthetic_run.write_report(Path(keeper.name) / "run").path


def copy_to(place: Path) -> None:
    """Put a copy of the run there."""
    shutil.copytree(_made()[1], place)
