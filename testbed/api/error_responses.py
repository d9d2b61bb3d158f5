"""Refusals, as the CAMARA specifications have them: an HTTP status, a code, and a message for people."""

from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel

INVALID_ARGUMENT = "INVALID_ARGUMENT"
OUT_OF_RANGE = "OUT_OF_RANGE"
INVALID_CREDENTIAL = "INVALID_CREDENTIAL"
INVALID_TOKEN = "INVALID_TOKEN"
INVALID_SINK = "INVALID_SINK"
UNAVAILABLE = "UNAVAILABLE"
TIMEOUT = "TIMEOUT"
HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE"
NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
DURATION_OUT_OF_RANGE = "QUALITY_ON_DEMAND.DURATION_OUT_OF_RANGE"
EXTENSION_NOT_ALLOWED = "QUALITY_ON_DEMAND.SESSION_EXTENSION_NOT_ALLOWED"
SESSION_PROFILE_NOT_APPLICABLE = "QUALITY_ON_DEMAND.QOS_PROFILE_NOT_APPLICABLE"
ASSIGNMENT_PROFILE_NOT_APPLICABLE = "QOS_PROVISIONING.QOS_PROFILE_NOT_APPLICABLE"

_STATUS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal server error",
    503: "Service unavailable",
}
_EVERYWHERE: dict[int, tuple[str, ...]] = {
    400: (INVALID_ARGUMENT,),
    401: ("UNAUTHENTICATED",),
    403: ("PERMISSION_DENIED",),
    429: ("TOO_MANY_REQUESTS",),
    413: ("PAYLOAD_TOO_LARGE",),
    500: ("INTERNAL",),
}
"""What any operation can answer."""

DEVICE_CODES: dict[int, tuple[str, ...]] = {
    404: ("IDENTIFIER_NOT_FOUND",),
    422: ("SERVICE_NOT_APPLICABLE", "MISSING_IDENTIFIER", "UNSUPPORTED_IDENTIFIER", "UNNECESSARY_IDENTIFIER"),
}
"""What an operation can answer that finds a device."""

BODY_CODES: dict[int, tuple[str, ...]] = {400: (OUT_OF_RANGE,), 415: ("UNSUPPORTED_MEDIA_TYPE",)}
"""What an operation can answer that reads a body."""

SINK_CODES: dict[int, tuple[str, ...]] = {400: (INVALID_CREDENTIAL, INVALID_TOKEN, INVALID_SINK)}
"""What an operation can answer that is told where to send events."""

ORDER_CODES: dict[int, tuple[str, ...]] = {503: (UNAVAILABLE,)}
"""What an operation can answer that orders something from the network."""


class Refusal(BaseModel):
    """What every refusal says of itself; the specifications call it ErrorInfo."""

    status: int
    code: str
    message: str


class ApiError(Exception):
    """A request is refused."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def response(self) -> JSONResponse:
        """The refusal as an answer."""
        return refusal(self.status, self.code, self.message, self.headers)


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that refuses."""
    said = Refusal(status=status, code=code, message=message)
    return JSONResponse(said.model_dump(), status_code=status, headers=headers)


def bad_request(message: str, code: str = INVALID_ARGUMENT) -> ApiError:
    """The request itself is wrong."""
    return ApiError(400, code, message)


def not_found(what: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, "NOT_FOUND", f"There is no {what}.")


def permission_denied(message: str) -> ApiError:
    """The token is good, and not for this."""
    return ApiError(403, "PERMISSION_DENIED", message)


def conflict(message: str) -> ApiError:
    """Something that exists stands in the way."""
    return ApiError(409, "CONFLICT", message)


Unprocessable = Literal[
    "SERVICE_NOT_APPLICABLE", "MISSING_IDENTIFIER", "UNSUPPORTED_IDENTIFIER", "UNNECESSARY_IDENTIFIER"
]


def unprocessable(code: Unprocessable, message: str) -> ApiError:
    """The request is well formed and cannot be served."""
    return ApiError(422, code, message)


def documented(*codes: dict[int, tuple[str, ...]]) -> dict[int | str, dict[str, Any]]:
    """The refusals of an operation for the served OpenAPI document: status by status, with their codes."""
    merged: dict[int, tuple[str, ...]] = {}
    for by_status in (_EVERYWHERE, *codes):
        for status, some in by_status.items():
            merged[status] = (*merged.get(status, ()), *some)
    return {status: _described(status, merged[status]) for status in sorted(merged)}


def _described(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    exactly = {"properties": {"status": {"enum": [status]}, "code": {"enum": list(codes)}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/ErrorInfo"}, {"type": "object", **exactly}]}
    return {"description": _STATUS[status], "content": {"application/json": {"schema": schema}}}
