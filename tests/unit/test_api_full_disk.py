"""A state on a disk that takes nothing: orders are refused, what there is stays, all goes on afterwards."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from api_caller import ASSIGNMENTS, HOME, OTHER_HOME, SESSIONS, Caller, Clock, HandNetwork, refused

from testbed.api.store import SqliteStore
from testbed.host.orders import ChannelOrder, Stage

UNAVAILABLE = (503, "UNAVAILABLE")
CATCH_UP_S = 1.5
MOST_UNTIL_FULL = 200


class Disk:
    """A state, and the hand on the disk below it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.clock = folder / "state.db", Clock()

    def caller(self, network: HandNetwork | None = None) -> Caller:
        return Caller(network, settings={"state_path": self.path, "clock": self.clock})

    @staticmethod
    def rows(caller: Caller) -> sqlite3.Connection:
        store = caller.app.state.context.bookings._kept._store
        assert isinstance(store, SqliteStore)
        return store._rows

    def refuse(self, caller: Caller) -> None:
        """Every write fails from now on, as on a disk that has gone read-only."""
        self.rows(caller).execute("PRAGMA query_only = ON")

    def recover(self, caller: Caller) -> None:
        self.rows(caller).execute("PRAGMA query_only = OFF")

    def fill(self, caller: Caller) -> None:
        """The file can grow no more: SQLite answers as it does with ENOSPC (SQLITE_FULL)."""
        [pages] = self.rows(caller).execute("PRAGMA page_count").fetchone()
        self.rows(caller).execute(f"PRAGMA max_page_count = {pages}")

    def empty(self, caller: Caller) -> None:
        self.rows(caller).execute("PRAGMA max_page_count = 1000000")


def at_port(number: int) -> dict[str, Any]:
    """What makes a session one of its own."""
    return {"applicationServerPorts": {"ports": [number]}}


