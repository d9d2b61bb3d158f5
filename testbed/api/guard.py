"""What holds for every request, whoever makes it: its size, its correlator, and errors that tell nothing."""

import logging
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from testbed.api.error_responses import refusal

CORRELATOR = "x-correlator"
CORRELATOR_PATTERN = r"^[a-zA-Z0-9_:;./<>{}-]{0,256}$"
_CORRELATOR = re.compile(CORRELATOR_PATTERN)
_log = logging.getLogger(__name__)


class _ClientGoneError(Exception):
    """Nobody is there to be answered."""


class RequestGuard:
    """The outermost layer of the application (ASGI).

    A body is read whole before anything else, and no more of it than is allowed. The correlator of a
    request stands in its answer, whatever the answer. An error that nobody expected is logged, and the
    client hears of nothing but its happening.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app, self._max_body_bytes = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlator = _header(scope, CORRELATOR)
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if correlator is not None and _CORRELATOR.fullmatch(correlator):
                    message["headers"] = [*message["headers"], (CORRELATOR.encode(), correlator.encode())]
            await send(message)

        try:
            body = await self._body(scope, receive)
        except _ClientGoneError:
            return
        try:
            if body is None:
                text = f"The body is larger than {self._max_body_bytes} bytes."
                too_large = refusal(413, "PAYLOAD_TOO_LARGE", text, {"Connection": "close"})
                await too_large(scope, receive, answer)
                return
            await self._app(scope, _replay(body, receive), answer)
        except Exception:
            _log.exception("a request of the northbound API failed: %s %s", scope["method"], scope["path"])
            if started:
                raise
            await refusal(500, "INTERNAL", "The server has failed; the request may be repeated.")(
                scope, receive, answer
            )

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None as soon as it is known to be too large.

        Raises:
            _Gone: The client went away before it had sent all of it.
        """
        declared = _header(scope, "content-length")
        if declared is not None and declared.isdigit() and int(declared) > self._max_body_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                # What has come may look whole: `{}` of a body that was to go on.
                raise _ClientGoneError
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def _header(scope: Scope, name: str) -> str | None:
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted), None)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then whatever comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
