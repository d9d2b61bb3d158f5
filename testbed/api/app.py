"""The application: the operations of the three CAMARA APIs over one network."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from testbed.api import assignment_routes, profile_routes, session_routes
from testbed.api.authorization import SECURITY, Authorizer
from testbed.api.bookings import Bookings
from testbed.api.credentials import CREDENTIAL_ERROR, TOKEN_ERROR
from testbed.api.error_responses import (
    INVALID_ARGUMENT,
    INVALID_CREDENTIAL,
    INVALID_TOKEN,
    OUT_OF_RANGE,
    ApiError,
    Refusal,
    refusal,
)
from testbed.api.flow_models import RANGE_ERROR
from testbed.api.guard import RequestGuard
from testbed.api.network_port import NetworkPort
from testbed.api.operations import ApiContext
from testbed.api.outbox import EventSender, Outbox
from testbed.api.server_settings import ApiSettings
from testbed.api.sinks import Resolve, SinkPolicy, resolve_by_system, sink_ssl_context
from testbed.api.store import NullStore, SqliteStore
from testbed.api.subscribers import Subscribers

TITLE = "Elastic channels, CAMARA Quality-on-Demand r3.2"
_PORT_KEYS = {"publicPort", "ports", "from", "to"}
_OF_STARLETTE = {
    404: ("NOT_FOUND", "There is nothing at this path."),
    405: ("METHOD_NOT_ALLOWED", "This path does not have this method."),
}
_MOST_FAULTS = 3


def create_app(
    settings: ApiSettings,
    network: NetworkPort,
    *,
    sink_transport: httpx.AsyncBaseTransport | None = None,
    resolve: Resolve = resolve_by_system,
) -> FastAPI:
    """An application that serves one network, for one run of an ASGI server: its state is closed at the end.

    Its start orders anew what the state holds. Whatever delivers events can be replaced: `sink_transport`
    carries them, `resolve` finds where a sink is.

    Raises:
        ScenarioError: The state or the certificates cannot be used.
    """
    sink_policy = SinkPolicy(settings.sinks, resolve)
    sender = EventSender(sink_policy, settings.clock, sink_ssl_context(settings.sinks), sink_transport)
    outbox = Outbox(sender)
    store = NullStore() if settings.state_path is None else SqliteStore(settings.state_path)
    bookings = Bookings(settings, network, store, outbox)
    subscribers = Subscribers(settings.subscribers)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        bookings.start(subscribers)
        try:
            yield
        finally:
            bookings.stop()
            await outbox.close()
            store.close()

    app = FastAPI(
        title=TITLE,
        version="1.1.0",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.context = ApiContext(settings, subscribers, bookings, sink_policy)
    app.state.gate = Authorizer(settings)
    app.state.outbox = outbox
    for routes in (session_routes, profile_routes, assignment_routes):
        app.include_router(routes.router)
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(RequestGuard, max_body_bytes=settings.max_body_bytes)
    _document(app)
    return app


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.response()


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own refusals: no such path, no such method, no reading of the body."""
    assert isinstance(error, HTTPException)
    code, message = _OF_STARLETTE.get(error.status_code, (INVALID_ARGUMENT, f"{error.detail}."))
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:
        # Starlette has the methods of the first of a path's operations only.
        methods = _methods_of(request.app.openapi(), request.url.path)
        headers.update({"allow": ", ".join(methods)} if methods else {})
    return refusal(error.status_code, code, message, headers)


def _methods_of(document: dict[str, Any], path: str) -> list[str]:
    """The methods of all operations at a path (RFC 9110, section 10.2.1)."""
    return sorted(
        method.upper()
        for template, by_method in document["paths"].items()
        if compile_path(template)[0].match(path)
        for method in by_method
    )


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """A request that the models do not take, with the code that the specification has for it."""
    assert isinstance(error, RequestValidationError)
    faults = _without_echoes(error.errors())
    codes = {_code(fault) for fault in faults}
    [code] = codes if len(codes) == 1 else [INVALID_ARGUMENT]
    messages = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in faults[:_MOST_FAULTS]]
    more = f"; and {len(faults) - len(messages)} more" if len(faults) > len(messages) else ""
    return refusal(400, code, f"The request is not valid. {'; '.join(messages)}{more}.")


def _without_echoes(faults: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Faults without those of lists that are too short only because their items are wrong."""
    places = [fault["loc"] for fault in faults]
    return [
        fault
        for fault in faults
        if fault["type"] != "too_short"
        or not any(
            len(place) > len(fault["loc"]) and place[: len(fault["loc"])] == fault["loc"] for place in places
        )
    ]


def _code(fault: dict[str, Any]) -> str:
    kind, place = fault["type"], fault["loc"]
    if kind == CREDENTIAL_ERROR:
        return INVALID_CREDENTIAL
    if kind == TOKEN_ERROR:
        return INVALID_TOKEN
    is_port = any(key in _PORT_KEYS for key in place)
    if kind == RANGE_ERROR or (is_port and kind in ("greater_than_equal", "less_than_equal")):
        return OUT_OF_RANGE
    return INVALID_ARGUMENT


def _place(keys: tuple[str | int, ...]) -> str:
    return ".".join(str(key) for key in keys[1:]) or str(keys[0])


def _document(app: FastAPI) -> None:
    """Have the served OpenAPI document say what is served: our refusals, and how tokens are given."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            components = made["components"]
            for unused in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(unused, None)
            components["schemas"]["ErrorInfo"] = Refusal.model_json_schema()
            components["securitySchemes"] = {
                SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A bearer token of the server's tokens file, with the operation's scope.",
                }
            }
            for by_method in made["paths"].values():
                for described in by_method.values():
                    _without_default_refusal(described["responses"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _without_default_refusal(responses: dict[str, Any]) -> None:
    """FastAPI documents a 422 of its own, where we answer 400."""
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]
