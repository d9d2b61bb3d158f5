"""Who a request is about: by its token, or by the identifiers of a device."""

from typing import Any

import pytest
from api_caller import (
    ASSIGNMENTS,
    HOME,
    RETRIEVE,
    RETRIEVE_ASSIGNMENT,
    RETRIEVE_PROFILES,
    SESSIONS,
    SUBSCRIBERS,
    Caller,
    assignment_body,
    refused,
    session_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.api.devices import Device
from testbed.api.error_responses import ApiError
from testbed.api.server_settings import Subscriber, Token
from testbed.api.subscribers import Subscribers

DEVICE_OPERATIONS = [
    (SESSIONS, session_body()),
    (RETRIEVE, {"device": HOME}),
    (ASSIGNMENTS, assignment_body()),
    (RETRIEVE_ASSIGNMENT, {"device": HOME}),
    (RETRIEVE_PROFILES, {"device": HOME}),
]
UNKNOWN = {"ipv4Address": {"publicAddress": "10.9.9.9", "publicPort": 1}}
OFFICE = {"phoneNumber": "+999003001"}
ANYONE = Token(name="anyone", sha256="0" * 64, scopes=frozenset())


@pytest.mark.parametrize(("path", "body"), DEVICE_OPERATIONS)
@pytest.mark.parametrize(
    ("device", "who", "refusal"),
    [
        (None, "client", (422, "MISSING_IDENTIFIER")),
        (HOME, "at home1", (422, "UNNECESSARY_IDENTIFIER")),
        (UNKNOWN, "client", (404, "IDENTIFIER_NOT_FOUND")),
        (None, "at nowhere", (404, "IDENTIFIER_NOT_FOUND")),
        (OFFICE, "client", (422, "SERVICE_NOT_APPLICABLE")),
        (None, "at office", (422, "SERVICE_NOT_APPLICABLE")),
        ({"ipv6Address": "2001:db8::1"}, "client", (422, "UNSUPPORTED_IDENTIFIER")),
        ({"networkAccessIdentifier": "home1@example.org"}, "client", (422, "UNSUPPORTED_IDENTIFIER")),
        ({}, "client", (400, "INVALID_ARGUMENT")),
    ],
)
def test_every_operation_refuses_what_identifies_no_device_of_the_service(
    path: str, body: dict[str, Any], device: dict[str, Any] | None, who: str, refusal: tuple[int, str]
) -> None:
    given = {**body, "device": device}
    if device is None:
        del given["device"]
    with Caller() as caller:
        response = caller.call("POST", path, given, who)
        if (path, refusal[1]) == (RETRIEVE_PROFILES, "MISSING_IDENTIFIER"):
            assert response.status_code == 200, "profiles can be asked for without a device"
        else:
            assert refused(response) == refusal
        assert caller.network.orders == []


@pytest.mark.parametrize(
    "device",
    [
        {"phoneNumber": "999001001"},
        {"phoneNumber": 999001001},
        {"phoneNumber": "+0999001001"},
        {"ipv4Address": {"publicAddress": "10.1.1.1"}},
        {"ipv4Address": {"privateAddress": "10.1.1.1"}},
        {"ipv4Address": {"publicAddress": "10.1.1", "publicPort": 1}},
        {"ipv4Address": "10.1.1.1"},
        {"ipv6Address": "10.1.1.1"},
        {"ipv6Address": "fe80::1%eth0"},
        {"networkAccessIdentifier": 17},
        {"somethingElse": "home1"},
        "home1",
    ],
)
def test_an_identifier_that_breaks_its_schema_is_an_invalid_argument(device: Any) -> None:
    with Caller() as caller:
        assert refused(caller.create(device=device)) == (400, "INVALID_ARGUMENT")


def test_the_device_comes_back_by_the_identifier_that_was_used() -> None:
    both = {"networkAccessIdentifier": "home1@example.org", "phoneNumber": "+999001001"}
    with Caller() as caller:
        assert caller.create(device=both).json()["device"] == {"phoneNumber": "+999001001"}


def test_the_device_of_a_token_does_not_come_back() -> None:
    with Caller() as caller:
        answer = caller.create("at home1", device=None).json()
        assert "device" not in answer
        assert "device" not in caller.session(answer["sessionId"])
        answer = caller.call("POST", ASSIGNMENTS, {"qosProfile": "plain"}, "at home1").json()
        assert "device" not in answer


def test_identifiers_of_different_devices_are_no_error() -> None:
    """As the specification has it: whoever could compare them would learn who is who."""
    both = {**HOME, "phoneNumber": "+999002001"}
    with Caller() as caller:
        assert caller.create(device=both).json()["device"] == HOME


def test_an_identifier_of_nobody_gives_way_to_one_of_somebody() -> None:
    with Caller() as caller:
        answer = caller.create(device={**UNKNOWN, "phoneNumber": "+999002001"}).json()
        assert answer["device"] == {"phoneNumber": "+999002001"}


def host_of(*subscribers: Subscriber, **device: Any) -> str | None:
    """The host that a device is found to be; None if it is nobody's."""
    try:
        found, _ = Subscribers(subscribers).identified(ANYONE, Device.model_validate(device))
    except ApiError as error:
        return {"IDENTIFIER_NOT_FOUND": None}[error.code]
    return found.host


def test_addresses_may_be_translated() -> None:
    behind = [
        Subscriber(host=f"home{port}", ipv4="192.168.0.2", public_ipv4="203.0.113.1", public_port=port)
        for port in (1000, 2000)
    ]

    def at(**address: Any) -> str | None:
        return host_of(*behind, ipv4Address=address)

    assert at(publicAddress="203.0.113.1", publicPort=2000) == "home2000"
    assert at(publicAddress="203.0.113.1", publicPort=3000) is None
    assert at(publicAddress="203.0.113.1", privateAddress="192.168.0.3") is None
    assert at(publicAddress="192.168.0.2", privateAddress="192.168.0.2") is None
    assert at(publicAddress="203.0.113.1", privateAddress="192.168.0.2", publicPort=1000) == "home1000"


def test_any_address_of_an_ipv6_subnet_identifies_its_device() -> None:
    home = Subscriber(host="home1", ipv4="10.1.1.1", ipv6="2001:db8:1:2::1")
    assert host_of(home, ipv6Address="2001:db8:1:2::") == "home1"
    assert host_of(home, ipv6Address="2001:db8:1:2:ffff::9") == "home1"
    assert host_of(home, ipv6Address="2001:db8:1:3::1") is None


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(SUBSCRIBERS), st.integers(0, 65535))
def test_without_translation_every_port_of_an_address_is_its_hosts(subscriber: Subscriber, port: int) -> None:
    found = Subscribers(SUBSCRIBERS).host(subscriber.host)
    assert found == subscriber
    if subscriber.served:
        address = {"publicAddress": subscriber.ipv4, "publicPort": port}
        assert host_of(*SUBSCRIBERS, ipv4Address=address) == subscriber.host


def test_the_clients_of_a_network_without_subscribers_find_nobody() -> None:
    with Caller(settings={"subscribers": ()}) as caller:
        assert refused(caller.create()) == (422, "UNSUPPORTED_IDENTIFIER")
