"""A finished run for attempts to report on: the synthetic one of the tests, with a scenario that loads."""

import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from robustness.stand_ins import PROJECT

_VARIANTS = "variants: {best_effort: {}, elastic: {}}\n"


@cache
def _made() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    sys.path.insert(0, str(PROJECT / "tests" / "unit"))
    import synthetic_run

    from robustness.stand_ins import EXPECTED, SCENARIO

    keeper = tempfile.TemporaryDirectory(prefix="finished-run-")
    run = synthetic_run.make_run(Path(keeper.name) / "run")
    expected = EXPECTED.replace("variant: default", "variant: elastic")
    run.scenario_path.write_text(SCENARIO + expected + _VARIANTS)
    run.write_manifest(run.manifest())
    return keeper, run.path


def copy_to(place: Path) -> None:
    """Put a copy of the run there."""
    shutil.copytree(_made()[1], place)
