"""Server and clients on this machine's loopback: every token once, from one server or from two in turn.

Nothing here looks at how long anything took: instants are the business of tests in virtual time.
"""

import time
from pathlib import Path
from random import Random

import pytest

from testbed.applications.inference.client import Asking, InferenceClient
from testbed.applications.inference.model import Service
from testbed.applications.inference.requests import requests
from testbed.applications.inference.server import InferenceServer
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.record.samples import LOST, JoinedStream, StreamName, join

MS = 1_000_000
HERE, THERE = ("127.0.0.1", 9_801), ("127.0.0.2", 9_802)
OUTPUT_TOKENS = 12
SERVICE = Service.model_validate(
    {
        "job": {"weight": 1},
        "starts": "0 s",
        "ends": "1000 s",
        "batch": 3,
        "prefill_rate": 100_000,
        "decode": [{"batch": 1, "tpot": "2 ms"}],
        "clients": {
            "user": {
                "host": "home1",
                "starts": "0 s",
                "ends": "20 ms",
                "arrivals": "constant",
                "interval": "2 ms",
                "prompt_tokens": 20,
                "output_tokens": OUTPUT_TOKENS,
            }
        },
    }
)


@pytest.fixture
def loop() -> Loop:
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME) + 20 * MS))


LOST_AT_NS = 30 * MS
"""All ten answers take three at a time, and 37 steps of 2 ms at the least: more than this, on any machine."""


def server(loop: Loop, address: tuple[str, int], ends_at_ns: int | None = None) -> InferenceServer:
    """A server, which makes no token any more after some instant."""
    changes = {} if ends_at_ns is None else {"ends_at_ns": ends_at_ns}
    return InferenceServer(loop, SERVICE.model_copy(update=changes), *address)


def client(loop: Loop, logs: Path, said: list[tuple[int, int]] | None = None) -> InferenceClient:
    """The clients; what they say of another server is added to a list."""
    asked = requests(SERVICE.clients["user"], Random(0))
    asking = Asking(name="user", address="127.0.0.1", server=HERE, token_bytes=4, requests=asked)
    return InferenceClient(loop, asking, logs, lambda *each: said.append(each) if said is not None else None)


def stop_when_answered(loop: Loop, user: InferenceClient, servers: list[InferenceServer]) -> None:
    """Stop when all ten have been asked, and the last token of the last answer has arrived."""

    def look() -> None:
        asked = sum(each.outcome["requests"] for each in servers)
        if asked >= 10 and not user.unanswered:
            loop.stop()
        else:
            loop.at(loop.clock.now_ns() + 5 * MS, look)

    loop.at(SERVICE.clients["user"].ends_at_ns, look)


def streams(logs: Path) -> dict[str, JoinedStream]:
    return {
        measure: join(logs, StreamName("user", measure, "downstream"))
        for measure in ("first_token", "token", "answer")
    }


def check_whole(found: dict[str, JoinedStream], count: int) -> None:
    """All requests have all of their tokens, and each is counted once."""
    assert [len(found[measure].seq) for measure in ("first_token", "answer")] == [count, count]
    assert len(found["token"].seq) == count * (OUTPUT_TOKENS - 1)
    for stream in found.values():
        assert LOST not in stream.received_at_ns
        assert stream.warnings == ()


def test_every_request_gets_all_of_its_tokens(loop: Loop, tmp_path: Path) -> None:
    only, user = server(loop, HERE), client(loop, tmp_path)
    user.start()
    stop_when_answered(loop, user, [only])
    loop.run()
    user.close()
    only.close()
    check_whole(streams(tmp_path), 10)
    done = only.outcome
    assert (done["requests"], done["answered"], done["tokens"]) == (10, 10, 10 * OUTPUT_TOKENS)


def test_what_a_lost_server_has_not_answered_the_next_one_answers_and_no_token_counts_twice(
    loop: Loop, tmp_path: Path
) -> None:
    said: list[tuple[int, int]] = []
    lost, following = server(loop, HERE, LOST_AT_NS), server(loop, THERE)
    user = client(loop, tmp_path, said)
    user.start()
    moved = {"kind": "moved", "address": THERE[0], "port": THERE[1], "epoch": 2}
    loop.at(2 * LOST_AT_NS, lambda: user.told(moved))
    loop.at(2 * LOST_AT_NS, lambda: stop_when_answered(loop, user, [following, lost]))
    loop.run()
    for part in (user, lost, following):
        part.close()
    check_whole(streams(tmp_path), 10)
    assert [epoch for epoch, _ in said] == [2]
    assert said[0][1] >= 2 * LOST_AT_NS
    assert lost.outcome["answered"] < 10
    assert following.outcome["answered"] > 0


def test_without_another_server_what_is_not_answered_is_lost(loop: Loop, tmp_path: Path) -> None:
    """The control of moving: it is the second server that answers."""
    lost, user = server(loop, HERE, LOST_AT_NS), client(loop, tmp_path)
    user.start()
    loop.at(4 * LOST_AT_NS, loop.stop)
    loop.run()
    user.close()
    lost.close()
    assert LOST in streams(tmp_path)["answer"].received_at_ns
