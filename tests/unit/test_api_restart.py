"""What survives a restart of the server, and what the network is then told."""

import stat
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from api_caller import (
    ASSIGNMENTS,
    PROFILE_LIST,
    SESSIONS,
    START,
    SUBSCRIBERS,
    Caller,
    Clock,
    HandNetwork,
    refused,
    session_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.api.booking import Booking, BookingKind
from testbed.api.session_models import QosStatus, StatusReason
from testbed.api.store import SqliteStore
from testbed.errors import NotReadyError, ScenarioError
from testbed.host.orders import ChannelOrder, ExtendOrder, Stage

PORTS = {"ranges": [{"from": 1, "to": 5}], "ports": [9]}


class Restarts:
    """One server after the other with the same state and clock, each over a network of its own."""

    def __init__(self, folder: Path) -> None:
        self.path, self.clock = folder / "state.db", Clock()

    def caller(self, network: HandNetwork | None = None, **settings: Any) -> Caller:
        return Caller(network, settings={"state_path": self.path, "clock": self.clock, **settings})


def test_sessions_and_assignments_are_as_they_were_and_ordered_anew(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        session = caller.created(devicePorts=PORTS, applicationServerPorts=PORTS)
        assignment = caller.assigned()
        told = caller.session(session), caller.assignment(assignment)
        [first, second] = caller.network.orders
    restarts.clock.pass_by(20)
    with restarts.caller() as caller:
        assert (caller.session(session), caller.assignment(assignment)) == told
        [again, again_too, extension] = sorted(
            caller.network.orders, key=lambda order: isinstance(order, ExtendOrder)
        )
        assert isinstance(again, ChannelOrder)
        assert isinstance(first, ChannelOrder)
        assert again.lifetime_ns == 40 * 10**9
        assert again_too == second
        assert (again.session, again.server, again.device_ports, again.channel) == (
            first.session,
            first.server,
            first.device_ports,
            first.channel,
        )
        assert extension == ExtendOrder(session=session, lifetime_ns=40 * 10**9)


def test_without_a_state_nothing_survives(tmp_path: Path) -> None:
    """The control."""
    with Caller() as caller:
        session = caller.created()
    with Caller() as caller:
        assert refused(caller.call("GET", f"{SESSIONS}/{session}")) == (404, "NOT_FOUND")
        assert caller.network.orders == []
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_was_requested_is_still(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller(HandNetwork(answers=())) as caller:
        session = caller.created()
    restarts.clock.pass_by(100)
    with restarts.caller() as caller:
        assert caller.session(session)["qosStatus"] == "AVAILABLE"
        assert caller.session(session)["startedAt"] == "2026-03-01T12:01:40Z"
        [order] = caller.network.orders
        assert isinstance(order, ChannelOrder)
        assert order.lifetime_ns == 60 * 10**9


def test_a_session_whose_time_ran_out_meanwhile_has_expired_when_it_should(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        session = caller.created()
    restarts.clock.pass_by(1000)
    with restarts.caller() as caller:
        assert caller.network.orders == []
        ended = caller.session(session)
        assert (ended["qosStatus"], ended["statusInfo"]) == ("UNAVAILABLE", "DURATION_EXPIRED")
        assert (ended["duration"], ended["expiresAt"]) == (60, "2026-03-01T12:01:00Z")
        restarts.clock.pass_by(361)
        assert refused(caller.call("GET", f"{SESSIONS}/{session}")) == (404, "NOT_FOUND")


def test_a_session_that_the_new_network_refuses_is_over(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        session = caller.created()
    with restarts.caller(HandNetwork(answers=(Stage.REFUSED,))) as caller:
        assert caller.session(session)["statusInfo"] == "NETWORK_TERMINATED"


def test_the_lifetime_after_a_restart_counts_from_the_new_opening(tmp_path: Path) -> None:
    """The new network takes a while to open the channel, and the session is extended meanwhile and after."""
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        session = caller.created()
    with restarts.caller(HandNetwork(answers=())) as caller:
        body = {"requestedAdditionalDuration": 100}
        response = caller.call("POST", f"{SESSIONS}/{session}/extend", body)
        assert response.json()["duration"] == 160
        restarts.clock.pass_by(50)
        caller.news(session, Stage.ACTIVE)
        restarts.clock.pass_by(30)
        caller.call("POST", f"{SESSIONS}/{session}/extend", body)
        extensions = [order.lifetime_ns for order in caller.network.orders if isinstance(order, ExtendOrder)]
        assert extensions == [110 * 10**9, 210 * 10**9]
        assert caller.session(session)["startedAt"] == "2026-03-01T12:00:00Z"
        assert caller.session(session)["expiresAt"] == "2026-03-01T12:04:20Z"


def test_what_had_ended_is_readable_and_what_was_deleted_is_not(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        deleted = caller.created()
        caller.call("DELETE", f"{SESSIONS}/{deleted}")
        ended = caller.created()
        caller.news(ended, Stage.PREEMPTED)
        told = caller.session(ended)
    with restarts.caller() as caller:
        assert caller.session(ended) == told
        assert refused(caller.call("GET", f"{SESSIONS}/{deleted}")) == (404, "NOT_FOUND")
        assert caller.network.orders == []


def test_a_revocation_under_way_is_done_by_the_restart(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        caller.network.withdrawn = ()
        assignment = caller.assigned()
        assert caller.call("DELETE", f"{ASSIGNMENTS}/{assignment}").status_code == 202
    with restarts.caller() as caller:
        assert caller.assignment(assignment)["status"] == "UNAVAILABLE"
        assert caller.network.orders == []


def test_a_session_of_a_host_that_is_no_more_is_over(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        session = caller.created()
    with restarts.caller(subscribers=SUBSCRIBERS[1:]) as caller:
        assert caller.session(session)["statusInfo"] == "NETWORK_TERMINATED"
        assert caller.network.orders == []


def test_a_session_whose_profile_is_no_more_goes_on_and_cannot_be_extended(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        session = caller.created()
    with restarts.caller(profiles=PROFILE_LIST[1:]) as caller:
        body = {"requestedAdditionalDuration": 100}
        assert caller.call("POST", f"{SESSIONS}/{session}/extend", body).json()["duration"] == 60


def test_a_server_without_a_network_does_not_start(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    with restarts.caller() as caller:
        caller.created()
    network = HandNetwork()
    network.gone = True
    with pytest.raises(NotReadyError), restarts.caller(network):
        pass


def test_the_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o644)
    SqliteStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_state_is_for_one_server_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    with pytest.raises(ScenarioError, match=r"cannot use the state in .*state\.db: database is locked"):
        SqliteStore(path)
    store.close()
    SqliteStore(path).close()


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database. " * 50)
    with pytest.raises(ScenarioError, match="cannot use the state in"):
        SqliteStore(path)
    with pytest.raises(ScenarioError, match="cannot open the state in"):
        SqliteStore(tmp_path / "no folder" / "state.db")


INSTANTS = st.none() | st.integers(0, 10**9).map(lambda ms: START + timedelta(milliseconds=ms))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.builds(
        Booking,
        id=st.uuids().map(str),
        kind=st.sampled_from(BookingKind),
        client=st.text(),
        host=st.text(),
        device=st.none() | st.just(session_body()["device"]),
        application_server=st.none() | st.just(session_body()["applicationServer"]),
        device_ports=st.none() | st.just(PORTS),
        application_server_ports=st.none() | st.just(PORTS),
        profile=st.just("plain"),
        channel=st.just(PROFILE_LIST[0].channel),
        sink=st.none() | st.text(),
        credential=st.none(),
        duration_s=st.none() | st.integers(1, 2**31 - 1),
        status=st.sampled_from(QosStatus),
        reason=st.none() | st.sampled_from(StatusReason),
        started_at=INSTANTS,
        opened_at=INSTANTS,
        expires_at=INSTANTS,
        ended_at=INSTANTS,
    )
)
def test_every_booking_comes_back_from_the_store_as_it_was(booking: Booking) -> None:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db")
        store.put(booking)
        store.put(booking)
        assert store.all() == [booking]
        store.close()
        store = SqliteStore(Path(folder) / "state.db")
        assert store.all() == [booking]
        store.drop(booking.id)
        assert store.all() == []
        store.close()
