"""The line to a network in a venue: messages whole and in order, bounded, and never too far ahead."""

import asyncio
import json
import os
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import InvariantError
from testbed.host import line as line_module
from testbed.host.line import CONFIRMATION, CONFIRMED_BYTES, WINDOW_CONFIRMATIONS, Line
from testbed.venue.line import carry

WINDOW_BYTES = WINDOW_CONFIRMATIONS * CONFIRMED_BYTES
N_TTY_STOPS_AT_BYTES = 4096 - 128
"""Where drivers/tty/n_tty.c throttles: N_TTY_BUF_SIZE - TTY_THRESHOLD_THROTTLE."""

MESSAGES = st.lists(
    st.dictionaries(st.text(max_size=20), st.text(max_size=200) | st.integers() | st.none(), max_size=5),
    max_size=30,
)


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket]]:
    """A line, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    line = Line(ours.detach())
    yield line, theirs
    line.close()
    theirs.close()


def wait_readable(source: Any) -> None:
    ready, _, _ = select.select([source], [], [], 60)
    assert ready, "nothing came"


def receive_until(line: Line, count: int) -> list[dict[str, Any]]:
    """So many messages, however they are cut into pieces on the way."""
    received: list[dict[str, Any]] = []
    while len(received) < count:
        wait_readable(line)
        received += line.receive()
    return received


@given(messages=MESSAGES, cuts=st.lists(st.integers(1, 64), min_size=1))
def test_messages_come_whole_and_in_order_however_they_are_cut(
    messages: list[dict[str, Any]], cuts: list[int]
) -> None:
    ours, theirs = socket.socketpair()
    line, left = Line(ours.detach()), b"".join(json.dumps(each).encode() + b"\n" for each in messages)
    received: list[dict[str, Any]] = []
    for turn in range(len(left)):
        size = cuts[turn % len(cuts)]
        theirs.sendall(left[:size])
        left = left[size:]
        received += line.receive()
        if not left:
            break
    assert received == messages
    assert line.receive() == []
    line.close()
    theirs.close()


def test_what_is_sent_is_one_line_of_plain_ascii(ends: tuple[Line, socket.socket]) -> None:
    line, theirs = ends
    line.send({"text": "\x06 \n é", "number": 1})
    assert theirs.recv(1000) == b'{"text":"\\u0006 \\n \\u00e9","number":1}\n'


def test_a_sender_waits_for_room_and_loses_nothing(ends: tuple[Line, socket.socket]) -> None:
    line, theirs = ends
    message = {"text": "x" * 1_000_000}
    pid = os.fork()
    if pid == 0:
        line.send(message)
        os._exit(0)
    received = theirs.makefile("rb").readline()
    assert json.loads(received) == message
    assert os.waitpid(pid, 0)[1] == 0


def test_the_end_is_told_after_every_message(ends: tuple[Line, socket.socket]) -> None:
    line, theirs = ends
    theirs.sendall(b'{"kind":"last"}\n{"kind":"cut off')
    theirs.close()
    assert line.receive() == [{"kind": "last"}]
    with pytest.raises(EOFError):
        line.receive()


def test_what_is_said_to_a_closed_end_is_nobodys(ends: tuple[Line, socket.socket]) -> None:
    line, theirs = ends
    theirs.close()
    line.send({"kind": "news"})
    with pytest.raises(EOFError):
        line.receive()


def test_a_line_of_another_kind_of_error_is_not_taken_for_closed() -> None:
    """The control: only a closed other end is passed over."""
    reading, writing = os.pipe()
    line = Line(reading)
    with pytest.raises(OSError, match="Bad file descriptor"):
        line.send({"kind": "news"})
    os.close(writing)
    line.close()


@pytest.mark.parametrize("said", [b"{", b"[1]", b'"text"', b"\xff"])
def test_what_is_no_json_object_is_an_error_that_shows_it(
    ends: tuple[Line, socket.socket], said: bytes
) -> None:
    line, theirs = ends
    theirs.sendall(said + b"\n")
    with pytest.raises(InvariantError, match="a message on the line is not"):
        line.receive()


def test_a_message_longer_than_the_bound_is_refused_at_both_ends(
    ends: tuple[Line, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, theirs = ends
    monkeypatch.setattr(line_module, "MOST_MESSAGE_BYTES", 100)
    line.send({"kind": "k" * 88})
    assert len(theirs.recv(1000)) == 100
    with pytest.raises(InvariantError, match="has 101 bytes; the line takes 100"):
        line.send({"kind": "k" * 89})
    theirs.sendall(b"x" * 100)
    assert line.receive() == []
    theirs.sendall(b"x")
    with pytest.raises(InvariantError, match="longer than 100 bytes"):
        line.receive()


def test_a_serial_line_confirms_what_is_taken_and_another_line_does_not() -> None:
    for confirms in (True, False):
        ours, theirs = socket.socketpair()
        line = Line(ours.detach(), confirms=confirms)
        theirs.setblocking(False)
        if confirms:
            assert theirs.recv(1000) == CONFIRMATION * WINDOW_CONFIRMATIONS
        theirs.sendall(b" " * (CONFIRMED_BYTES - 1))
        line.receive()
        with pytest.raises(BlockingIOError):
            theirs.recv(1000)
        theirs.sendall(b" " * (2 * CONFIRMED_BYTES))
        line.receive()
        if confirms:
            assert theirs.recv(1000) == CONFIRMATION * 2
        else:
            with pytest.raises(BlockingIOError):
                theirs.recv(1000)
        line.close()
        theirs.close()


def test_the_window_keeps_a_terminal_from_stopping_its_driver() -> None:
    assert WINDOW_BYTES < N_TTY_STOPS_AT_BYTES


async def carried() -> tuple["asyncio.Task[None]", socket.socket, socket.socket]:
    """A carrier at work, the user's end, and the end at which the serial line would be."""
    ours, near = socket.socketpair()
    outside, serial = socket.socketpair()
    ours.setblocking(False)
    serial.setblocking(False)
    return asyncio.create_task(carry(near, outside)), ours, serial