def test_a_full_disk_refuses_new_sessions_and_loses_none_that_was_answered(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.caller() as caller:
        caller.created(**at_port(0))
        disk.fill(caller)
        made, response = [], caller.create(**at_port(1))
        for number in range(2, MOST_UNTIL_FULL):
            if response.status_code != 201:
                break
            made.append(response.json()["sessionId"])
            response = caller.create(**at_port(number))
        assert refused(response) == UNAVAILABLE
        assert "nothing was changed" in response.json()["message"]
        assert made, "some fit still"
        ordered = [order.session for order in caller.network.orders if isinstance(order, ChannelOrder)]
        assert len(ordered) == 1 + len(made), "what is refused is not ordered"
        assert all(caller.session(each)["qosStatus"] == "AVAILABLE" for each in made)
        disk.empty(caller)
        made.append(caller.created(**at_port(9999)))
    with disk.caller() as caller:
        assert all(caller.session(each)["qosStatus"] == "AVAILABLE" for each in made)
        assert len(caller.network.orders) == 2 * (1 + len(made)), "each ordered anew, and extended"


@pytest.mark.parametrize("ask", ["create", "assign", "extend", "delete", "delete ended", "revoke"])
def test_whatever_changes_the_state_is_refused_and_changes_nothing(ask: str, tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.caller() as caller:
        session, assignment = caller.created(), caller.assigned()
        ended = caller.created(device=OTHER_HOME)
        caller.news(ended, Stage.PREEMPTED)
        shown = caller.session(session), caller.assignment(assignment), caller.session(ended)
        before = len(caller.network.orders)
        disk.refuse(caller)
        requests = {
            "create": lambda: caller.create(**at_port(1), device=OTHER_HOME, qosProfile="plain"),
            "assign": lambda: caller.call("POST", ASSIGNMENTS, {"device": OTHER_HOME, "qosProfile": "plain"}),
            "extend": lambda: caller.call(
                "POST", f"{SESSIONS}/{session}/extend", {"requestedAdditionalDuration": 60}
            ),
            "delete": lambda: caller.call("DELETE", f"{SESSIONS}/{session}"),
            "delete ended": lambda: caller.call("DELETE", f"{SESSIONS}/{ended}"),
            "revoke": lambda: caller.call("DELETE", f"{ASSIGNMENTS}/{assignment}"),
        }
        if ask == "create":
            caller.network.withdrawn = ()
            disk.recover(caller)
            assert caller.call("DELETE", f"{SESSIONS}/{ended}").status_code == 204
            disk.refuse(caller)
        assert refused(requests[ask]()) == UNAVAILABLE
        assert len(caller.network.orders) == before
        assert (caller.session(session), caller.assignment(assignment)) == shown[:2]
        disk.recover(caller)
        assert requests[ask]().status_code in (200, 201, 202, 204), "and it works when there is room again"


def test_what_the_network_tells_meanwhile_is_true_at_once_and_written_later(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.caller(HandNetwork(answers=())) as caller:
        opened, preempted = caller.created(), caller.created(device=OTHER_HOME)
        disk.refuse(caller)
        caller.news(opened, Stage.ACTIVE)
        caller.news(preempted, Stage.ACTIVE)
        caller.news(preempted, Stage.PREEMPTED)
        assert caller.session(opened)["qosStatus"] == "AVAILABLE"
        assert caller.session(preempted)["statusInfo"] == "NETWORK_TERMINATED"
        on_disk = {each.id: each.status for each in caller.app.state.context.bookings._kept._store.all()}
        assert set(on_disk.values()) == {"REQUESTED"}
        disk.recover(caller)
        caller.run(asyncio.sleep(CATCH_UP_S))
        on_disk = {each.id: each.status for each in caller.app.state.context.bookings._kept._store.all()}
        assert on_disk == {opened: "AVAILABLE", preempted: "UNAVAILABLE"}
        told = caller.session(opened), caller.session(preempted)
    with disk.caller() as caller:
        assert (caller.session(opened), caller.session(preempted)) == told


def test_what_waits_for_the_disk_is_written_at_the_end_at_the_latest(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.caller(HandNetwork(answers=())) as caller:
        opened = caller.created()
        disk.refuse(caller)
        caller.news(opened, Stage.ACTIVE)
        told = caller.session(opened)
        disk.recover(caller)
    with disk.caller(HandNetwork(answers=())) as caller:
        assert caller.session(opened) == told


def test_what_has_been_over_for_long_is_forgotten_though_the_disk_does_not_hear_of_it(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.caller() as caller:
        ended = caller.created()
        caller.news(ended, Stage.PREEMPTED)
        disk.refuse(caller)
        disk.clock.pass_by(400)
        assert refused(caller.call("GET", f"{SESSIONS}/{ended}")) == (404, "NOT_FOUND")


def test_a_session_that_was_deleted_while_the_disk_filled_does_not_come_back(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.caller() as caller:
        deleted = caller.created()
        bookings = caller.app.state.context.bookings
        order = caller.network.order

        def then_refuse(given: Any) -> None:
            order(given)
            disk.refuse(caller)

        caller.network.order = then_refuse  # type: ignore[method-assign]
        assert caller.call("DELETE", f"{SESSIONS}/{deleted}").status_code == 204
        assert [each.id for each in bookings._kept._store.all()] == [deleted]
    with disk.caller() as caller:
        assert refused(caller.call("GET", f"{SESSIONS}/{deleted}")) == (404, "NOT_FOUND")
        assert caller.network.orders == []
        assert caller.create(device=HOME).status_code == 201


def test_a_server_starts_beside_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Its start changes what has expired meanwhile, and that has to wait."""
    disk = Disk(tmp_path)
    with disk.caller() as caller:
        lasting, expiring = caller.created(duration=600), caller.created(device=OTHER_HOME)
    disk.clock.pass_by(100)
    before = disk.path.read_bytes()
    caller = disk.caller()
    original = SqliteStore._make

    def make_and_refuse(store: SqliteStore) -> None:
        original(store)
        store._rows.execute("PRAGMA query_only = ON")

    SqliteStore._make = make_and_refuse  # type: ignore[method-assign]
    try:
        with caller:
            assert caller.session(lasting)["qosStatus"] == "AVAILABLE"
            assert caller.session(expiring)["statusInfo"] == "DURATION_EXPIRED"
    finally:
        SqliteStore._make = original  # type: ignore[method-assign]
    assert disk.path.read_bytes() == before
