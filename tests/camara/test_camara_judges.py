"""The judges of the scenarios refuse what is wrong: rules, steps on answers and events, and paths."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import rules
import steps_answers
import steps_events
from event_receiver import Event
from exchange import Exchange
from hypothesis import given
from hypothesis import strategies as st
from json_path import MISSING, assign, find, remove

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
PAST, FUTURE, LATER = "2030-05-01T11:00:00Z", "2030-05-01T13:00:00Z", "2030-05-01T14:00:00Z"
BORROWED = "exists only if provided in the request body and with the same value"
EQUAL = "has the same value as in the request body"
STARTED = 'exists only if "$.qosStatus" is "AVAILABLE" and the value is in the past'
ENDING = 'exists only if "$.qosStatus" is not "REQUESTED" and the value is later than "$.startedAt"'
REASON = 'exists only if "qosStatus" is "UNAVAILABLE"'


@pytest.mark.parametrize(
    ("condition", "path", "item", "request_body"),
    [
        (BORROWED, "$.sink", {"sink": "a"}, {"sink": "a"}),
        (BORROWED, "$.sink", {}, {}),
        (EQUAL, "$.qosProfile", {"qosProfile": "a"}, {"qosProfile": "a"}),
        (STARTED, "$.startedAt", {"qosStatus": "AVAILABLE", "startedAt": PAST}, {}),
        (STARTED, "$.startedAt", {"qosStatus": "REQUESTED"}, {}),
        (ENDING, "$.expiresAt", {"qosStatus": "AVAILABLE", "startedAt": PAST, "expiresAt": LATER}, {}),
        (ENDING, "$.expiresAt", {"qosStatus": "REQUESTED"}, {}),
        (REASON, "statusInfo", {"qosStatus": "UNAVAILABLE", "statusInfo": "DELETE_REQUESTED"}, {}),
        (REASON, "statusInfo", {"qosStatus": "AVAILABLE"}, {}),
    ],
)
def test_a_rule_that_is_kept_holds(
    condition: str, path: str, item: dict[str, Any], request_body: dict[str, Any]
) -> None:
    rules.hold(condition, path, item, request_body, NOW)


@pytest.mark.parametrize(
    ("condition", "path", "item", "request_body"),
    [
        (BORROWED, "$.sink", {"sink": "b"}, {"sink": "a"}),
        (BORROWED, "$.sink", {"sink": "a"}, {}),
        (BORROWED, "$.sink", {}, {"sink": "a"}),
        (EQUAL, "$.qosProfile", {"qosProfile": "b"}, {"qosProfile": "a"}),
        (EQUAL, "$.qosProfile", {}, {}),
        (STARTED, "$.startedAt", {"qosStatus": "AVAILABLE", "startedAt": FUTURE}, {}),
        (STARTED, "$.startedAt", {"qosStatus": "AVAILABLE", "startedAt": "2030-05-01T11:00:00"}, {}),
        (STARTED, "$.startedAt", {"qosStatus": "REQUESTED", "startedAt": PAST}, {}),
        (STARTED, "$.startedAt", {"qosStatus": "AVAILABLE"}, {}),
        (ENDING, "$.expiresAt", {"qosStatus": "AVAILABLE", "startedAt": PAST, "expiresAt": PAST}, {}),
        (ENDING, "$.expiresAt", {"qosStatus": "REQUESTED", "expiresAt": LATER}, {}),
        (REASON, "statusInfo", {"qosStatus": "UNAVAILABLE"}, {}),
        (REASON, "statusInfo", {"qosStatus": "AVAILABLE", "statusInfo": "DELETE_REQUESTED"}, {}),
    ],
)
def test_a_rule_that_is_broken_is_found_out(
    condition: str, path: str, item: dict[str, Any], request_body: dict[str, Any]
) -> None:
    with pytest.raises(AssertionError):
        rules.hold(condition, path, item, request_body, NOW)


def test_a_rule_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such rule"):
        rules.hold("is as it should be", "$.sink", {"sink": "a"}, {"sink": "a"}, NOW)


def answered(body: Any = MISSING, status: int = 200, **headers: str) -> Exchange:
    """An exchange with an answer; headers are named with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = (
        httpx.Response(status, headers=named)
        if body is MISSING
        else httpx.Response(status, json=body, headers=named)
    )
    return Exchange(
        resource="/quality-on-demand/v1/sessions",
        headers={"x-correlator": "one"},
        body={"name": "a", "additional": 60},
        response=response,
    )


REFUSED = {"status": 400, "code": "INVALID_ARGUMENT", "message": "The duration is not a number."}
"""Good as long as the status of the answer is 400 too."""

