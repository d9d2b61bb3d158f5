"""Clients that are slow, that wait, that speak no HTTP: on a socket, with limits that a test can wait for."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from api_caller import (
    PROFILE_LIST,
    PROFILES,
    SESSIONS,
    SUBSCRIBERS,
    TOKENS,
    HandNetwork,
    bearer,
    session_body,
)
from raw_http import PATIENCE_S, Client, drip

from testbed.api.app import create_app
from testbed.api.connection_limits import ConnectionLimits
from testbed.api.http_server import listening, serve_on
from testbed.api.server_settings import ApiSettings

QUICK = ConnectionLimits(
    most=8, most_of_address=4, request_s=1.5, patience_s=0.1, keep_alive_s=1, unread_s=1.0
)
PATIENT = ConnectionLimits(most=8, most_of_address=4, patience_s=60.0)
AUTHORIZATION = bearer("client")["Authorization"]
GET = f"GET {PROFILES}/plain HTTP/1.1\r\nHost: a\r\nAuthorization: {AUTHORIZATION}\r\n".encode()
BODY = json.dumps(session_body()).encode()


def post(length: int) -> bytes:
    """The head of a request for a session."""
    return (
        f"POST {SESSIONS} HTTP/1.1\r\nHost: a\r\nAuthorization: {AUTHORIZATION}\r\nx-correlator: it.s-me\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class Served:
    """A served application and its network."""

    def __init__(self, port: int, network: HandNetwork) -> None:
        self.port, self.network = port, network

    async def client(self, sent: bytes = b"") -> Client:
        return await Client.to(self.port, sent)

    async def works(self) -> None:
        """A request by somebody else is answered."""
        client = await self.client(GET + b"Connection: close\r\n\r\n")
        assert (await client.answer())[0] == 200
        client.close()


@asynccontextmanager
async def serving(limits: ConnectionLimits) -> AsyncIterator[Served]:
    network = HandNetwork()
    app = create_app(ApiSettings(profiles=PROFILE_LIST, tokens=TOKENS, subscribers=SUBSCRIBERS), network)
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    with listening("127.0.0.1", 0) as end:
        running = asyncio.create_task(serve_on(app, end, ready=port.set_result, stop=stop, limits=limits))
        try:
            yield Served(await port, network)
        finally:
            stop.set()
            await running


def played(limits: ConnectionLimits, play: Callable[[Served], Awaitable[None]]) -> None:
    """Serve, and have something happen."""

    async def main() -> None:
        async with serving(limits) as served:
            await play(served)
            await served.works()

    asyncio.run(main())


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n", post(1000) + b"{"], ids=["nothing", "head", "body"]
)
def test_connections_that_only_wait_keep_nobody_out(sent: bytes) -> None:
    async def play(served: Served) -> None:
        waiting = [await served.client(sent) for _ in range(QUICK.most_of_address)]
        await asyncio.sleep(2 * QUICK.patience_s)
        for _ in range(3 * QUICK.most):
            await served.works()
        for client in waiting:
            client.close()

    played(QUICK, play)


def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    async def play(served: Served) -> None:
        assert await (await served.client()).is_closed()

    played(QUICK, play)


@pytest.mark.parametrize(
    ("sent", "drop"),
    [
        (b"GET / HTTP/1.1\r\nx-correlator: it.s-me\r\nx-more: ", b"m"),
        (post(len(BODY)) + BODY[:-100], b" "),
        (post(10).replace(b"Content-Length: 10", b"Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    ],
    ids=["head", "body", "chunks"],
)
def test_a_request_that_comes_too_slowly_is_refused_and_not_acted_on(sent: bytes, drop: bytes) -> None:
    async def play(served: Served) -> None:
        client = await served.client(sent)
        dripping = asyncio.create_task(drip(client, drop, 0.05))
        began_s = asyncio.get_running_loop().time()
        status, code, headers = await client.refusal()
        dripping.cancel()
        assert (status, code, headers["x-correlator"]) == (408, "TIMEOUT", "it.s-me")
        assert asyncio.get_running_loop().time() - began_s >= QUICK.request_s * 0.9
        assert served.network.orders == []

    played(QUICK, play)


@pytest.mark.parametrize("half", [False, True])
def test_a_body_that_was_cut_off_is_not_acted_on_though_it_looks_whole(*, half: bool) -> None:
    """`BODY` is whole JSON, and the request was to go on."""

    async def play(served: Served) -> None:
        client = await served.client(post(len(BODY) + 100) + BODY)
        await client.writer.drain()
        await asyncio.sleep(0.1)
        if half:
            client.writer.write_eof()
        else:
            client.close()
        await served.works()
        await asyncio.sleep(0.1)
        assert served.network.orders == []

    played(PATIENT, play)


def test_a_client_that_has_said_all_and_closed_its_side_is_answered() -> None:
    async def play(served: Served) -> None:
        client = await served.client(post(len(BODY)) + BODY)
        client.writer.write_eof()
        status, _headers, made = await client.answer()
        assert (status, made["qosStatus"]) == (201, "AVAILABLE")
        assert await client.is_closed()

    played(QUICK, play)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            400,
            "INVALID_ARGUMENT",
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * 100_000, 431, "HEADERS_TOO_LARGE"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "NOT_IMPLEMENTED"),
        (
            post(5).replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"zz\r\n",
            400,
            "INVALID_ARGUMENT",
        ),
    ],
)
def test_what_is_no_http_is_refused_in_the_specification_s_form(sent: bytes, status: int, code: str) -> None:
    async def play(served: Served) -> None:
        first, _, rest = sent.partition(b"\r\n")
        client = await served.client(first + b"\r\nX-Correlator: mine\r\n" + rest if rest.strip() else sent)
        got_status, got_code, headers = await client.refusal()
        assert (got_status, got_code) == (status, code)
        if rest.strip():
            assert headers["x-correlator"] in ("mine", "it.s-me")

    played(PATIENT, play)


def test_a_correlator_that_is_none_does_not_come_back() -> None:
    async def play(served: Served) -> None:
        client = await served.client(b"GET / HTTP/1.1\r\nx-correlator: a b\r\nno header\r\n\r\n")
        _status, _code, headers = await client.refusal()
        assert "x-correlator" not in headers

    played(PATIENT, play)


def test_of_one_address_more_than_its_share_are_told_to_come_again() -> None:
    async def play(served: Served) -> None:
        waiting = [await served.client() for _ in range(PATIENT.most_of_address)]
        await asyncio.sleep(0.1)
        client = await served.client()
        status, code, headers = await client.refusal()
        assert (status, code, headers["retry-after"]) == (503, "UNAVAILABLE", "1")
        waiting[0].close()
        await asyncio.sleep(0.1)

    played(PATIENT, play)


def test_one_connection_serves_many_requests_also_at_once_and_is_closed_when_no_more_come() -> None:
    async def play(served: Served) -> None:
        client = await served.client((GET + b"\r\n") * 50)
        for _ in range(50):
            assert (await client.answer())[0] == 200
        client.writer.write(GET + b"\r\n")
        assert (await client.answer())[0] == 200
        assert await client.is_closed()

    played(QUICK, play)


def test_a_client_that_reads_no_answers_is_gone_after_a_while() -> None:
    async def play(served: Served) -> None:
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(end, ("127.0.0.1", served.port))

        async def ask() -> None:
            while True:
                await loop.sock_sendall(end, b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 100)

        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await asyncio.wait_for(ask(), PATIENCE_S)
        end.close()

    played(QUICK, play)
