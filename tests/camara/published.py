"""The published CAMARA release r3.2, read where it lies: its features, and the steps read otherwise."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_bdd import scenario
from pytest_bdd.feature import get_feature
from pytest_bdd.parser import Feature, FeatureParser, ScenarioTemplate, Step

HERE = Path(__file__).parent
RELEASE = HERE.parents[2] / "shared" / "data" / "camara"
FEATURES = RELEASE / "Test_definitions"
DEFINITIONS = RELEASE / "API_definitions"
ABSENT = "the CAMARA release is not in shared/data/camara beside the project's folder"
_EITHER_WAY = re.compile(
    r"identified by the token or provided in the request body"
    r"|(?<!no device is )provided in the request body or identified by the access token"
)


@dataclass(frozen=True, kw_only=True)
class NotApplicable:
    """A scenario that cannot apply to the testbed, and why."""

    feature: str
    scenario: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """A step of some scenarios that is carried out as other steps, and why."""

    feature: str
    scenarios: tuple[str, ...]
    step: str
    instead: tuple[str, ...]
    reason: str


def not_applicable() -> list[NotApplicable]:
    """The scenarios that are skipped."""
    return [NotApplicable(**entry) for entry in _entries("not_applicable.yaml")]


def deviations() -> list[Deviation]:
    """The steps that are read otherwise."""
    return [
        Deviation(**{**entry, "scenarios": tuple(entry["scenarios"]), "instead": tuple(entry["instead"])})
        for entry in _entries("deviations.yaml")
    ]


def feature_names() -> list[str]:
    """The names of the feature files, without their ending."""
    return sorted(path.stem for path in FEATURES.glob("*.feature"))


def as_published(feature: str) -> dict[str, ScenarioTemplate]:
    """The scenarios of a feature by their tags, word for word."""
    return _by_tag(_published(feature))


def as_run(feature: str) -> dict[str, ScenarioTemplate]:
    """The scenarios of a feature by their tags, with the steps that stand in for those that deviate."""
    return _by_tag(_amended(feature))


def scenario_test(feature: str, tag: str, skipped: Mapping[str, str]) -> Callable[..., None]:
    """The test that carries out a scenario, or is skipped for the reason that `skipped` has for its tag.

    One that leaves it open how the device is identified is carried out in both ways.
    """

    def carried_out() -> None:
        """Nothing is left to do when all steps have passed."""

    template = as_run(feature)[tag]
    test = scenario(f"{feature}.feature", template.name, features_base_dir=str(FEATURES))(carried_out)
    if any(_EITHER_WAY.search(step.name) for step in template.steps):
        test = pytest.mark.usefixtures("identified_by")(test)
        test = pytest.mark.parametrize("identified_by", ["body", "token"])(test)
    return pytest.mark.skip(reason=skipped[tag])(test) if tag in skipped else test


@cache
def _published(feature: str) -> Feature:
    return FeatureParser(str(FEATURES), f"{feature}.feature").parse()


@cache
def _amended(feature: str) -> Feature:
    # pytest-bdd looks a feature up in the cache of `get_feature`, so that object itself is amended.
    cached = get_feature(str(FEATURES), f"{feature}.feature")
    scenarios = _by_tag(cached)
    for deviation in deviations():
        if deviation.feature == feature:
            for tag in deviation.scenarios:
                scenarios[tag]._steps[:] = _with_instead(scenarios[tag], deviation)
    return cached


def _with_instead(scenario: ScenarioTemplate, deviation: Deviation) -> list[Step]:
    steps: list[Step] = []
    for step in scenario._steps:
        if step.name == deviation.step:
            steps += [_renamed(step, name) for name in deviation.instead]
        else:
            steps.append(step)
    return steps


def _renamed(step: Step, name: str) -> Step:
    return Step(
        name=name, type=step.type, indent=step.indent, line_number=step.line_number, keyword=step.keyword
    )


def _by_tag(feature: Feature) -> dict[str, ScenarioTemplate]:
    return {tag: scenario for scenario in feature.scenarios.values() for tag in scenario.tags}


def _entries(name: str) -> list[dict[str, Any]]:
    entries = yaml.safe_load((HERE / name).read_text())
    return list(entries or [])
