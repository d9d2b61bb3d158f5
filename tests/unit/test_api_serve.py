"""The application over HTTP on a socket: its start, its end, and what it says when it cannot start."""

import asyncio
import signal
import socket

import httpx
import pytest
from api_caller import PROFILE_LIST, PROFILES, SUBSCRIBERS, TOKENS, HandNetwork, bearer

from testbed.api.app import create_app
from testbed.api.http_server import listening, run_server
from testbed.api.server_settings import ApiSettings
from testbed.errors import ScenarioError

SETTINGS = ApiSettings(profiles=PROFILE_LIST, tokens=TOKENS, subscribers=SUBSCRIBERS)


def test_a_server_says_its_port_serves_and_stops_when_told() -> None:
    async def main() -> None:
        app = create_app(SETTINGS, HandNetwork())
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        serving = asyncio.create_task(run_server(app, "127.0.0.1", 0, ready=port.set_result, stop=stop))
        address = f"http://127.0.0.1:{await port}"
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            response = await client.get(f"{address}{PROFILES}/plain", headers=bearer("client"))
            assert response.status_code == 200
            assert "server" not in response.headers
            stop.set()
            await serving
            with pytest.raises(httpx.TransportError):
                await client.get(f"{address}{PROFILES}/plain", headers=bearer("client"))

    asyncio.run(main())


def test_a_body_in_chunks_is_cut_off_by_the_served_application_too() -> None:
    async def main() -> None:
        app = create_app(SETTINGS, HandNetwork())
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        serving = asyncio.create_task(run_server(app, "127.0.0.1", 0, ready=port.set_result, stop=stop))
        reader, writer = await asyncio.open_connection("127.0.0.1", await port)
        writer.write(
            b"POST /quality-on-demand/v1/sessions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        # One byte more than is allowed, and never an end: the answer must come all the same.
        writer.write((b"1000\r\n" + b"x" * 0x1000 + b"\r\n") * 16 + b"1\r\nx\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()
        stop.set()
        await serving

    asyncio.run(main())


def test_a_port_in_use_is_told() -> None:
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(
            ScenarioError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use"
        ):
            listening("127.0.0.1", port)


def test_an_address_that_is_not_of_this_machine_is_told() -> None:
    with pytest.raises(ScenarioError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        listening("192.0.2.1", 0)


def test_a_free_port_is_taken_at_once() -> None:
    with listening("127.0.0.1", 0) as end, socket.create_connection(end.getsockname(), timeout=60):
        pass


def test_what_the_start_of_the_application_raises_comes_out() -> None:
    async def main() -> None:
        network = HandNetwork()
        app = create_app(SETTINGS, network)

        def fail(*_: object) -> None:
            raise ScenarioError("nothing to start with")

        app.state.context.bookings.start = fail
        with pytest.raises(ScenarioError, match="nothing to start with"):
            await run_server(
                app, "127.0.0.1", 0, ready=lambda _port: pytest.fail("it serves"), stop=asyncio.Event()
            )

    asyncio.run(main())
