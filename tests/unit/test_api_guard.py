"""What holds for every request: its size, its correlator, and refusals that tell nothing of our insides."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_caller import PROFILES, RETRIEVE_PROFILES, SESSIONS, Caller, bearer, refused, session_body

JSON = {"Content-Type": "application/json"}
TOO_LARGE = (413, "PAYLOAD_TOO_LARGE")


def padded(size_bytes: int) -> bytes:
    """A good body of a size."""
    body = json.dumps(session_body()).encode()
    return body + b" " * (size_bytes - len(body))


async def in_chunks(body: bytes, count: list[int]) -> AsyncIterator[bytes]:
    """A body without a declared length; counts what is taken of it."""
    for start in range(0, len(body), 1000):
        count[0] += 1
        yield body[start : start + 1000]


def test_a_body_may_be_as_large_as_is_allowed_and_no_larger() -> None:
    with Caller(settings={"max_body_bytes": 5000}) as caller:
        assert refused(caller.call("POST", SESSIONS, content=padded(5001), headers=JSON)) == TOO_LARGE
        assert caller.network.orders == []
        assert caller.call("POST", SESSIONS, content=padded(5000), headers=JSON).status_code == 201


def test_a_body_in_chunks_is_read_no_further_than_is_allowed() -> None:
    with Caller(settings={"max_body_bytes": 5000}) as caller:
        taken = [0]
        response = caller.call("POST", SESSIONS, content=in_chunks(padded(100_000), taken), headers=JSON)
        assert refused(response) == TOO_LARGE
        assert taken[0] <= 7
        response = caller.call("POST", SESSIONS, content=in_chunks(padded(5000), [0]), headers=JSON)
        assert response.status_code == 201


def test_the_size_is_looked_at_before_the_token() -> None:
    with Caller() as caller:
        response = caller.call("POST", SESSIONS, who=None, content=b"x" * 65_537, headers=JSON)
        assert refused(response) == TOO_LARGE


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/xml", "multipart/form-data"])
def test_a_body_that_is_no_json_by_its_type_is_refused(media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type is not None else {}
    with Caller() as caller:
        response = caller.call("POST", SESSIONS, content=padded(500), headers=headers)
        assert refused(response) == (415, "UNSUPPORTED_MEDIA_TYPE")
        good = {"Content-Type": "application/json; charset=utf-8"}
        assert caller.call("POST", SESSIONS, content=padded(500), headers=good).status_code == 201


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff\xfe", b"{}{}", b'"text"', b"[" * 5000])
def test_a_body_that_is_not_what_it_says_is_an_invalid_argument(body: bytes) -> None:
    with Caller() as caller:
        response = caller.call("POST", SESSIONS, content=body, headers=JSON)
        assert refused(response) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", f"{PROFILES}/plain", {}, 200),
        ("POST", RETRIEVE_PROFILES, {"json": {}}, 200),
        ("GET", f"{PROFILES}/missing", {}, 404),
        ("GET", f"{PROFILES}/plain", {"who": None}, 401),
        ("GET", "/nowhere", {}, 404),
        ("PUT", SESSIONS, {}, 405),
        ("POST", SESSIONS, {"content": b"x" * 70_000}, 413),
    ],
)
def test_the_correlator_comes_back_whatever_the_answer(
    method: str, path: str, more: dict[str, Any], status: int
) -> None:
    with Caller() as caller:
        response = caller.call(method, path, headers={"x-correlator": "b4333c46-49c0"}, **more)
        assert response.status_code == status
        assert response.headers["x-correlator"] == "b4333c46-49c0"
        assert "x-correlator" not in caller.call(method, path, **more).headers


@pytest.mark.parametrize("correlator", ["with space", "ü".encode().decode("latin-1"), "x" * 257])
def test_a_correlator_that_breaks_its_pattern_is_refused_and_does_not_come_back(correlator: str) -> None:
    with Caller() as caller:
        headers = {"x-correlator": correlator.encode("latin-1")}
        response = caller.call("GET", f"{PROFILES}/plain", headers=headers)
        assert refused(response) == (400, "INVALID_ARGUMENT")
        assert "x-correlator" not in response.headers


def test_what_is_served_nowhere_is_not_found_and_a_wrong_method_not_allowed() -> None:
    with Caller() as caller:
        for path in ("/", "/docs", "/quality-on-demand/v2/sessions", f"{SESSIONS}/"):
            assert refused(caller.call("GET", path, who=None)) == (404, "NOT_FOUND")
        response = caller.call("PATCH", SESSIONS)
        assert refused(response) == (405, "METHOD_NOT_ALLOWED")
        assert response.headers["allow"] == "POST"
        response = caller.call("PATCH", f"{SESSIONS}/00000000-0000-4000-8000-000000000000")
        assert response.headers["allow"] == "DELETE, GET"
        assert "GET" in caller.call("POST", "/openapi.json").headers["allow"].split(", ")


def test_an_error_of_ours_is_logged_and_the_client_hears_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Caller() as caller:

        def fail(_order: object) -> None:
            raise RuntimeError("a secret of the inside")

        monkeypatch.setattr(caller.network, "order", fail)
        response = caller.call("POST", SESSIONS, session_body(), headers={"x-correlator": "c1"})
        assert refused(response) == (500, "INTERNAL")
        assert "secret" not in response.text
        assert response.headers["x-correlator"] == "c1"
        assert "a secret of the inside" in caplog.text


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with Caller() as caller:
        credential = {
            "credentialType": "ACCESSTOKEN",
            "accessToken": "two words",
            "accessTokenType": "bearer",
        }
        response = caller.create(sinkCredential=credential)
        assert refused(response) == (400, "INVALID_ARGUMENT")
        assert "two words" not in response.text


def test_the_served_document_has_every_operation_with_its_scope_and_refusals() -> None:
    with Caller() as caller:
        document = caller.call("GET", "/openapi.json", who=None).json()
    assert "HTTPValidationError" not in json.dumps(document)
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert {each["operationId"] for each in operations} == {
        "createSession",
        "getSession",
        "deleteSession",
        "extendQosSessionDuration",
        "retrieveSessionsByDevice",
        "retrieveQoSProfiles",
        "getQosProfile",
        "createQosAssignment",
        "getQosAssignmentById",
        "revokeQosAssignment",
        "getQosAssignmentByDevice",
    }
    for each in operations:
        [security] = each["security"]
        assert len(security["openId"]) == 1
        assert {"400", "401", "403", "413", "429", "500"} <= each["responses"].keys()
    assert bearer("client")["Authorization"] not in json.dumps(document)
