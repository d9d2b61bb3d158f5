"""Assignments of qos-provisioning: channels of whole devices, without end, until they are revoked."""

from uuid import uuid4

import pytest
from api_caller import (
    ASSIGNMENTS,
    HOME,
    OTHER_HOME,
    RETRIEVE_ASSIGNMENT,
    Caller,
    HandNetwork,
    assignment_body,
    refused,
)

from testbed.host.orders import ChannelOrder, Stage, WithdrawOrder


def test_an_assignment_is_a_channel_to_everywhere_without_end() -> None:
    with Caller() as caller:
        response = caller.call("POST", ASSIGNMENTS, assignment_body())
        assert response.status_code == 201
        answer = response.json()
        assert answer == {
            **assignment_body(),
            "assignmentId": answer["assignmentId"],
            "status": "AVAILABLE",
            "startedAt": "2026-03-01T12:00:00Z",
        }
        [order] = caller.network.orders
        assert isinstance(order, ChannelOrder)
        assert (order.server, order.device_ports, order.server_ports) == ("0.0.0.0/0", (), ())
        assert order.lifetime_ns is None
        assert caller.assignment(answer["assignmentId"]) == answer


def test_an_assignment_stays_requested_until_its_channel_is_active() -> None:
    with Caller(HandNetwork(answers=())) as caller:
        identifier = caller.assigned()
        requested = caller.assignment(identifier)
        assert requested["status"] == "REQUESTED"
        assert not requested.keys() & {"startedAt", "statusInfo"}
        caller.news(identifier, Stage.ACTIVE)
        assert caller.assignment(identifier)["status"] == "AVAILABLE"


@pytest.mark.parametrize("stage", [Stage.PREEMPTED, Stage.RELEASED, Stage.EXPIRED])
def test_an_assignment_that_the_network_ends_was_terminated(stage: Stage) -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        caller.news(identifier, stage)
        ended = caller.assignment(identifier)
        assert (ended["status"], ended["statusInfo"]) == ("UNAVAILABLE", "NETWORK_TERMINATED")


def test_an_assignment_that_is_refused_at_once_is_created_unavailable() -> None:
    with Caller(HandNetwork(answers=(Stage.REFUSED,))) as caller:
        response = caller.call("POST", ASSIGNMENTS, assignment_body())
        assert response.status_code == 201
        assert response.json()["status"] == "UNAVAILABLE"


def test_a_device_has_one_assignment_at_a_time() -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        for who in ("client", "stranger"):
            response = caller.call("POST", ASSIGNMENTS, assignment_body(), who)
            assert refused(response) == (409, "CONFLICT")
        caller.assigned(device=OTHER_HOME)
        caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        caller.assigned()


def test_a_session_may_stand_beside_an_assignment() -> None:
    with Caller() as caller:
        caller.assigned()
        caller.created()


def test_revoking_is_done_at_once_if_the_network_is_as_fast() -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        response = caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        assert (response.status_code, response.content) == (204, b"")
        assert caller.network.orders[-1] == WithdrawOrder(session=identifier)
        revoked = caller.assignment(identifier)
        assert (revoked["status"], revoked["statusInfo"]) == ("UNAVAILABLE", "DELETE_REQUESTED")


def test_revoking_goes_on_until_the_network_has_done_it() -> None:
    with Caller() as caller:
        caller.network.withdrawn = ()
        identifier = caller.assigned()
        response = caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        assert response.status_code == 202
        assert (response.json()["status"], response.json()["statusInfo"]) == ("AVAILABLE", "DELETE_REQUESTED")
        again = caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        assert (again.status_code, again.json()) == (202, response.json())
        assert sum(isinstance(order, WithdrawOrder) for order in caller.network.orders) == 1
        response = caller.call("POST", ASSIGNMENTS, assignment_body())
        assert refused(response) == (409, "CONFLICT")
        caller.news(identifier, Stage.RELEASED)
        revoked = caller.assignment(identifier)
        assert (revoked["status"], revoked["statusInfo"]) == ("UNAVAILABLE", "DELETE_REQUESTED")
        caller.assigned()


