"""The Gherkin scenarios of CAMARA r3.2, each a test with the scenario's tag as its name.

A Scenario Outline is one scenario and as many tests as it has examples.
"""

from collections.abc import Callable

import published
import pytest
from pytest_bdd import scenario

if not published.FEATURES.is_dir():
    pytest.skip(published.ABSENT, allow_module_level=True)

SKIPPED = {entry.scenario: entry.reason for entry in published.not_applicable()}


def carried_out() -> None:
    """Nothing is left to do when all steps have passed."""


def made_test(feature: str, tag: str) -> Callable[..., None]:
    """The test that carries out a scenario, or is skipped with the reason why it cannot apply."""
    name = published.as_run(feature)[tag].name
    test = scenario(f"{feature}.feature", name, features_base_dir=str(published.FEATURES))(carried_out)
    if tag in SKIPPED:
        test = pytest.mark.skip(reason=SKIPPED[tag])(test)
    return test


for _feature in published.feature_names():
    for _tag in published.as_run(_feature):
        globals()[f"test_{_tag}"] = made_test(_feature, _tag)
