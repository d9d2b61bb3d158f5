"""The workflow for hosted runners: a valid one, which sets up and caches what the project really has."""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
WORKFLOW = PROJECT / ".github" / "workflows" / "test.yml"
CHECK = Path(sys.executable).with_name("check-jsonschema")


def checked(workflow: Path) -> "subprocess.CompletedProcess[str]":
    if not CHECK.exists():
        pytest.skip("check-jsonschema is not installed")
    # Its own copy of the published schema: nothing is fetched.
    command = [str(CHECK), "--builtin-schema", "vendor.github-workflows", str(workflow)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def steps() -> dict[str, dict[str, Any]]:
    """The steps of the one job, by what they use or run."""
    found = yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]["steps"]
    return {step.get("uses", step.get("run", "")): step for step in found}


def test_the_workflow_keeps_to_the_published_schema() -> None:
    done = checked(WORKFLOW)
    assert done.returncode == 0, done.stdout


def test_one_that_does_not_is_found(tmp_path: Path) -> None:
    """The control."""
    wrong = WORKFLOW.read_text().replace("runs-on:", "runs-at:")
    (tmp_path / "test.yml").write_text(wrong)
    assert "runs-at" in checked(tmp_path / "test.yml").stdout


def test_it_runs_what_a_pipeline_runs(steps: dict[str, dict[str, Any]]) -> None:
    (command,) = [words for words in steps if words.startswith(".ci/")]
    assert (PROJECT / command).stat().st_mode & 0o111


def test_the_kernel_is_kept_by_all_that_it_is_made_of(steps: dict[str, dict[str, Any]]) -> None:
    """And nothing else, or it would be built anew too often: the same files as the set-up's own stamp."""
    kept = steps["actions/cache@v4"]["with"]
    assert kept["path"] == "~/.cache/testbed/kernels"
    patterns = kept["key"].partition("hashFiles(")[2].rpartition(")")[0].replace("'", "").split(", ")
    files = [
        path for path in (PROJECT / "testbed").rglob("*") if path.is_file() and "__pycache__" not in str(path)
    ]
    hashed = {
        path.name for path in files for each in patterns if fnmatch(str(path.relative_to(PROJECT)), each)
    }
    assert {"um.config", "sch_pon.c", "sch_fabric.c"} <= hashed
    assert [path.name for path in files if path.suffix == ".patch" and path.name not in hashed] == []
    for pattern in patterns:
        assert list(PROJECT.glob(pattern)), pattern
