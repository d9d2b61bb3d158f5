"""One HTTP connection with bounds: on the time that a request may take to come, and on how many there are.

Uvicorn does the rest. What it refuses on its own, before there is a request, gets the specification's form.
"""

import asyncio
import json
import logging
import re
import sys
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from testbed.api.connection_limits import ClientConnections, ConnectionLimits
from testbed.api.error_responses import (
    HEADERS_TOO_LARGE,
    INVALID_ARGUMENT,
    NOT_IMPLEMENTED,
    TIMEOUT,
    UNAVAILABLE,
    Refusal,
)
from testbed.api.guard import CORRELATOR

_LINGER_S = 1.0
"""For how long a refused client may take to read its answer: closing at once would reset it away."""
_HEAD_KEPT_BYTES = 16_384
_CORRELATOR_LINE = re.compile(
    rb"^x-correlator:[ \t]*([\w:;./<>{}-]{0,256})[ \t]*\r?$", re.ASCII | re.I | re.M
)
_CODES = {431: HEADERS_TOO_LARGE, 501: NOT_IMPLEMENTED}
_log = logging.getLogger(__name__)
# What a client does wrong is told to that client; on our side it would be a way to fill a terminal.
_log.setLevel(logging.ERROR)


class HttpConnection(H11Protocol):
    """A client's connection; the limits of its server hold for it.

    It waits while a request has not come whole, and works from then on until it has answered.
    """

    admission: ClassVar[ClientConnections["HttpConnection"]]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.logger = _log
        self.waiting_since_s = self.loop.time()
        self._deadline: asyncio.TimerHandle | None = None
        self._head = b""
        self._refused = False

    @property
    def address(self) -> str:
        """The client's."""
        return "" if self.client is None else self.client[0]

    @property
    def is_working(self) -> bool:
        """Whether a whole request is being answered."""
        return self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Uvicorn's hook: take part, if there is room."""
        super().connection_made(transport)
        if self.admission.admit(self, self.loop.time()):
            self._watch()
        elif self.admission.is_overrun(len(self.connections)):
            transport.abort()
        else:
            message = "The server has too many connections; try again in a moment."
            self._refuse(503, UNAVAILABLE, message, ((b"retry-after", b"1"),))

    def _received(self, data: bytes) -> None:
        """Some of a request."""
        if self._refused:
            return
        if not self.is_working:
            self._head = (self._head + data)[:_HEAD_KEPT_BYTES]
        super().data_received(data)
        self._watch()

    # The name by which asyncio calls it.
    data_received = _received

    def eof_received(self) -> bool:  # type: ignore[override]
        """Uvicorn's hook: the client sends no more; whether it may still wait for an answer."""
        return self.is_working and not self._refused

    def connection_lost(self, exc: Exception | None) -> None:
        """Uvicorn's hook: it is over."""
        self._unwatch()
        self.admission.leave(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Uvicorn's hook: the next request may come, or is there already."""
        self._unwatch()
        self._head = b""
        self.waiting_since_s = self.loop.time()
        super().on_response_complete()
        if self.cycle is not None and self.cycle.more_body:
            self._watch()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's hook: what has come is no HTTP."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._refuse(status, _CODES.get(status, INVALID_ARGUMENT), f"{msg[:-1]}: {error}.")

    def close_for_newcomer(self) -> None:
        """Make room for another connection."""
        self._expire()

    def _watch(self) -> None:
        """See that a request comes whole in time."""
        if self.is_working:
            self._unwatch()
        elif self._deadline is None and not self._refused:
            self._deadline = self.loop.call_later(self.admission.limits.request_s, self._expire)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        if self._head:
            self._refuse(408, TIMEOUT, "The request has not come whole in time.")
        else:
            self.transport.abort()

    def _refuse(
        self, status: int, code: str, message: str, more_headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        """Answer in the specification's form, if an answer can still be given, and end the connection."""
        self._unwatch()
        self._unset_keepalive_if_required()
        self._refused = True
        if self.cycle is not None:
            # Whoever waits for the rest of the request hears that there is none.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.is_closing() or self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        body = json.dumps(Refusal(status=status, code=code, message=message).model_dump()).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *more_headers,
        ]
        correlator = _CORRELATOR_LINE.search(self._head)
        if correlator is not None:
            headers.append((CORRELATOR.encode(), correlator[1]))
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.abort)


def connections_within(limits: ConnectionLimits) -> type[HttpConnection]:
    """The connection class of one server, with these limits."""

    class Limited(HttpConnection):
        admission = ClientConnections(limits)

    return Limited