def test_revoking_what_never_was_available_is_done_at_once() -> None:
    with Caller(HandNetwork(answers=())) as caller:
        caller.network.withdrawn = ()
        identifier = caller.assigned()
        assert caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}").status_code == 204
        caller.news(identifier, Stage.ACTIVE)
        assert caller.assignment(identifier)["status"] == "UNAVAILABLE"


def test_a_revoked_assignment_can_be_read_for_six_minutes() -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        caller.clock.pass_by(360)
        assert caller.assignment(identifier)["status"] == "UNAVAILABLE"
        caller.clock.pass_by(1)
        response = caller.call("GET", f"{ASSIGNMENTS}/{identifier}")
        assert refused(response) == (404, "NOT_FOUND")


def test_revoking_what_the_network_has_ended_makes_room_for_another() -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        caller.news(identifier, Stage.PREEMPTED)
        assert refused(caller.call("POST", ASSIGNMENTS, assignment_body())) == (409, "CONFLICT")
        assert caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}").status_code == 204
        caller.assigned()


def test_the_assignment_of_a_device_is_found_unless_it_was_revoked() -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        found = caller.call("POST", RETRIEVE_ASSIGNMENT, {"device": HOME})
        assert (found.status_code, found.json()) == (200, caller.assignment(identifier))
        assert caller.call("POST", RETRIEVE_ASSIGNMENT, {}, "at home1").json() == found.json()
        caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        assert refused(caller.call("POST", RETRIEVE_ASSIGNMENT, {"device": HOME})) == (404, "NOT_FOUND")


def test_a_device_without_an_assignment_has_none_to_find() -> None:
    with Caller() as caller:
        assert refused(caller.call("POST", RETRIEVE_ASSIGNMENT, {"device": HOME})) == (404, "NOT_FOUND")


def test_an_assignment_is_its_clients_alone() -> None:
    denied = (403, "PERMISSION_DENIED")
    with Caller() as caller:
        identifier = caller.assigned()
        for method in ("GET", "DELETE"):
            for who in ("stranger", "at home2"):
                assert refused(caller.call(method, f"{ASSIGNMENTS}/{identifier}", who=who)) == denied
        assert refused(caller.call("POST", RETRIEVE_ASSIGNMENT, {"device": HOME}, "stranger")) == denied
        assert caller.assignment(identifier, "at home1")["status"] == "AVAILABLE"


def test_a_session_is_no_assignment_and_the_other_way_round() -> None:
    with Caller() as caller:
        session, assignment = caller.created(), caller.assigned()
        assert refused(caller.call("GET", f"{ASSIGNMENTS}/{session}")) == (404, "NOT_FOUND")
        path = f"/quality-on-demand/v1/sessions/{assignment}"
        assert refused(caller.call("GET", path)) == (404, "NOT_FOUND")
        assert refused(caller.call("GET", f"{ASSIGNMENTS}/{uuid4()}")) == (404, "NOT_FOUND")
        assert refused(caller.call("GET", f"{ASSIGNMENTS}/nonsense")) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("name", ["slept", "old"])
def test_a_profile_that_is_not_active_cannot_be_assigned(name: str) -> None:
    with Caller() as caller:
        response = caller.call("POST", ASSIGNMENTS, {**assignment_body(), "qosProfile": name})
        assert refused(response) == (422, "QOS_PROVISIONING.QOS_PROFILE_NOT_APPLICABLE")


def test_a_profile_that_there_is_not_cannot_be_assigned() -> None:
    with Caller() as caller:
        response = caller.call("POST", ASSIGNMENTS, {**assignment_body(), "qosProfile": "missing"})
        assert refused(response) == (400, "INVALID_ARGUMENT")


def test_a_revocation_that_the_network_cannot_hear_is_undone() -> None:
    with Caller() as caller:
        identifier = caller.assigned()
        caller.network.gone = True
        response = caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        assert refused(response) == (503, "UNAVAILABLE")
        assert "statusInfo" not in caller.assignment(identifier)
