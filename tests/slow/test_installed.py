"""The package as pip installs it, without the folder that it was built from: what is shipped is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.scenario import shipped, shipped_topologies

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, as it would be among a machine's site packages."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    quietly = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*quietly, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(PROJECT)]
    subprocess.run(build, check=True)
    (wheel,) = wheels.glob("testbed-*.whl")
    subprocess.run([*quietly, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    return target


def printed(installed: Path, folder: Path, *arguments: str) -> str:
    """What a command of the installed package prints; this one's dependencies serve it."""
    code = "import sys; from testbed.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_shipped_is_there_once_it_is_installed(installed: Path, tmp_path: Path) -> None:
    listed = printed(installed, tmp_path, "list")
    named = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert named == [*shipped(), *shipped_topologies()]


def test_a_shipped_scenario_is_planned_from_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    code = "import testbed; print(testbed.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(installed)
    assert "home1" in printed(installed, tmp_path, "plan", "cloud_gaming")


def test_the_kernel_s_configuration_and_patches_are_there(installed: Path) -> None:
    kernel = Path("testbed", "venue", "uml")
    there = sorted(
        path.relative_to(PROJECT / kernel) for path in (PROJECT / kernel).rglob("*") if path.is_file()
    )
    assert [path for path in there if not (installed / kernel / path).is_file()] == []
    assert len(there) > 5
