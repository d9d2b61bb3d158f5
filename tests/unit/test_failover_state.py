"""State comes from whoever holds it, by the first way that brings it."""

import socket
from contextlib import nullcontext

import pytest

from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.workload import state_transfer
from testbed.workload.state_transfer import StateFetch, StateServer

SIZE_BYTES = 3_000_000


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that nobody else has, in place of the one on emulated hosts."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        monkeypatch.setattr(state_transfer, "STATE_PORT", probe.getsockname()[1])


def fetched(loop: Loop, addresses: list[str], job: str) -> list[str]:
    """What came, once the fetch has said so."""
    came: list[str] = []

    def then() -> None:
        came.append(job)
        loop.stop()

    StateFetch(loop, nullcontext, addresses, job, SIZE_BYTES, then)
    loop.run()
    return came


def test_all_of_it_comes() -> None:
    loop = Loop(Clock(0))
    server = StateServer(loop, lambda _job: True)
    assert fetched(loop, ["127.0.0.1"], "job") == ["job"]
    server.close()


def test_who_does_not_hold_it_is_passed_over() -> None:
    """One server stands for two: it has the state only when asked for the second time."""
    loop = Loop(Clock(0))
    asked: list[str] = []

    def holds(job: str) -> bool:
        asked.append(job)
        return len(asked) > 1

    server = StateServer(loop, holds)
    assert fetched(loop, ["127.0.0.1", "127.0.0.2"], "job") == ["job"]
    assert asked[:2] == ["job", "job"]
    server.close()


def test_who_is_not_there_yet_is_asked_again() -> None:
    loop = Loop(Clock(0))
    servers: list[StateServer] = []
    opens_ns = loop.clock.now_ns() + state_transfer.STALL_NS // 2
    loop.at(opens_ns, lambda: servers.append(StateServer(loop, lambda _job: True)))
    assert fetched(loop, ["127.0.0.1", "127.0.0.2"], "job") == ["job"]
    servers[0].close()


def test_a_fetch_that_is_given_up_never_says_that_it_is_done() -> None:
    """The control: what has been closed calls nobody."""
    loop = Loop(Clock(0))
    server = StateServer(loop, lambda _job: True)
    came: list[str] = []
    fetch = StateFetch(loop, nullcontext, ["127.0.0.1"], "job", SIZE_BYTES, lambda: came.append("job"))
    fetch.close()
    loop.at(loop.clock.now_ns() + 2 * state_transfer.STALL_NS, loop.stop)
    loop.run()
    assert came == []
    server.close()
