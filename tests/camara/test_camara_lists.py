"""What is run of the published scenarios and what is not, and that no step is guessed at."""

from collections.abc import Iterator

import published
import pytest
from pytest_bdd import given, scenario
from pytest_bdd.exceptions import StepDefinitionNotFoundError
from pytest_bdd.parser import ScenarioTemplate, Step
from pytest_bdd.steps import step_function_context_registry

if not published.FEATURES.is_dir():
    pytest.skip(published.ABSENT, allow_module_level=True)

SCENARIOS, EXAMPLES = 157, 193
"""In release r3.2: scenarios, where an outline counts once, and those with every example counted."""

LEAST_RUN = 140


def published_scenarios() -> dict[tuple[str, str], ScenarioTemplate]:
    return {
        (feature, tag): template
        for feature in published.feature_names()
        for tag, template in published.as_published(feature).items()
    }


def rendered(template: ScenarioTemplate) -> Iterator[list[Step]]:
    contexts = [context for table in template.examples for context in table.as_contexts()] or [{}]
    for context in contexts:
        yield template.render(context).steps


def understood_by(step: Step) -> list[str]:
    """The names of the functions that carry out a step."""
    return [
        context.step_func.__name__
        for context in step_function_context_registry.values()
        if context.type in (None, step.type) and context.parser.is_matching(step.name)
    ]


def test_every_scenario_of_the_release_is_counted_once() -> None:
    scenarios = published_scenarios()
    assert len(scenarios) == SCENARIOS
    assert sum(len(list(rendered(template))) for template in scenarios.values()) == EXAMPLES
    assert len({tag for _, tag in scenarios}) == SCENARIOS


def test_what_is_skipped_exists_and_has_a_reason() -> None:
    for entry in published.not_applicable():
        assert (entry.feature, entry.scenario) in published_scenarios()
        assert len(entry.reason.split()) > 3


def test_a_scenario_that_is_listed_is_skipped_with_its_reason_and_no_other_is() -> None:
    one, other = ("deleteSession_404.1_not_found", "deleteSession_401.3_invalid_access_token")
    listed = {f"quality_on_demand_{one}": "Nothing is ever lost here."}
    marks = {
        name: getattr(
            published.scenario_test("quality-on-demand-deleteSession", f"quality_on_demand_{name}", listed),
            "pytestmark",
            [],
        )
        for name in (one, other)
    }
    assert [(mark.name, mark.kwargs["reason"]) for mark in marks[one]] == [("skip", *listed.values())]
    assert marks[other] == []


def test_at_least_140_scenarios_are_run() -> None:
    skipped = {(entry.feature, entry.scenario) for entry in published.not_applicable()}
    assert len(published_scenarios().keys() - skipped) >= LEAST_RUN


def test_a_deviation_is_from_a_step_that_is_published_and_has_a_reason() -> None:
    for deviation in published.deviations():
        for tag in deviation.scenarios:
            steps = published_scenarios()[deviation.feature, tag]._steps
            assert [step.name for step in steps].count(deviation.step) == 1
        assert deviation.instead
        assert deviation.instead != (deviation.step,)
        assert len(deviation.reason.split()) > 3


def test_all_other_steps_are_carried_out_as_they_are_published() -> None:
    amended = {(each.feature, tag) for each in published.deviations() for tag in each.scenarios}
    for (feature, tag), template in published_scenarios().items():
        run = [step.name for step in published.as_run(feature)[tag].steps]
        assert (run != [step.name for step in template.steps]) is ((feature, tag) in amended)


@pytest.mark.parametrize("feature", published.feature_names())
def test_every_step_is_understood_in_exactly_one_way(feature: str) -> None:
    for template in published.as_run(feature).values():
        for steps in rendered(template):
            for step in steps:
                assert len(understood_by(step)) == 1, f"{step}: {understood_by(step)}"


def test_a_step_that_nobody_understands_fails(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The control: nothing passes because no step was found for it."""
    folder = tmp_path_factory.mktemp("features")
    text = "Feature: unheard of\n  Scenario: one\n    Given {step}\n"
    (folder / "known.feature").write_text(text.format(step="a step of this control"))
    (folder / "unknown.feature").write_text(text.format(step="the moon is full"))
    run = {
        name: scenario(f"{name}.feature", "one", features_base_dir=str(folder))(lambda: None)
        for name in ("known", "unknown")
    }
    run["known"](request, {})
    with pytest.raises(StepDefinitionNotFoundError, match="the moon is full"):
        run["unknown"](request, {})


@given("a step of this control")
def step_of_this_control() -> None:
    """Nothing is to be done."""
