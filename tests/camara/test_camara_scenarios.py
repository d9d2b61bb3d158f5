"""The Gherkin scenarios of CAMARA r3.2, each a test with the scenario's tag as its name.

A Scenario Outline is one scenario and as many tests as it has examples. Where the device may be identified
by the token or in the body, both are tried.
"""

import published
import pytest

if not published.FEATURES.is_dir():
    pytest.skip(published.ABSENT, allow_module_level=True)

SKIPPED = {entry.scenario: entry.reason for entry in published.not_applicable()}


for _feature in published.feature_names():
    for _tag in published.as_run(_feature):
        globals()[f"test_{_tag}"] = published.scenario_test(_feature, _tag, SKIPPED)
