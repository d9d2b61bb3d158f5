"""What a client gives so that its sink takes our events: where to send them, and a bearer token."""

from typing import Annotated, Any, Literal

from pydantic import Field, Strict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from testbed.api.base_models import Instant, RequestModel

CREDENTIAL_ERROR = "invalid_credential"
TOKEN_ERROR = "invalid_token"
"""Types of pydantic's errors that have a code of their own in the specification."""

Sink = Annotated[str, Strict(), Field(max_length=2048, json_schema_extra={"format": "uri"})]
"""The address to which events are sent; whether it may be is decided by the rules for sinks."""

# Whatever may stand in a header of HTTP: no control characters, no spaces (RFC 6750, section 2.1).
_AccessToken = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=8192, pattern=r"^[!-~]+$")]


class SinkCredential(RequestModel):
    """A bearer token for the sink, good until it expires; after that no events are sent.

    The specification's other kinds, PLAIN and REFRESHTOKEN, must not be used in its release r3.2 and are
    answered with INVALID_CREDENTIAL.
    """

    credential_type: Literal["ACCESSTOKEN"]
    access_token: _AccessToken
    access_token_expires_utc: Instant
    access_token_type: Literal["bearer"]

    @model_validator(mode="before")
    @classmethod
    def _kind(cls, sent: Any) -> Any:
        # Before anything else: of a kind that is refused, the rest need not be right.
        if isinstance(sent, dict):
            if sent.get("credentialType") in ("PLAIN", "REFRESHTOKEN"):
                raise PydanticCustomError(
                    CREDENTIAL_ERROR, "only an access token is supported as a credential"
                )
            kind = sent.get("accessTokenType", "bearer")
            if isinstance(kind, str) and kind != "bearer":
                raise PydanticCustomError(TOKEN_ERROR, "only a bearer token is supported")
        return sent
