"""Steps about sessions and assignments that exist before the request, and what the network does with them.

The one that a scenario speaks of is the fixture `subject`.
"""

from datetime import timedelta

import bodies
from exchange import Exchange
from provider import Created, Provider
from pytest_bdd import given, parsers, step, when
from steps_devices import identify

ALMOST_360_S = timedelta(seconds=359)


@given(
    parsers.re(
        r'the path parameter "(?P<name>\w+)" is set by default to an? existing QoS (session|assignment) \w+'
    )
)
def default_identifier(exchange: Exchange, provider: Provider, name: str) -> None:
    created = {"sessionId": provider.some_session, "assignmentId": provider.some_assignment}[name]()
    exchange.path_parameters[name] = created.answer[name]


@given(
    parsers.re(r'the path parameter "(?P<name>\w+)" is set to the value for that QoS (session|assignment)')
)
def identifier_of_subject(exchange: Exchange, subject: Created, name: str) -> None:
    exchange.path_parameters[name] = subject.answer[name]


@given("a QoD session already exists for that device")
def session_of_that_device(exchange: Exchange, provider: Provider) -> None:
    provider.create("createSession", exchange.body, exchange.headers["Authorization"])


@given("a QoS assignment already exists for that device")
def assignment_of_that_device(exchange: Exchange, provider: Provider) -> None:
    provider.create("createQosAssignment", exchange.body, exchange.headers["Authorization"])


@given("an existing QoS session created by operation createSession", target_fixture="subject")
@given(
    'an existing QoS session created by operation createSession with qosStatus "AVAILABLE"',
    target_fixture="subject",
)
def session(provider: Provider) -> Created:
    created = provider.new_session()
    assert created.answer["qosStatus"] == "AVAILABLE"
    return created


@given(
    "an existing QoS session created by operation createSession "
    'with provided values for "sink" and "sinkCredential", and with status "AVAILABLE"',
    target_fixture="subject",
)
def session_with_sink(provider: Provider) -> Created:
    created = provider.new_session()
    assert created.answer["qosStatus"] == "AVAILABLE"
    event = provider.receiver.next_event(created.sink)
    assert event.body["data"]["qosStatus"] == "AVAILABLE"
    return created


@given("an existing QoS session failed to be created in the last 360 seconds", target_fixture="subject")
def session_failed(provider: Provider) -> Created:
    provider.network.fill()
    created = provider.new_session()
    assert provider.network.refused
    provider.clock.advance(ALMOST_360_S)
    return created


@given('an existing QoS session with qosStatus not "AVAILABLE"', target_fixture="subject")
def session_requested(provider: Provider) -> Created:
    provider.network.holds_answers = True
    created = provider.new_session()
    assert created.answer["qosStatus"] == "REQUESTED"
    return created


@given(
    "a valid testing device supported by the service, "
    "identified by the token or provided in the request body, with QoS active sessions associated"
)
def device_with_sessions(exchange: Exchange, provider: Provider, identified_by: str) -> None:
    full = provider.valid_body("CreateSession")
    provider.create("createSession", full)
    bare = {**bodies.stripped(full), "applicationServer": {"ipv4Address": "10.2.0.2"}}
    provider.create("createSession", bare)
    identify(exchange, provider, identified_by, full["device"])


@given("an existing QoS assignment created by operation createQosAssignment", target_fixture="subject")
def assignment(provider: Provider) -> Created:
    created = provider.new_assignment()
    assert created.answer["status"] == "AVAILABLE"
    return created


@given(
    "an existing QoS assignment created by operation createQosAssignment "
    'with provided values for "sink" and "sinkCredential", and with status "AVAILABLE"',
    target_fixture="subject",
)
def assignment_with_sink(provider: Provider) -> Created:
    created = provider.new_assignment()
    assert created.answer["status"] == "AVAILABLE"
    event = provider.receiver.next_event(created.sink)
    assert event.body["data"]["status"] == "AVAILABLE"
    return created


@given("an existing QoS assignment deleted in the last 360 seconds", target_fixture="subject")
def assignment_deleted(provider: Provider) -> Created:
    created = provider.new_assignment()
    provider.revoke(created)
    provider.clock.advance(ALMOST_360_S)
    return created


@given(
    "a valid testing device with an existing QoS assignment, "
    "identified by the token or provided in the request body"
)
def device_with_assignment(exchange: Exchange, provider: Provider, identified_by: str) -> None:
    created = provider.new_assignment()
    identify(exchange, provider, identified_by, created.body["device"])


@given(
    "a QoS session has been created successfully and includes a valid sink and sinkCredentials",
    target_fixture="subject",
)
@given(
    "a QoS assignment has been created successfully and includes a valid sink with sinkCredentials",
    target_fixture="subject",
)
def creation_under_way(exchange: Exchange, provider: Provider) -> Created:
    provider.network.holds_answers = True
    operation = exchange.specification.operation_at("POST", exchange.resource)
    provider.send(exchange, operation)
    provider.create(
        operation.name, {**provider.valid_body_at(exchange.resource), "device": provider.other_device}
    )
    assert exchange.answer.status_code == 201
    assert {"sink", "sinkCredential"} <= exchange.body.keys()
    assert "REQUESTED" in (exchange.answered.get("qosStatus"), exchange.answered.get("status"))
    return provider.created_for(exchange.answered)


@when("the QoS status of the session becomes known")
@when("the QoS assignment outcome is known")
def outcome_known(provider: Provider) -> None:
    provider.in_the_loop(provider.network.answer)


@given(parsers.re(r"that implementation deletes QoS assignment (?P<manner>a?synchronously)"))
def manner_of_deletion(provider: Provider, manner: str) -> None:
    provider.network.holds_withdrawals = manner == "asynchronously"


@step("when the asynchronous deletion process is completed")
def deletion_completed(provider: Provider) -> None:
    assert provider.network.withdrawn == []
    provider.in_the_loop(provider.network.answer)


@given(
    'the "maxDuration" for the QoS profile of the session as returned by "qos-profiles" API',
    target_fixture="longest_s",
)
def longest_duration(provider: Provider, subject: Created) -> int:
    return provider.longest_s(subject.answer["qosProfile"])


@given(
    'the request body property "$.requestedAdditionalDuration" is set to a valid additional session duration'
)
def additional_duration(exchange: Exchange) -> None:
    exchange.set("$.requestedAdditionalDuration", bodies.ADDITIONAL_DURATION_S)


@given(
    'the request body property "$.requestedAdditionalDuration" is set to a value that added to the '
    'existing QoS session "duration" exceeds the "maxDuration" for the QoS Profile'
)
def additional_duration_too_long(exchange: Exchange, subject: Created, longest_s: int) -> None:
    exchange.set("$.requestedAdditionalDuration", longest_s - subject.answer["duration"] + 1)
