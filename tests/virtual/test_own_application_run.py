"""A whole kind of application that a package brings: keys, rules, programs, events, numbers, table, plot."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from venue_boot import embedded_kernel

sys.path.append(str(Path(__file__).parents[1] / "unit"))
from example_install import install_example

PROJECT = Path(__file__).parents[2]
SCENARIO = """\
title: Signs of life
duration: 1 s
network: {topology: elastic_access, parameters: {onus: 2, fibre: 10 km}}
access:
  downstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 500 kB}
  upstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 500 kB}
pon: {model: shaped_link}
beacons:
  pulse: {source: home1, destination: node1, starts: 100 ms, ends: 600 ms, interval: 25 ms}
expect:
  - {variant: default, session: pulse, measure: beacon, statistic: received, at_least: 20}
  - {variant: default, session: pulse, measure: beacons, statistic: silence, at_most: 25100 us}
"""


def command(folder: Path, *arguments: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own, which finds the package unless another path is given."""
    code = "import sys; from testbed.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "packages") if path is None else path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("application")
    install_example(folder / "packages")
    (folder / "life.yaml").write_text(SCENARIO)
    return folder


def test_a_kind_that_a_package_brings_runs_and_is_reported(folder: Path) -> None:
    embedded_kernel()
    done = command(folder, "run", "life.yaml", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "Beacons" in done.stdout
    assert "All 2 expectations hold." in done.stdout
    summary = json.loads((folder / "run" / "summary.json").read_text())["variants"]["default"]
    assert summary["beacons"]["pulse"]["received"] == 20
    assert summary["beacon_delays"]["pulse"]["across"]["lost"] == 0
    (end,) = (
        event
        for line in (folder / "run" / "events.jsonl").read_text().splitlines()
        if (event := json.loads(line))["kind"] == "beacon.end"
    )
    assert end["silence_ns"] == summary["beacons"]["pulse"]["silence_ns"] >= 25_000_000
    page = (folder / "run" / "report.html").read_text()
    assert "What arrived of each" in page
    assert "Beacon pulse" in page


def test_what_it_refuses_is_refused_by_check(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(SCENARIO.replace("home1, destination", "home9, destination"))
    done = command(folder, "check", "wrong.yaml")
    assert done.returncode == 2
    assert "beacons.pulse.source: 'home9' is no host of elastic_access" in done.stderr


def test_the_testbed_ships_it_with_its_folder_and_one_line(folder: Path) -> None:
    """A copy of the testbed in which nothing else is changed."""
    copy = folder / "shipped" / "testbed"
    shutil.copytree(PROJECT / "testbed", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(folder / "packages" / "example_testbed" / "beacons", copy / "applications" / "beacons")
    for module in (copy / "applications" / "beacons").glob("*.py"):
        module.write_text(module.read_text().replace("example_testbed.", "testbed.applications."))
    registry = copy / "applications" / "registry.py"
    line = '    "testbed.applications.transfer",\n'
    registry.write_text(registry.read_text().replace(line, f'{line}    "testbed.applications.beacons",\n'))
    for topologies in ("topologies", "scenarios"):
        shutil.copytree(PROJECT / topologies, folder / "shipped" / topologies)
    path = str(folder / "shipped")
    for arguments in (("check", "life.yaml"), ("plan", "life.yaml"), ("report", "run")):
        done = command(folder, *arguments, path=path)
        assert done.returncode == 0, done.stderr
    assert "Beacons" in done.stdout


def test_without_the_package_its_keys_are_unknown(folder: Path) -> None:
    """The control."""
    done = command(folder, "check", "life.yaml", path="")
    assert done.returncode == 2
    assert "beacons: unknown key" in done.stderr


def test_a_package_that_does_not_load_is_named(folder: Path) -> None:
    broken = folder / "packages" / "example_testbed" / "beacons" / "model.py"
    text = broken.read_text()
    broken.write_text("raise RuntimeError('half installed')\n")
    try:
        done = command(folder, "check", "life.yaml")
    finally:
        broken.write_text(text)
    assert done.returncode == 2
    assert "'beacons' of example-testbed 1.2.0" in done.stderr
    assert "model.py, line 1: RuntimeError: half installed" in done.stderr
