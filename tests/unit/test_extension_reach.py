"""What a run needs of installed packages: found again inside, told by the manifest, part of a sweep."""

import os
from pathlib import Path

import pytest
import synthetic_run
from example_install import install, install_example, lies_on_the_path
from scenario_documents import SCENARIO, TOPOLOGY

from testbed.cli.running import identity
from testbed.record.run_directory import RunDirectory
from testbed.report.comparison import Comparison, of_other_versions
from testbed.scenario import load
from testbed.sweep.axes import parsed_axes
from testbed.sweep.plan import SweepPlan, make_plan
from testbed.venue.search_path import search_path, within_reach
from testbed.venue.venue import SCENARIO_FILE

SCORES = "def scores(question):\n    return []\n"


def scenario(folder: Path, text: str) -> Path:
    (folder / "small.py").write_text(TOPOLOGY)
    path = folder / SCENARIO_FILE
    path.write_text(text)
    return path


OWN = SCENARIO.replace("  best_effort: {}", "  best_effort: {placement: {scores: {energy: 5}}}")
"""One variant has an extension, and the other has none."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    target = install_example(tmp_path / "packages")
    lies_on_the_path(monkeypatch, target)
    return target


def test_the_package_of_any_variant_is_readable_and_on_the_path_inside(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scenario(tmp_path, OWN)
    load(str(path))
    reach = within_reach(path.parent)
    assert reach["environment"] == {"PYTHONPATH": str(package)}
    assert package in reach["visible"]
    monkeypatch.setenv("PYTHONPATH", f"relative{os.pathsep}{package}")
    monkeypatch.chdir(tmp_path)
    again = within_reach(path.parent)["environment"]["PYTHONPATH"]
    assert again == f"{tmp_path / 'relative'}{os.pathsep}{package}"


def test_without_extensions_nothing_is_on_the_path_inside(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: neither the package nor what PYTHONPATH says."""
    monkeypatch.setenv("PYTHONPATH", str(package))
    assert within_reach(scenario(tmp_path, SCENARIO).parent)["environment"] == {}


def test_a_package_of_the_interpreter_itself_needs_no_path(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = load(str(scenario(tmp_path, OWN))).variants.values()
    assert search_path(scripts)
    monkeypatch.setattr("testbed.venue.search_path.site.getsitepackages", lambda: [str(package)])
    assert search_path(scripts) == {}


@pytest.mark.parametrize(
    ("entry", "file"), [("acme_policy", "acme_policy.py"), ("acme_policy", "acme_policy/__init__.py")]
)
def test_the_module_of_an_editable_install_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, file: str
) -> None:
    metadata = install(tmp_path / "site", {}, {"testbed.placement_scores": {"energy": entry}})
    source = tmp_path / "source"
    (source / file).parent.mkdir(parents=True)
    (source / file).write_text(SCORES)
    for folder in (source, metadata):
        lies_on_the_path(monkeypatch, folder)
    reach = within_reach(scenario(tmp_path, OWN).parent)
    assert {metadata, source} <= {*reach["visible"]}
    assert reach["environment"]["PYTHONPATH"].split(os.pathsep) == [str(metadata), str(source)]


def test_the_manifest_names_each_extension_once(package: Path, tmp_path: Path) -> None:
    own = identity(load(str(scenario(tmp_path, OWN))))["extensions"]
    assert [(each["group"], each["name"], each["distribution"], each["version"]) for each in own] == [
        ("testbed.placement_scores", "energy", "example-testbed", "1.2.0")
    ]
    assert identity(load("cloud_gaming"))["extensions"] == []


def planned(path: Path) -> SweepPlan:
    axes = parsed_axes(["duration=10 s"])
    bounds = {"seeds": 1, "first_seed": None, "variants": (), "kernel": "k", "version": "1"}
    return make_plan(str(path), axes, **bounds)


def test_a_sweep_with_another_version_of_a_package_is_another_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    points = {"testbed.placement_scores": {"energy": "acme_policy"}}
    path = scenario(tmp_path, OWN)
    for version in ("3.1", "3.2"):
        lies_on_the_path(
            monkeypatch, install(tmp_path / version, {"acme_policy": SCORES}, points, version=version)
        )
        names.append(planned(path).default_name)
    assert names[0] != names[1]
    assert "extensions" not in planned(scenario(tmp_path, SCENARIO)).description()


def test_runs_with_different_versions_of_a_package_are_told(tmp_path: Path) -> None:
    def made(name: str, version: str) -> tuple[str, RunDirectory]:
        run = RunDirectory.create_at(tmp_path / name)
        extensions = [{"distribution": "acme", "version": version}]
        run.write_manifest({**synthetic_run.manifest(), "extensions": extensions})
        return name, run

    first, second, third = made("a", "3.1"), made("b", "3.2"), made("c", "3.1")
    assert of_other_versions(Comparison((first, second), {})) == [
        "acme is not the same in all of these runs: 3.1 in a, 3.2 in b"
    ]
    assert of_other_versions(Comparison((first, third), {})) == []


READS_A_FILE = (
    TOPOLOGY.replace("import DOWNSTREAM, UPSTREAM, ", "import DOWNSTREAM, UPSTREAM, InputFile, ")
    .replace(
        "    extra: tuple",
        "    capacities: InputFile | None = None\n    others: tuple[InputFile, ...] = ()\n    extra: tuple",
    )
    .replace("capacity=parameters.capacity)", "capacity=int(open(parameters.capacities).read()))")
)
"""A topology of one's own that reads a file, wherever the process stands."""


def test_a_file_that_a_topology_of_ones_own_reads_is_found_and_readable_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    given = SCENARIO.replace(
        "parameters: {capacity: 10}", "parameters: {capacities: ../table, others: [../table, b]}"
    ).replace("  best_effort: {}", "  best_effort: {network: {parameters: {capacities: ../other}}}")
    here = tmp_path / "here"
    here.mkdir()
    path = scenario(here, given)
    (here / "small.py").write_text(READS_A_FILE)
    for name in ("table", "other"):
        (tmp_path / name).write_text("12")
    variants = load(str(path)).variants
    read = {name: script.network.parameters["capacities"] for name, script in variants.items()}
    assert read == {"best_effort": str(tmp_path / "other"), "elastic": str(tmp_path / "table")}
    assert {tmp_path / "table", tmp_path / "other", here / "b"} <= {*within_reach(here)["visible"]}
