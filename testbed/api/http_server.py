"""Serving the application over HTTP/1.1, inside whatever event loop there is, until told to stop."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from testbed.api.connection import connections_within
from testbed.api.connection_limits import ConnectionLimits
from testbed.errors import ScenarioError

_GRACE_S = 3
_LIMITS = ConnectionLimits()


class _Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to the program that it is part of, and says when it serves."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """A socket that connections can be made to; port 0 takes any that is free.

    Raises:
        ScenarioError: There is no such address here, or the port is in use.
    """
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        end = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ScenarioError(f"cannot listen on {host} port {port}: {error}") from error
    try:
        # A port whose last connections are only fading away is free.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(address)
        end.listen(_LIMITS.most)
    except OSError as error:
        end.close()
        raise ScenarioError(
            f"cannot listen on {host} port {port}: {error.strerror}; name another with --listen"
        ) from error
    return end


async def run_server(
    app: FastAPI, host: str, port: int, *, ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Serve until `stop` is set; `ready` is told the port when the first request may come.

    Raises:
        ScenarioError: There is no such address here, or the port is in use.
    """
    with listening(host, port) as end:
        await serve_on(app, end, ready=ready, stop=stop)


async def serve_on(
    app: FastAPI,
    end: socket.socket,
    *,
    ready: Callable[[int], None],
    stop: asyncio.Event,
    limits: ConnectionLimits = _LIMITS,
) -> None:
    """As `run_server`, on a socket that listens already; it is closed at the end.

    What the start of the application raises comes out of here, and nothing has been served then.
    """
    # Of connections that are accepted from now on: one whose client reads nothing does not stay for ever.
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(limits.unread_s * 1000))
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=connections_within(limits),
        ws="none",
        # The application is started and ended here: uvicorn would end the process if that failed.
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=_GRACE_S,
    )
    async with app.router.lifespan_context(app):
        server = _Server(config, lambda: ready(end.getsockname()[1]))
        serving = asyncio.create_task(server.serve(sockets=[end]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await serving
