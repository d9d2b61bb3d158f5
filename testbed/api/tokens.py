"""Bearer tokens: made, read from a file, and recognised in constant time."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from testbed.api.base_models import Instant
from testbed.api.server_settings import SCOPES, Token
from testbed.errors import ScenarioError
from testbed.model.base import FieldError, Name, Value
from testbed.record.bounded import SETTINGS_BYTES, read_bounded
from testbed.scenario.compose import compose
from testbed.scenario.problems import problems_of, refusal
from testbed.text import instead

_SHORTEST = 32
"""Characters below which a token could be guessed, or copied from an example."""


class TokenEntry(Value):
    """A token in the file: its SHA-256, or the token itself, and what it may do.

    With `host` the token is three-legged: it speaks for that device. Tokens of one `client` see the same
    sessions.
    """

    name: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    token: Annotated[str, Field(min_length=_SHORTEST, max_length=1024)] | None = None
    scopes: Annotated[tuple[str, ...], Field(min_length=1)]
    host: Name | None = None
    client: Name | None = None
    expires_at: Instant | None = None

    @model_validator(mode="after")
    def _whole(self) -> "TokenEntry":
        if (self.sha256 is None) == (self.token is None):
            raise FieldError("sha256", "or token: exactly one of the two is needed")
        for place, scope in enumerate(self.scopes):
            if scope not in SCOPES:
                raise FieldError(("scopes", place), f"is no scope of this API; {instead(scope, SCOPES)}")
        return self


_ENTRIES = TypeAdapter(tuple[TokenEntry, ...])


def sha256_of(token: str) -> str:
    """What is kept of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(
    name: str,
    *,
    scopes: Iterable[str] = SCOPES,
    host: str | None = None,
    client: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, Token]:
    """A random token, as its bearer gets it and as it is kept."""
    text = secrets.token_urlsafe(32)
    kept = Token(
        name=name,
        sha256=sha256_of(text),
        scopes=frozenset(scopes),
        host=host,
        client=client,
        expires_at=expires_at,
    )
    return text, kept


def load_tokens(path: Path) -> tuple[Token, ...]:
    """Read a file of tokens: a YAML list.

    Raises:
        ScenarioError: It cannot be read or is refused; one line a fault, with file, line and key.
    """
    root = compose(read_bounded(path, "tokens", SETTINGS_BYTES), path.name)
    try:
        entries = _ENTRIES.validate_json(
            json.dumps(root.plain()), strict=True, context={"from_text": True}, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise refusal(problems_of(error, root, tuple[TokenEntry, ...])) from error
    tokens = tuple(_kept(entry) for entry in entries)
    for what, values in (
        ("name", [each.name for each in tokens]),
        ("token", [each.sha256 for each in tokens]),
    ):
        twice = {value for value in values if values.count(value) > 1}
        if twice:
            names = ", ".join(
                sorted(
                    each.name
                    for each in tokens
                    if getattr(each, {"name": "name", "token": "sha256"}[what]) in twice
                )
            )
            raise ScenarioError(f"{path.name}: two tokens have the same {what}: {names}")
    return tokens


def _kept(entry: TokenEntry) -> Token:
    return Token(
        name=entry.name,
        sha256=entry.sha256 if entry.sha256 is not None else sha256_of(entry.token or ""),
        scopes=frozenset(entry.scopes),
        host=entry.host,
        client=entry.client,
        expires_at=entry.expires_at,
    )


def find_token(given: str, tokens: Iterable[Token]) -> Token | None:
    """The token that this is, or None.

    All tokens are compared, each in constant time, so that how long it takes tells nothing of any.
    """
    digest = sha256_of(given).encode()
    found = None
    for token in tokens:
        if hmac.compare_digest(digest, token.sha256.encode()):
            found = token
    return found
