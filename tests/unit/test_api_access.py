"""Who may call: tokens, scopes, rates, quotas, and the file that tokens stand in."""

import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from api_caller import (
    ASSIGNMENTS,
    HOME,
    OTHER_HOME,
    PROFILES,
    RETRIEVE,
    RETRIEVE_ASSIGNMENT,
    RETRIEVE_PROFILES,
    SESSIONS,
    TOKENS,
    Caller,
    assignment_body,
    refused,
    session_body,
)

from testbed.api import tokens
from testbed.api.server_settings import SCOPES, RateLimits
from testbed.api.tokens import find_token, load_tokens, new_token, sha256_of
from testbed.errors import ScenarioError

NOWHERE = "00000000-0000-4000-8000-000000000000"
EXTEND = {"requestedAdditionalDuration": 1}
OPERATIONS: list[tuple[str, str, Any, str]] = [
    ("POST", SESSIONS, session_body(), "quality-on-demand:sessions:create"),
    ("GET", f"{SESSIONS}/{NOWHERE}", None, "quality-on-demand:sessions:read"),
    ("DELETE", f"{SESSIONS}/{NOWHERE}", None, "quality-on-demand:sessions:delete"),
    ("POST", f"{SESSIONS}/{NOWHERE}/extend", EXTEND, "quality-on-demand:sessions:update"),
    ("POST", RETRIEVE, {"device": HOME}, "quality-on-demand:sessions:retrieve-by-device"),
    ("POST", RETRIEVE_PROFILES, {}, "qos-profiles:read"),
    ("GET", f"{PROFILES}/plain", None, "qos-profiles:read"),
    ("POST", ASSIGNMENTS, assignment_body(), "qos-provisioning:qos-assignments:create"),
    ("GET", f"{ASSIGNMENTS}/{NOWHERE}", None, "qos-provisioning:qos-assignments:read"),
    ("DELETE", f"{ASSIGNMENTS}/{NOWHERE}", None, "qos-provisioning:qos-assignments:delete"),
    ("POST", RETRIEVE_ASSIGNMENT, {"device": HOME}, "qos-provisioning:qos-assignments:read-by-device"),
]
UNAUTHENTICATED = (401, "UNAUTHENTICATED")
DENIED = (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(("method", "path", "body", "scope"), OPERATIONS)
def test_every_operation_demands_a_token_with_its_scope(
    method: str, path: str, body: Any, scope: str
) -> None:
    with Caller() as caller:
        for headers in ({}, {"Authorization": "Basic Y2xpZW50"}, {"Authorization": "Bearer"}):
            response = caller.call(method, path, body, None, headers=headers)
            assert refused(response) == UNAUTHENTICATED
            assert response.headers["www-authenticate"] == "Bearer"
        assert refused(caller.call(method, path, body, "nobody")) == UNAUTHENTICATED
        assert refused(caller.call(method, path, body, "stale")) == UNAUTHENTICATED
        assert refused(caller.call(method, path, body, f"without {scope}")) == DENIED
        assert caller.network.orders == []
        # The control: with the scope it is let in, whatever it then finds.
        for other in set(SCOPES) - {scope}:
            response = caller.call(method, path, body, f"without {other}")
            assert response.status_code not in (401, 403), other


def test_a_token_is_good_until_it_expires() -> None:
    with Caller() as caller:
        assert caller.call("GET", f"{PROFILES}/plain", who="fresh").status_code == 200
        caller.clock.pass_by(1)
        assert refused(caller.call("GET", f"{PROFILES}/plain", who="fresh")) == UNAUTHENTICATED


def test_the_token_is_looked_at_before_the_body() -> None:
    with Caller() as caller:
        response = caller.call(
            "POST", SESSIONS, who=None, content=b"{", headers={"Content-Type": "application/json"}
        )
        assert refused(response) == UNAUTHENTICATED


def test_all_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    constant_time = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return constant_time(one, other)

    monkeypatch.setattr(tokens.hmac, "compare_digest", compare)
    first = find_token("secret-of-client", TOKENS)
    assert first is not None
    assert first.name == "client"
    assert find_token("secret-of-nobody", TOKENS) is None
    assert [other.decode() for _, other in compared] == [token.sha256 for token in TOKENS] * 2
    assert {len(one) for one, _ in compared} == {64}, "digests are compared, not tokens"


def test_a_token_that_asks_too_often_is_told_when_to_come_back() -> None:
    with Caller(settings={"limits": RateLimits(requests_per_second=0.5, burst=3)}) as caller:
        path = f"{PROFILES}/plain"
        for _ in range(3):
            assert caller.call("GET", path).status_code == 200
        response = caller.call("GET", path)
        assert refused(response) == (429, "TOO_MANY_REQUESTS")
        assert response.headers["retry-after"] == "3"
        assert caller.call("GET", path, who="stranger").status_code == 200
        caller.clock.pass_by(2)
        assert caller.call("GET", path).status_code == 200
        assert caller.call("GET", path).status_code == 429
        caller.clock.pass_by(3600)
        assert [caller.call("GET", path).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_client_has_no_more_channels_than_its_quota() -> None:
    with Caller(settings={"limits": RateLimits(most_channels=2)}) as caller:
        identifier = caller.created()
        caller.assigned("colleague", device=HOME)
        assert refused(caller.create(device=OTHER_HOME)) == (429, "QUOTA_EXCEEDED")
        caller.created("stranger", device=OTHER_HOME)
        caller.call("DELETE", f"{SESSIONS}/{identifier}")
        caller.created()


def test_a_new_token_is_random_and_known_by_its_hash_alone() -> None:
    text, token = new_token("ci", scopes=["qos-profiles:read"], host="home1")
    other, _ = new_token("ci")
    assert text != other
    assert len(text) >= 43, "256 bits in base 64"
    assert token.sha256 == sha256_of(text)
    assert text not in repr(token)
    assert (token.scopes, token.host, token.owner) == ({"qos-profiles:read"}, "home1", "ci")


def test_a_file_of_tokens_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    text = "t" * 32
    path.write_text(
        f"- {{name: one, sha256: {sha256_of('x')}, scopes: ['qos-profiles:read']}}\n"
        f"- name: two\n  token: {text}\n  scopes: ['testbed:read']\n  host: home1\n  client: one\n"
        "  expires_at: 2027-01-01T00:00:00Z\n"
    )
    one, two = load_tokens(path)
    assert (one.name, one.sha256, one.host, one.owner) == ("one", sha256_of("x"), None, "one")
    assert (two.sha256, two.host, two.owner) == (sha256_of(text), "home1", "one")
    assert two.expires_at == datetime(2027, 1, 1, tzinfo=UTC)


GOOD = "sha256: " + "0" * 63 + "1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]x", "tokens.yaml:1"),
        (f"- {{name: a, {GOOD}, scopes: []}}", "tokens.yaml:1: 0.scopes"),
        (f"- {{name: a, {GOOD}, scopes: [qos-profiles:raed]}}", "did you mean 'qos-profiles:read'"),
        (f"- {{name: a, {GOOD}, scopes: ['testbed:read'], hots: b}}", "tokens.yaml:1: 0.hots"),
        ("- {name: a, scopes: ['testbed:read']}", "exactly one of the two is needed"),
        ("- {name: a, token: short, scopes: ['testbed:read']}", "tokens.yaml:1: 0.token"),
        ("- {name: a, sha256: abc, scopes: ['testbed:read']}", "tokens.yaml:1: 0.sha256"),
        (f"- {{name: a, {GOOD}, token: {'t' * 32}, scopes: ['testbed:read']}}", "exactly one of the two"),
        (f"- {{name: a, {GOOD}, scopes: ['testbed:read'], expires_at: tomorrow}}", "expires_at"),
        (f"- {{name: a, {GOOD}, scopes: ['testbed:read']}}\n" * 2, "same name"),
    ],
)
def test_a_file_of_tokens_that_is_wrong_is_refused_where_it_is(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load_tokens(path)
    assert told in str(error.value)


def test_two_entries_with_the_same_token_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text("".join(f"- {{name: {name}, {GOOD}, scopes: ['testbed:read']}}\n" for name in "ab"))
    with pytest.raises(ScenarioError, match="same token: a, b"):
        load_tokens(path)


def test_a_file_of_tokens_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot read the tokens in"):
        load_tokens(tmp_path / "none.yaml")
