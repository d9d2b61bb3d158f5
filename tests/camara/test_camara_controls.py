"""The control for every scenario: when the answer is spoilt it fails, so none passes without being judged."""

from collections.abc import Iterator

import httpx
import published
import pytest
from event_receiver import EventReceiver
from provider import Provider
from pytest_bdd import scenario
from specification import specification

if not published.FEATURES.is_dir():
    pytest.skip(published.ABSENT, allow_module_level=True)

SKIPPED = {entry.scenario for entry in published.not_applicable()}
RUN = [
    pytest.param(feature, tag, id=tag)
    for feature in published.feature_names()
    for tag in published.as_run(feature)
    if tag not in SKIPPED
]


@pytest.fixture
def provider(receiver: EventReceiver) -> Iterator[Provider]:
    """A provider whose answers to the scenario's own request are spoilt."""
    with Provider(receiver, spoil=spoilt) as provider:
        yield provider


def spoilt(response: httpx.Response) -> httpx.Response:
    """The same status with another body, and no header left."""
    body = {"status": 418, "code": "TEAPOT", "message": "tea"}
    return httpx.Response(response.status_code, json=body, headers={"Content-Type": "text/plain"})


@pytest.mark.parametrize(("feature", "tag"), RUN)
def test_a_scenario_fails_when_the_answer_is_spoilt(
    request: pytest.FixtureRequest, feature: str, tag: str
) -> None:
    template = published.as_run(feature)[tag]
    test = scenario(f"{feature}.feature", template.name, features_base_dir=str(published.FEATURES))(
        lambda: None
    )
    first = next((context for table in template.examples for context in table.as_contexts()), {})
    with pytest.raises((AssertionError, KeyError)):
        test(request, first)


def test_a_specification_refuses_what_it_does_not_document() -> None:
    """The control for the judge of every answer, by $ref, format, enumeration and declared properties."""
    judge = specification("quality-on-demand")
    operation = judge.operations["getSession"]
    error = {"status": 404, "code": "NOT_FOUND", "message": "There is no such session."}
    assert judge.undocumented(operation, 404, error) == []
    assert judge.undocumented(operation, 404, {**error, "code": "GONE"}) != []
    assert judge.undocumented(operation, 404, {**error, "trace": ""}) == ["undeclared trace"]
    assert judge.undocumented(operation, 418, error) != []
    assert judge.undocumented(judge.operations["deleteSession"], 204, error) != []
    session = {
        "sessionId": "0e7b7a9c-5d5b-4a3e-9a39-6a6f0f5d9f0e",
        "applicationServer": {"ipv4Address": "10.2.0.1"},
        "qosProfile": "voice",
        "duration": 1,
        "qosStatus": "AVAILABLE",
        "startedAt": "2030-05-01T12:00:00Z",
    }
    schema = "#/components/schemas/SessionInfo"
    assert judge.problems(schema, session) == []
    faults = {"sessionId": "five", "duration": 0, "qosStatus": "GOOD", "startedAt": "noon", "devicePorts": {}}
    for name, value in faults.items():
        assert len(judge.problems(schema, {**session, name: value})) == 1
    with pytest.raises(KeyError):
        judge.problems("#/components/schemas/SessionInformation", session)
