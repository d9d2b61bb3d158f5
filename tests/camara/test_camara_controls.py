"""The control for every scenario: when the answer is spoilt it fails, so none passes without being judged."""

import re
from collections.abc import Iterator

import httpx
import published
import pytest
from event_receiver import Event, EventReceiver
from provider import Provider, Spoiling
from specification import specification

if not published.FEATURES.is_dir():
    pytest.skip(published.ABSENT, allow_module_level=True)

SKIPPED = {entry.scenario for entry in published.not_applicable()}
RUN = {
    tag: feature
    for feature in published.feature_names()
    for tag in published.as_run(feature)
    if tag not in SKIPPED
}


def judging(pattern: str) -> set[str]:
    """The scenarios with a step that judges what the pattern says."""
    return {
        tag
        for tag, feature in RUN.items()
        if any(re.match(pattern, step.name) for step in published.as_run(feature)[tag].steps)
    }


def another_status(response: httpx.Response) -> httpx.Response:
    """The same but for the status."""
    return httpx.Response(418, content=response.content, headers=response.headers)


def another_body(response: httpx.Response) -> httpx.Response:
    """The same status with another body, and of another type."""
    body = {"status": 418, "code": "TEAPOT", "message": "tea"}
    return httpx.Response(response.status_code, json=body, headers={"Content-Type": "text/plain"})


def another_event(event: Event) -> Event:
    """An event that tells nothing, without a credential."""
    return Event(sink=event.sink, headers={"Authorization": "", "Content-Type": ""}, body={})


BODY = judging(r".*the response (header|body|array|property|, property)|(the|no) restricted QoS Profile")
EVENT = judging(r"the event (header|body)")
STATUS = sorted(RUN.keys() - BODY - EVENT)
SPOILT = [
    *(pytest.param(Spoiling(answer=another_body), tag, id=f"{tag} body") for tag in sorted(BODY)),
    *(pytest.param(Spoiling(event=another_event), tag, id=f"{tag} event") for tag in sorted(EVENT)),
    *(pytest.param(Spoiling(answer=another_status), tag, id=f"{tag} status") for tag in STATUS),
]


@pytest.fixture
def spoiling(request: pytest.FixtureRequest) -> Spoiling:
    spoiling: Spoiling = request.param
    return spoiling


@pytest.fixture
def provider(receiver: EventReceiver, spoiling: Spoiling) -> Iterator[Provider]:
    with Provider(receiver, spoiling) as provider:
        yield provider


@pytest.mark.parametrize(("spoiling", "tag"), SPOILT, indirect=["spoiling"])
@pytest.mark.usefixtures("provider")
def test_a_scenario_fails_when_what_it_judges_is_spoilt(request: pytest.FixtureRequest, tag: str) -> None:
    test = published.scenario_test(RUN[tag], tag, skipped={})
    template = published.as_run(RUN[tag])[tag]
    example = next((context for table in template.examples for context in table.as_contexts()), {})
    with pytest.raises(AssertionError):
        test(request, example)


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
