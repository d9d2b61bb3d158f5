"""The plan of every topology and of every shipped scenario, as text, is exactly what it was.

After a change that is meant to show in plans, write them anew and read the difference:

    .venv/bin/python tests/golden/test_plans.py && git diff tests/golden/plans
"""

import difflib
from importlib import import_module
from pathlib import Path

import pytest

from testbed.cli.running import plan_texts
from testbed.plan.make import make_plan
from testbed.plan.plan_text import plan_text
from testbed.scenario import load, shipped, shipped_topologies

PLANS = Path(__file__).parent / "plans"
TOO_LONG = ("supernode_384",)
"""Scenarios whose plans have thousands of lines, all alike: their topology is here with fewer nodes."""
NAMES = sorted(
    [f"topology-{name}" for name in shipped_topologies()]
    + [f"scenario-{name}" for name in shipped() if name not in TOO_LONG]
)
FEWER: dict[str, dict[str, object]] = {
    "supernode": {"nodes": 12, "planes": 2, "per_chassis": 4},
    "elastic_supernode": {"nodes": 4, "per_chassis": 4, "per_device": 2},
    "cluster": {"servers": 10},
    "elastic_cluster": {"servers": 4},
}
"""Parameters of topologies whose defaults would fill thousands of lines."""


def text_of(name: str) -> str:
    """The plan of `topology-NAME` with default or fewer parameters, or of `scenario-NAME` as shipped."""
    kind, _, rest = name.partition("-")
    if kind == "scenario":
        return plan_texts(load(rest))
    module = import_module(f"topologies.{rest}")
    return plan_text(make_plan(module.network(module.Parameters(**FEWER.get(rest, {})))))


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_is_what_it_was(name: str) -> None:
    expected = (PLANS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    changes = difflib.unified_diff(expected, text_of(name).splitlines(), "before", "now", lineterm="")
    assert "\n".join(changes) == ""


def test_every_kept_plan_belongs_to_something() -> None:
    assert sorted(path.stem for path in PLANS.iterdir()) == NAMES


def test_there_are_topologies_and_scenarios_to_plan() -> None:
    """The control of the first test: no names, no cases."""
    assert {"topology-elastic_access", "topology-pon_tree", "topology-compute_mesh"} <= set(NAMES)
    assert "scenario-cloud_gaming" in NAMES


def test_a_changed_parameter_changes_the_text() -> None:
    """The control: a plan that said nothing of a rate, a distance or a queue would always be the same."""
    module = import_module("topologies.pon_tree")
    texts = {
        plan_text(make_plan(module.network(module.Parameters(**parameters))))
        for parameters in (
            {},
            {"fibre": "19 km"},
            {"pon": "XG-PON"},
            {"onus": 3},
            {"devices": {"onu1": ["tv"]}},
        )
    }
    assert len(texts) == 5


if __name__ == "__main__":
    for kept in PLANS.iterdir():
        kept.unlink()
    for plan in NAMES:
        (PLANS / f"{plan}.txt").write_text(text_of(plan), encoding="utf-8")
