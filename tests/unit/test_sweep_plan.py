"""What a sweep runs: combinations with seeds, names that stay, and what makes two sweeps the same."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from testbed.errors import ScenarioError
from testbed.scenario import load
from testbed.sweep.axes import parsed_axes
from testbed.sweep.plan import SweepPlan, make_plan
from testbed.sweep.sweep_directory import SweepDirectory

ONUS, FLOWS = "network.parameters.onus=8,16", "channels.provisioning=0 s,1 s"


@cache
def plan(*settings: str, **changes: Any) -> SweepPlan:
    """A sweep of the shipped cloud game."""
    chosen: dict[str, Any] = {"seeds": 2, "first_seed": None, "variants": (), "kernel": "k1", "version": "1"}
    return make_plan("cloud_gaming", parsed_axes(settings or (ONUS, FLOWS)), **{**chosen, **changes})


def test_every_combination_runs_with_every_seed() -> None:
    found = plan()
    assert [(run.point.values, run.seed) for run in found.runs] == [
        ((onus, provisioning), seed)
        for onus in ("8", "16")
        for provisioning in ("0 s", "1 s")
        for seed in found.seeds
    ]
    own = next(iter(load("cloud_gaming").variants.values())).seed
    assert found.seeds == (own, own + 1)
    assert plan(first_seed=70, seeds=3).seeds == (70, 71, 72)


def test_the_text_of_a_combination_is_the_scenario_with_its_values(tmp_path: Path) -> None:
    found = plan()
    path = tmp_path / "scenario.yaml"
    path.write_text(found.points[3].text)
    scenario = next(iter(load(str(path), seed=99).variants.values()))
    assert scenario.seed == 99
    assert scenario.network.parameters["onus"] == 16
    assert found.settings(found.points[3]) == ("network.parameters.onus=16", "channels.provisioning=1 s")


def test_names_are_distinct_and_need_no_quotes() -> None:
    names = [run.name for run in plan().runs]
    assert names[0] == f"1-onus_8-provisioning_0_s-seed{plan().seeds[0]}"
    assert len(set(names)) == len(names) == 8
    assert all(name.replace("-", "").replace("_", "").replace(".", "").isalnum() for name in names)


def test_a_combination_that_cannot_be_is_refused_and_named() -> None:
    with pytest.raises(ScenarioError, match=r"^with network\.parameters\.onus=0:\n"):
        plan("network.parameters.onus=8,0")


@pytest.mark.parametrize("seeds", [0, 20_000])
def test_no_seed_and_too_many_runs_are_refused(seeds: int) -> None:
    with pytest.raises(ScenarioError):
        plan(seeds=seeds)


def test_a_sweep_that_was_begun_is_carried_on(tmp_path: Path) -> None:
    assert SweepDirectory.begin(tmp_path / "new", plan()).path == tmp_path / "new"
    assert SweepDirectory.begin(tmp_path / "new", plan()).path == tmp_path / "new"
    assert plan().default_name == plan().default_name
    assert plan().default_name.startswith("cloud_gaming-sweep-")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda: plan(seeds=3), "its seeds are"),
        (lambda: plan(ONUS), "its axes are"),
        (lambda: plan(variants=("elastic",)), "its variants are"),
        (lambda: plan(kernel="k2"), "the embedded kernel is another one"),
        (lambda: plan(version="2"), "another version of the testbed"),
    ],
)
def test_a_folder_with_a_different_sweep_is_refused(
    tmp_path: Path, other: Callable[[], SweepPlan], said: str
) -> None:
    SweepDirectory.begin(tmp_path, plan())
    with pytest.raises(ScenarioError, match="holds a different sweep") as refused:
        SweepDirectory.begin(tmp_path, other())
    assert said in str(refused.value)
    assert other().default_name != plan().default_name


def test_a_scenario_that_changed_is_a_different_sweep(tmp_path: Path) -> None:
    SweepDirectory.begin(tmp_path, plan())
    described = json.loads((tmp_path / "sweep.json").read_text())
    (tmp_path / "sweep.json").write_text(json.dumps({**described, "scenarios_sha256": "of another text"}))
    with pytest.raises(ScenarioError, match="the scenario has changed since"):
        SweepDirectory.begin(tmp_path, plan())


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(ScenarioError, match=r"damaged|different sweep"):
        SweepDirectory.begin(tmp_path, plan())


def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(ScenarioError, match="not empty and has no sweep"):
        SweepDirectory.begin(tmp_path, plan())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
