"""The example package as pip builds and installs it: what it brings is found, and is not there without it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "example_package"
LIST = """
from testbed.model.channel import CHANNEL_POLICIES
from testbed.model.placement import PLACEMENT_POLICIES, PLACEMENT_SCORES
from testbed.model.workload import WORKLOADS
from testbed.scenario.source import topologies
from testbed.channel import policy_called
from testbed.scenario.topology import installed_topology
from testbed.scenario.workloads import workload_kind
from testbed.placement.plugin_policies import choice_called, score_called

kinds = (topologies(), CHANNEL_POLICIES, PLACEMENT_POLICIES, PLACEMENT_SCORES, WORKLOADS)
print(*(name for kind in kinds for name in kind.installed()))
for kind, load in zip(kinds, (installed_topology, policy_called, choice_called, score_called, workload_kind)):
    for name in kind.installed():
        assert load(name) is not None
"""


def found(path: str | None) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {} if path is None else {"PYTHONPATH": path}
    command = [sys.executable, "-c", LIST]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_pip_has_installed_is_found_by_its_names(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling, which builds the package, is not installed")
    source = tmp_path / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    target = tmp_path / "target"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        *offline,
        "--target",
        str(target),
        str(source),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert found(str(target)) == ["campus", "ratchet", "consolidate", "energy", "voice"]
    assert found(None) == []  # the control
