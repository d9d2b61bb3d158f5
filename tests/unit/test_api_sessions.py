"""Sessions of quality-on-demand: every operation, and their way from REQUESTED to their end."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from api_caller import (
    HOME,
    OTHER_HOME,
    RETRIEVE,
    SESSIONS,
    START,
    Caller,
    HandNetwork,
    refused,
    session_body,
)

from testbed.host.orders import ChannelOrder, ExtendOrder, Stage, WithdrawOrder

SERVER = {"ipv4Address": "10.2.0.1"}
GONE = (404, "NOT_FOUND")


def test_a_session_is_created_ordered_and_answered_with_what_was_asked() -> None:
    ports = {"ranges": [{"from": 5000, "to": 5009}, {"from": 5010, "to": 5020}], "ports": [6000]}
    with Caller() as caller:
        body = session_body(devicePorts=ports, applicationServerPorts={"ports": [443]})
        response = caller.call("POST", SESSIONS, body)
        assert response.status_code == 201
        answer = response.json()
        assert answer == {
            **body,
            "sessionId": answer["sessionId"],
            "qosStatus": "AVAILABLE",
            "startedAt": "2026-03-01T12:00:00Z",
            "expiresAt": "2026-03-01T12:01:00Z",
        }
        [order] = caller.network.orders
        assert isinstance(order, ChannelOrder)
        assert order.session == answer["sessionId"]
        assert (order.device, order.server, order.profile) == ("home1", "10.2.0.1/32", "plain")
        assert order.device_ports == ((5000, 5020), (6000, 6000))
        assert order.server_ports == ((443, 443),)
        assert order.lifetime_ns == 60 * 10**9
        assert order.channel.downstream.committed_bps == 10**8
        assert caller.session(answer["sessionId"]) == answer


def test_a_prefix_of_servers_is_ordered_without_the_bits_of_a_host() -> None:
    with Caller() as caller:
        answer = caller.create(applicationServer={"ipv4Address": "10.2.0.7/24"}).json()
        assert answer["applicationServer"] == {"ipv4Address": "10.2.0.7/24"}
        [order] = caller.network.orders
        assert isinstance(order, ChannelOrder)
        assert order.server == "10.2.0.0/24"


def test_a_session_stays_requested_until_its_channel_is_active() -> None:
    with Caller(HandNetwork(answers=(Stage.ADMITTED,))) as caller:
        identifier = caller.created()
        requested = caller.session(identifier)
        assert requested["qosStatus"] == "REQUESTED"
        assert requested["duration"] == 60
        assert not requested.keys() & {"startedAt", "expiresAt", "statusInfo"}
        caller.clock.pass_by(180)
        caller.news(identifier, Stage.ACTIVE)
        available = caller.session(identifier)
        assert available["qosStatus"] == "AVAILABLE"
        assert available["startedAt"] == "2026-03-01T12:03:00Z"
        assert available["expiresAt"] == "2026-03-01T12:04:00Z"


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage.EXPIRED, "DURATION_EXPIRED"),
        (Stage.PREEMPTED, "NETWORK_TERMINATED"),
        (Stage.RELEASED, "NETWORK_TERMINATED"),
    ],
)
def test_an_available_session_ends_with_its_channel(stage: Stage, reason: str) -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.clock.pass_by(42.4)
        caller.news(identifier, stage)
        ended = caller.session(identifier)
        assert (ended["qosStatus"], ended["statusInfo"]) == ("UNAVAILABLE", reason)
        assert ended["duration"] == 42
        assert ended["startedAt"] == "2026-03-01T12:00:00Z"
        assert ended["expiresAt"] == "2026-03-01T12:00:42.400000Z"


def test_a_refused_session_ends_without_ever_having_started() -> None:
    with Caller(HandNetwork(answers=(Stage.REFUSED,))) as caller:
        answer = caller.create().json()
        assert (answer["qosStatus"], answer["statusInfo"]) == ("UNAVAILABLE", "NETWORK_TERMINATED")
        assert "startedAt" not in answer
        assert answer["duration"] == 60


def test_what_has_ended_does_not_come_back_and_does_not_end_twice() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.news(identifier, Stage.EXPIRED)
        ended = caller.session(identifier)
        caller.clock.pass_by(10)
        for stage in (Stage.ACTIVE, Stage.RELEASED, Stage.PREEMPTED):
            caller.news(identifier, stage)
        assert caller.session(identifier) == ended


def test_news_of_a_session_that_was_never_made_changes_nothing() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.news(str(uuid4()), Stage.RELEASED)
        assert caller.session(identifier)["qosStatus"] == "AVAILABLE"


def test_an_ended_session_can_be_read_for_six_minutes() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.news(identifier, Stage.PREEMPTED)
        caller.clock.pass_by(360)
        assert caller.session(identifier)["qosStatus"] == "UNAVAILABLE"
        caller.clock.pass_by(0.001)
        assert refused(caller.call("GET", f"{SESSIONS}/{identifier}")) == GONE


def test_a_session_is_deleted_at_once_and_its_channel_withdrawn() -> None:
    with Caller() as caller:
        identifier = caller.created()
        response = caller.call("DELETE", f"{SESSIONS}/{identifier}")
        assert (response.status_code, response.content) == (204, b"")
        assert caller.network.orders[-1] == WithdrawOrder(session=identifier)
        assert refused(caller.call("GET", f"{SESSIONS}/{identifier}")) == GONE
        assert refused(caller.call("DELETE", f"{SESSIONS}/{identifier}")) == GONE


def test_deleting_what_has_ended_withdraws_nothing() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.news(identifier, Stage.EXPIRED)
        assert caller.call("DELETE", f"{SESSIONS}/{identifier}").status_code == 204
        assert not any(isinstance(order, WithdrawOrder) for order in caller.network.orders)


def test_an_extension_is_passed_on_from_the_opening_of_the_channel() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.clock.pass_by(30)
        response = caller.call(
            "POST", f"{SESSIONS}/{identifier}/extend", {"requestedAdditionalDuration": 100}
        )
        assert response.status_code == 200
        assert response.json()["duration"] == 160
        assert response.json()["expiresAt"] == "2026-03-01T12:02:40Z"
        assert caller.network.orders[-1] == ExtendOrder(session=identifier, lifetime_ns=160 * 10**9)
        assert caller.session(identifier) == response.json()


def test_an_extension_ends_where_the_profile_does() -> None:
    with Caller() as caller:
        identifier = caller.created()
        for _ in range(2):
            response = caller.call(
                "POST", f"{SESSIONS}/{identifier}/extend", {"requestedAdditionalDuration": 2**31 - 1}
            )
            assert response.json()["duration"] == 600


@pytest.mark.parametrize("stages", [(), (Stage.REFUSED,), (Stage.ACTIVE, Stage.EXPIRED)])
def test_only_an_available_session_is_extended(stages: tuple[Stage, ...]) -> None:
    with Caller(HandNetwork(answers=stages)) as caller:
        identifier = caller.created()
        response = caller.call("POST", f"{SESSIONS}/{identifier}/extend", {"requestedAdditionalDuration": 9})
        assert refused(response) == (409, "QUALITY_ON_DEMAND.SESSION_EXTENSION_NOT_ALLOWED")
        assert not any(isinstance(order, ExtendOrder) for order in caller.network.orders)


def test_the_sessions_of_a_device_are_those_of_the_client() -> None:
    with Caller() as caller:
        first = caller.created()
        caller.clock.pass_by(1)
        second = caller.created("colleague", applicationServer={"ipv4Address": "10.2.0.2"})
        caller.created("stranger", applicationServer={"ipv4Address": "10.2.0.3"})
        caller.created(device=OTHER_HOME)
        found = caller.call("POST", RETRIEVE, {"device": HOME}).json()
        assert [each["sessionId"] for each in found] == [first, second]
        by_token = caller.call("POST", RETRIEVE, {}, "at home1").json()
        assert by_token == found
        phone = caller.call("POST", RETRIEVE, {"device": {"phoneNumber": "+999001001"}}).json()
        assert phone == found


def test_a_device_without_sessions_has_an_empty_list() -> None:
    with Caller() as caller:
        response = caller.call("POST", RETRIEVE, {"device": HOME})
        assert (response.status_code, response.json()) == (200, [])


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({}, {}, True),
        ({}, {"applicationServer": {"ipv4Address": "10.2.0.2"}}, False),
        ({}, {"applicationServer": {"ipv4Address": "10.2.0.0/16"}}, True),
        ({}, {"device": OTHER_HOME}, False),
        ({}, {"devicePorts": {"ports": [1]}}, True),
        ({"devicePorts": {"ports": [1]}}, {"devicePorts": {"ports": [2]}}, False),
        ({"devicePorts": {"ports": [1]}}, {"applicationServerPorts": {"ports": [2]}}, True),
        (
            {"applicationServerPorts": {"ranges": [{"from": 10, "to": 20}]}},
            {"applicationServerPorts": {"ports": [20]}},
            True,
        ),
        (
            {"applicationServerPorts": {"ranges": [{"from": 10, "to": 20}]}},
            {"applicationServerPorts": {"ports": [21]}},
            False,
        ),
    ],
)
def test_two_sessions_conflict_if_a_packet_could_belong_to_both(
    one: dict[str, Any], other: dict[str, Any], meet: bool
) -> None:
    with Caller() as caller:
        caller.created(**one)
        response = caller.create(**other)
        if meet:
            assert refused(response) == (409, "CONFLICT")
        else:
            assert response.status_code == 201
        assert len(caller.network.orders) == (1 if meet else 2)


def test_a_session_conflicts_with_another_clients_too() -> None:
    with Caller() as caller:
        caller.created()
        assert refused(caller.create("stranger")) == (409, "CONFLICT")


def test_a_session_ended_by_the_network_must_be_released_by_its_client_first() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.news(identifier, Stage.PREEMPTED)
        assert refused(caller.create()) == (409, "CONFLICT")
        assert caller.create("stranger", device=HOME).status_code == 201
        caller.call("DELETE", f"{SESSIONS}/{identifier}")


def test_a_session_ended_by_the_network_is_forgotten_in_the_end() -> None:
    with Caller(HandNetwork(answers=(Stage.REFUSED,))) as caller:
        caller.created()
        assert refused(caller.create()) == (409, "CONFLICT")
        caller.clock.pass_by(361)
        caller.created()


def test_an_expired_session_is_in_nobodys_way() -> None:
    with Caller() as caller:
        caller.news(caller.created(), Stage.EXPIRED)
        caller.created()


@pytest.mark.parametrize("duration", [9, 601])
def test_a_duration_beyond_the_profile_is_refused(duration: int) -> None:
    with Caller() as caller:
        assert refused(caller.create(duration=duration)) == (400, "QUALITY_ON_DEMAND.DURATION_OUT_OF_RANGE")
        assert caller.network.orders == []


@pytest.mark.parametrize("duration", [10, 600])
def test_a_duration_at_the_bounds_of_the_profile_is_taken(duration: int) -> None:
    with Caller() as caller:
        caller.created(duration=duration)


@pytest.mark.parametrize("name", ["slept", "old"])
def test_a_profile_that_is_not_active_cannot_be_had(name: str) -> None:
    with Caller() as caller:
        response = caller.create(qosProfile=name)
        assert refused(response) == (422, "QUALITY_ON_DEMAND.QOS_PROFILE_NOT_APPLICABLE")


def test_a_profile_for_other_devices_is_not_applicable() -> None:
    with Caller() as caller:
        caller.created(qosProfile="for-home1")
        response = caller.create(qosProfile="for-home1", device=OTHER_HOME)
        assert refused(response) == (422, "SERVICE_NOT_APPLICABLE")


def test_a_server_that_has_ipv6_alone_is_not_applicable() -> None:
    both = {"ipv4Address": "10.2.0.1", "ipv6Address": "2001:db8::1"}
    with Caller() as caller:
        response = caller.create(applicationServer={"ipv6Address": "2001:db8::/64"})
        assert refused(response) == (422, "SERVICE_NOT_APPLICABLE")
        caller.created(applicationServer=both)


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": None},
        {"duration": 0},
        {"duration": "60"},
        {"duration": True},
        {"duration": 60.5},
        {"duration": 2**31},
        {"qosProfile": "no"},
        {"qosProfile": "not there"},
        {"qosProfile": "missing"},
        {"qosProfile": None},
        {"applicationServer": {}},
        {"applicationServer": {"ipv4Address": "10.2.0.300"}},
        {"applicationServer": {"ipv4Address": "10.2.0.0/33"}},
        {"applicationServer": {"ipv4Address": "10.2.0.0/255.255.0.0"}},
        {"applicationServer": {"ipv4Address": "10.2.0.01"}},
        {"applicationServer": {"ipv6Address": "2001:db8::1::2"}},
        {"applicationServer": {"ipv6Address": "10.2.0.1"}},
        {"devicePorts": {}},
        {"devicePorts": {"ports": []}},
        {"devicePorts": {"ranges": [{"from": 1}]}},
        {"devicePorts": {"ports": ["80"]}},
    ],
)
def test_what_breaks_the_schema_is_an_invalid_argument(wrong: dict[str, Any]) -> None:
    with Caller() as caller:
        assert refused(caller.create(**wrong)) == (400, "INVALID_ARGUMENT")
        assert caller.network.orders == []


def test_a_whole_number_may_be_written_with_a_fraction_of_nothing() -> None:
    with Caller() as caller:
        assert caller.session(caller.created(duration=60.0))["duration"] == 60


def test_null_is_not_the_same_as_nothing() -> None:
    with Caller() as caller:
        response = caller.call("POST", SESSIONS, {**session_body(), "devicePorts": None})
        assert refused(response) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "ports", [{"ports": [65536]}, {"ports": [-1]}, {"ranges": [{"from": 5, "to": 4}]}, {"ports": [1, 70000]}]
)
@pytest.mark.parametrize("end", ["devicePorts", "applicationServerPorts"])
def test_ports_that_there_are_not_are_out_of_range(end: str, ports: dict[str, Any]) -> None:
    with Caller() as caller:
        assert refused(caller.create(**{end: ports})) == (400, "OUT_OF_RANGE")


def test_a_request_without_a_body_is_an_invalid_argument() -> None:
    with Caller() as caller:
        for body in ({}, {"content": b"", "headers": {"Content-Type": "application/json"}}):
            assert refused(caller.call("POST", SESSIONS, **body)) == (400, "INVALID_ARGUMENT")


def test_a_session_is_its_clients_alone() -> None:
    denied = (403, "PERMISSION_DENIED")
    with Caller() as caller:
        identifier = caller.created()
        caller.session(identifier, "colleague")
        for who in ("stranger", "at home2"):
            assert refused(caller.call("GET", f"{SESSIONS}/{identifier}", who=who)) == denied
            assert refused(caller.call("DELETE", f"{SESSIONS}/{identifier}", who=who)) == denied
            body = {"requestedAdditionalDuration": 1}
            assert refused(caller.call("POST", f"{SESSIONS}/{identifier}/extend", body, who)) == denied
        assert caller.session(identifier, "at home1")["qosStatus"] == "AVAILABLE"


def test_an_identifier_that_is_none_is_invalid_and_one_of_nothing_is_not_found() -> None:
    with Caller() as caller:
        for path in ("nonsense", "00000000-0000-0000-0000-00000000000g", str(uuid4()).replace("-", "")):
            assert refused(caller.call("GET", f"{SESSIONS}/{path}")) == (400, "INVALID_ARGUMENT")
        assert refused(caller.call("GET", f"{SESSIONS}/{uuid4()}")) == GONE
        identifier = caller.created()
        assert caller.session(identifier.upper())["sessionId"] == identifier


def test_a_network_that_is_gone_is_told_and_leaves_nothing_behind() -> None:
    with Caller() as caller:
        identifier = caller.created()
        caller.network.gone = True
        assert refused(caller.create(device=OTHER_HOME)) == (503, "UNAVAILABLE")
        assert refused(caller.call("DELETE", f"{SESSIONS}/{identifier}")) == (503, "UNAVAILABLE")
        body = {"requestedAdditionalDuration": 1}
        response = caller.call("POST", f"{SESSIONS}/{identifier}/extend", body)
        assert refused(response) == (503, "UNAVAILABLE")
        caller.network.gone = False
        assert caller.session(identifier)["duration"] == 60
        assert caller.call("POST", RETRIEVE, {"device": OTHER_HOME}).json() == []


def test_times_are_told_in_universal_time() -> None:
    with Caller() as caller:
        assert caller.create().json()["startedAt"] == (START + timedelta(0)).isoformat().replace(
            "+00:00", "Z"
        )
