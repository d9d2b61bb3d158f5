"""Prompts and tokens on a connection: whole however the stream is cut, and never in a program's way."""

import socket
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.applications.inference.messages import Connection, Prompts, Tokens, prompt_message, token_message
from testbed.applications.inference.model import Service
from testbed.applications.inference.server import StepTimes
from testbed.host.clock import Clock
from testbed.host.loop import Loop

MS = 1_000_000
CUTS = st.lists(st.integers(0, 2000), max_size=20)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream cut at these places."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


@given(
    st.lists(st.tuples(st.integers(0, 2**63), st.integers(1, 50), st.integers(1, 9)), max_size=10),
    st.integers(1, 9),
    CUTS,
)
def test_prompts_come_whole_however_the_stream_is_cut(
    prompts: list[tuple[int, int, int]], token_bytes: int, cuts: list[int]
) -> None:
    stream = b"".join(prompt_message(*prompt, token_bytes) for prompt in prompts)
    reader = Prompts(token_bytes)
    assert [found for piece in pieces(stream, cuts) for found in reader.take(piece)] == prompts


@given(
    st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 2**31)), max_size=20), st.integers(1, 9), CUTS
)
def test_tokens_come_whole_however_the_stream_is_cut(
    tokens: list[tuple[int, int]], token_bytes: int, cuts: list[int]
) -> None:
    stream = b"".join(token_message(*token, token_bytes) for token in tokens)
    reader = Tokens(token_bytes)
    assert [found for piece in pieces(stream, cuts) for found in reader.take(piece)] == tokens


def test_a_prompt_and_a_token_have_the_size_of_their_text_and_a_header() -> None:
    assert len(prompt_message(1, 100, 5, 4)) == 16 + 400
    assert len(token_message(1, 7, 4)) == 12 + 4


def test_a_prompt_is_not_taken_before_its_last_byte() -> None:
    """The control: a reader that went by the header alone would answer too early."""
    message = prompt_message(1, 100, 5, 4)
    reader = Prompts(4)
    assert [*reader.take(message[:-1])] == []
    assert [*reader.take(message[-1:])] == [(1, 100, 5)]


@pytest.fixture
def ends() -> Iterator[tuple[Loop, Connection, socket.socket]]:
    """A loop with a connection over this machine's own loopback, and its other end."""
    loop = Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    connection = Connection(loop, ours)
    yield loop, connection, theirs
    connection.close()
    theirs.close()


def test_what_has_no_room_is_sent_when_there_is(ends: tuple[Loop, Connection, socket.socket]) -> None:
    """Far more than sockets hold, to an end that reads only while the loop runs."""
    loop, connection, theirs = ends
    message = bytes(range(256)) * 200_000
    connection.send(message[:-5])
    connection.send(message[-5:])
    received = bytearray()

    def read() -> None:
        received.extend(theirs.recv(1 << 20))
        if len(received) >= len(message):
            loop.stop()

    loop.on_readable(theirs, read)
    loop.run()
    assert received == message


def test_after_the_other_end_has_gone_nothing_is_sent_and_the_reader_is_told(
    ends: tuple[Loop, Connection, socket.socket],
) -> None:
    _, connection, theirs = ends
    theirs.close()
    for _ in range(3):
        connection.send(bytes(100))
    assert connection.receive() is None
    connection.close()
    connection.send(b"late")
    connection.close()


def service(**changes: object) -> Service:
    common = {"job": {"weight": 1}, "starts": "0 s", "ends": "1 s", "decode": [{"batch": 1, "tpot": "10 ms"}]}
    return Service.model_validate(common | changes)


def test_a_measured_exchange_takes_the_place_of_its_share_of_a_step() -> None:
    times = StepTimes(service(exchange_share=0.4, exchange_layers=5))
    assert times.step_ns([1]) == 10 * MS
    times.exchange_ns = 2 * MS
    assert times.step_ns([1]) == (6 + 5 * 2) * MS


def test_a_slow_exchange_makes_no_token_worth_more() -> None:
    """What counts as use of the node is by the table, so that waiting for the network is none."""
    times = StepTimes(service(batch=1))
    before = times.best_token_ns(1)
    times.exchange_ns = 100 * MS
    assert times.best_token_ns(1) == before == 10 * MS