async def turns() -> None:
    """Let everything happen that can: each callback has at most a few others behind it."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_nothing_is_carried_in_before_the_terminal_is_raw_and_then_no_more_than_the_window() -> None:
    async def script() -> None:
        loop = asyncio.get_running_loop()
        carrier, ours, serial = await carried()
        await loop.sock_sendall(ours, b"x" * 10_000)
        await turns()
        with pytest.raises(BlockingIOError):
            serial.recv(1)
        serial.send(CONFIRMATION * WINDOW_CONFIRMATIONS)
        came = b""
        while len(came) < WINDOW_BYTES:
            came += await loop.sock_recv(serial, 100_000)
        await turns()
        with pytest.raises(BlockingIOError):
            serial.recv(1)
        assert came == b"x" * WINDOW_BYTES
        serial.send(CONFIRMATION)
        assert len(await loop.sock_recv(serial, 100_000)) == CONFIRMED_BYTES
        serial.close()
        await asyncio.wait_for(carrier, 60)
        ours.close()

    asyncio.run(script())


def test_confirmations_are_kept_from_the_user() -> None:
    async def script() -> None:
        loop = asyncio.get_running_loop()
        carrier, ours, serial = await carried()
        serial.send(b'\x06{"kind":\x06"news"}\n\x06')
        serial.close()
        await asyncio.wait_for(carrier, 60)
        assert await loop.sock_recv(ours, 1000) == b'{"kind":"news"}\n'
        assert await loop.sock_recv(ours, 1000) == b"", "the end of the kernel is the end of the line"
        ours.close()

    asyncio.run(script())


def test_a_user_who_hangs_up_is_the_end_of_the_line_inside_and_the_rest_is_nobodys() -> None:
    async def script() -> None:
        loop = asyncio.get_running_loop()
        carrier, ours, serial = await carried()
        serial.send(CONFIRMATION)
        await loop.sock_sendall(ours, b"last words")
        ours.close()
        assert await loop.sock_recv(serial, 1000) == b"last words"
        assert await loop.sock_recv(serial, 1000) == b""
        await loop.sock_sendall(serial, b"too late")
        await turns()
        assert not carrier.done(), "it lasts as long as the kernel"
        serial.close()
        await asyncio.wait_for(carrier, 60)

    asyncio.run(script())


def test_a_megabyte_each_way_is_carried_between_two_lines() -> None:
    message = {"text": "".join(chr(32 + at * 7 % 90) for at in range(1_000_000))}

    def echo(serial: socket.socket) -> None:
        line = Line(serial.detach(), confirms=True)
        for received in receive_until(line, 1):
            line.send(received)
        line.close()

    async def script() -> None:
        carrier, ours, serial = await carried()
        echoing = asyncio.get_running_loop().run_in_executor(None, echo, serial)
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 21)
        writer.write(json.dumps(message).encode() + b"\n")
        assert json.loads(await reader.readline()) == message
        await echoing
        await asyncio.wait_for(carrier, 60)
        writer.close()

    asyncio.run(script())