Judge = Callable[[Exchange], None]


@pytest.mark.parametrize(
    ("judge", "good", "bad"),
    [
        (
            lambda exchange: steps_answers.status_code(exchange, "400"),
            answered(REFUSED, 400),
            answered(REFUSED, 404),
        ),
        (
            steps_answers.content_type,
            answered(content_type="application/json; charset=utf-8"),
            answered(content_type="application/jsonp"),
        ),
        (steps_answers.correlator, answered(x_correlator="one"), answered(x_correlator="two")),
        (steps_answers.nothing_found, answered([]), answered([{}])),
        (
            lambda exchange: steps_answers.property_number(exchange, "$.status", "400"),
            answered(REFUSED, 400),
            answered(REFUSED, 404),
        ),
        (
            lambda exchange: steps_answers.property_value(exchange, "$.code", "INVALID_ARGUMENT", None),
            answered(REFUSED),
            answered({"code": None}),
        ),
        (
            lambda exchange: steps_answers.friendly_text(exchange, "$.message"),
            answered(REFUSED),
            answered({"message": "<class 'int'> was not expected"}),
        ),
        (
            lambda exchange: steps_answers.property_absent(exchange, "$.device"),
            answered({}),
            answered({"device": None}),
        ),
        (
            lambda exchange: steps_answers.property_not_lower(exchange, "$.duration", "$.additional"),
            answered({"duration": 60}),
            answered({"duration": 59}),
        ),
        (
            lambda exchange: steps_answers.property_within_longest(exchange, "$.duration", 60),
            answered({"duration": 60}),
            answered({"duration": 61}),
        ),
        (
            lambda exchange: steps_answers.property_of_body(exchange, "$[0].name", "$.name"),
            answered([{"name": "a"}]),
            answered([{"name": "b"}]),
        ),
        (
            lambda exchange: steps_answers.items_have_value(exchange, "status", "ACTIVE"),
            answered([{"status": "ACTIVE"}]),
            answered([{"status": "ACTIVE"}, {"status": "INACTIVE"}]),
        ),
        (steps_answers.items, answered([{}]), answered([])),
    ],
)
def test_a_step_on_answers_passes_the_good_one_and_fails_the_bad_one(
    judge: Judge, good: Exchange, bad: Exchange
) -> None:
    judge(good)
    with pytest.raises(AssertionError):
        judge(bad)


def event(**changes: Any) -> Event:
    body = {"type": "one", "data": {"qosStatus": "AVAILABLE"}}
    body["data"] |= changes
    return Event(sink="", headers={"Content-Type": "application/cloudevents+json"}, body=body)


def test_a_step_on_events_fails_the_bad_one() -> None:
    """The control for the steps that judge an event by itself."""
    steps_events.content_type(event())
    with pytest.raises(AssertionError):
        steps_events.content_type(Event(sink="", headers={"Content-Type": "application/json"}, body={}))
    steps_events.property_value(event(), "$.type", "one", None)
    with pytest.raises(AssertionError):
        steps_events.property_value(event(), "$.type", "two", "three")
    rule = ("$.data.statusInfo", "$.data.qosStatus", "UNAVAILABLE")
    steps_events.property_only_if(event(), *rule)
    with pytest.raises(AssertionError):
        steps_events.property_only_if(event(statusInfo="DELETE_REQUESTED"), *rule)


names = st.text("abc", min_size=1, max_size=3)
documents = st.recursive(
    st.integers(), lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8
).map(lambda value: value if isinstance(value, dict) else {})


@given(documents, st.lists(names, min_size=1, max_size=3), st.integers())
def test_what_is_assigned_is_found_and_what_is_removed_is_not(
    document: dict[str, Any], way: list[str], value: int
) -> None:
    path = "$." + ".".join(way)
    document = {key: item for key, item in copy.deepcopy(document).items() if key != way[0]}
    before = copy.deepcopy(document)
    assert find(document, path) is MISSING
    assign(document, path, value)
    assert find(document, path) == value
    assert {key: document[key] for key in before} == before
    remove(document, path)
    assert find(document, path) is MISSING


def test_a_name_that_meets_an_array_goes_on_into_its_items() -> None:
    ports = {"ranges": [{"from": 1, "to": 2}, {"from": 3, "to": 4}], "ports": [5, 6]}
    assign(ports, "$.ranges.to", 9)
    assign(ports, "$.ports[*]", 7)
    assert ports == {"ranges": [{"from": 1, "to": 9}, {"from": 3, "to": 9}], "ports": [7, 7]}
    assert find(ports, "$.ranges[1].from") == 3
