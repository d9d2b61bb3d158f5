"""Counts of what the server did: calls of its operations, and orders to the network."""

from collections import Counter

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from testbed.host.orders import Order, order_to_message

UNKNOWN = "none"
"""In place of an operation, of requests that were refused before one was found."""


class ServerCounters:
    """How often what happened, since the server's start."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, int]] = Counter()
        """By operation and HTTP status."""
        self.orders: Counter[str] = Counter()
        """By kind: channel, extend, withdraw."""

    def ordered(self, order: Order) -> None:
        """Count an order."""
        self.orders[order_to_message(order)["kind"]] += 1


class CountingMiddleware:
    """A layer of the application (ASGI) that counts what is answered."""

    def __init__(self, app: ASGIApp, counters: ServerCounters) -> None:
        self._app, self._counters = app, counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counters.calls[_operation(scope), message["status"]] += 1
            await send(message)

        await self._app(scope, receive, counted)


def _operation(scope: Scope) -> str:
    """The operation's name in the OpenAPI document, or that of our function; the router notes its route."""
    route = scope.get("route")
    return route.operation_id or route.name if isinstance(route, APIRoute) else UNKNOWN
