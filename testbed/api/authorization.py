"""Who may call an operation: tokens, scopes and rates, checked before anything of the body is looked at."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from testbed.api.error_responses import ApiError, permission_denied
from testbed.api.server_settings import ApiSettings, Token
from testbed.api.tokens import find_token

SECURITY = "openId"
"""The name of the security scheme in the served OpenAPI document, as in the specifications."""


def scoped(scope: str) -> dict[str, Any]:
    """What an operation says of itself in the OpenAPI document, and what `GuardedRoute` then demands."""
    return {"security": [{SECURITY: [scope]}]}


class TokenBucket:
    """How many requests one token may make: so many at once, refilled at a steady rate."""

    def __init__(self, per_second: float, burst: int, at: datetime) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = float(burst), at

    def wait_s(self, at: datetime) -> float:
        """Take one: 0 if there was one, otherwise the seconds until there will be."""
        elapsed_s = max(0.0, (at - self._at).total_seconds())
        self._left = min(float(self._burst), self._left + elapsed_s * self._per_second)
        self._at = at
        if self._left >= 1.0:
            self._left -= 1.0
            return 0.0
        return (1.0 - self._left) / self._per_second


class Authorizer:
    """Decides on the bearer token of each request."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._buckets: dict[str, TokenBucket] = {}

    def admit(self, request: Request, scope: str) -> Token:
        """The token of a request that may pass.

        Raises:
            ApiError: No token, an unknown or expired one, one without the scope, or too many requests.
        """
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        token = find_token(given.strip(), self._settings.tokens) if kind.lower() == "bearer" else None
        now = self._settings.clock()
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            raise ApiError(
                401,
                "UNAUTHENTICATED",
                "The access token is missing, invalid or expired; a new one is needed.",
                {"WWW-Authenticate": "Bearer"},
            )
        limits = self._settings.limits
        bucket = self._buckets.setdefault(
            token.name, TokenBucket(limits.requests_per_second, limits.burst, now)
        )
        wait_s = bucket.wait_s(now)
        if wait_s > 0:
            # Whole seconds, rounded up (RFC 9110, section 10.2.3).
            headers = {"Retry-After": str(int(wait_s) + 1)}
            raise ApiError(429, "TOO_MANY_REQUESTS", "The rate limit of this token is reached.", headers)
        if scope not in token.scopes:
            raise permission_denied(f"The access token does not have the scope {scope}.")
        return token


Operate = Callable[[Request], Coroutine[Any, Any, Response]]


def _guarded(route: APIRoute) -> Operate:
    """A route's operation, behind the gate of the application."""
    operate: Operate = APIRoute.get_route_handler(route)
    [[scope]] = [each[SECURITY] for each in (route.openapi_extra or {}).get("security", ())]

    async def guarded(request: Request) -> Response:
        request.state.token = request.app.state.gate.admit(request, scope)
        if await request.body() and not _is_json(request):
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "A body must be of the type application/json.")
        return await operate(request)

    return guarded


class GuardedRoute(APIRoute):
    """An operation that is for bearers of a token with its scope."""

    # FastAPI's hook for those who have something to do before a request's body is read.
    get_route_handler = _guarded


def _is_json(request: Request) -> bool:
    media_type, _, _parameters = request.headers.get("content-type", "").partition(";")
    return media_type.strip().lower() == "application/json"


def token_of(request: Request) -> Token:
    """The token with which a guarded operation was called."""
    token: Token = request.state.token
    return token
