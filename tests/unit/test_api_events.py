"""Events to sinks: what is sent, in which order, and what happens when a sink does not take it."""

import asyncio
import json
import logging
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from api_caller import ASSIGNMENTS, SESSIONS, START, Caller, Clock, HandNetwork, assignment_body, refused

from testbed.api.cloud_events import session_event
from testbed.api.credentials import SinkCredential
from testbed.api.outbox import EventDelivery, EventSender, Outbox
from testbed.api.server_settings import SinkRules
from testbed.api.session_models import QosStatus
from testbed.api.sinks import SinkPolicy
from testbed.host.orders import Stage

SINK = "https://sink.example.com/events"
RULES = SinkRules(allowed_hosts=("sink.example.com",))
CREDENTIAL = {
    "credentialType": "ACCESSTOKEN",
    "accessToken": "token-of-the-sink",
    "accessTokenExpiresUtc": "2026-03-02T00:00:00Z",
    "accessTokenType": "bearer",
}


async def public(_host: str, _port: int) -> Sequence[str]:
    return ("93.184.216.34",)


class Sink:
    """Keeps what it is sent, and answers with one status after the other, the last for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses or (204,))
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == 0:
            raise httpx.ConnectError("refused")
        return httpx.Response(status, headers={"Location": "https://127.0.0.1/"})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


async def settle() -> None:
    """Wait until nothing is under way any more."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def caller_with(sink: Sink, network: HandNetwork | None = None) -> Caller:
    transport = httpx.MockTransport(sink)
    return Caller(network, settings={"sinks": RULES}, sink_transport=transport, resolve=public)


def test_a_sink_hears_that_its_session_is_available() -> None:
    sink = Sink()
    with caller_with(sink) as caller:
        answer = caller.create(sink=SINK, sinkCredential=CREDENTIAL).json()
        assert answer["sink"] == SINK
        assert "token-of-the-sink" not in json.dumps(answer)
        caller.run(settle())
        [request] = sink.requests
        assert str(request.url) == "https://93.184.216.34/events"
        assert request.headers["host"] == "sink.example.com"
        assert request.extensions["sni_hostname"] == "sink.example.com"
        assert request.headers["authorization"] == "Bearer token-of-the-sink"
        assert request.headers["content-type"] == "application/cloudevents+json"
        [event] = sink.bodies
        assert event == {
            "id": event["id"],
            "source": f"{SESSIONS}/{answer['sessionId']}",
            "specversion": "1.0",
            "type": "org.camaraproject.quality-on-demand.v1.qos-status-changed",
            "time": "2026-03-01T12:00:00Z",
            "datacontenttype": "application/json",
            "data": {"sessionId": answer["sessionId"], "qosStatus": "AVAILABLE"},
        }


def test_a_sink_without_a_credential_gets_no_token() -> None:
    sink = Sink()
    with caller_with(sink) as caller:
        caller.created(sink=SINK)
        caller.run(settle())
        assert "authorization" not in sink.requests[0].headers


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ((Stage.ADMITTED,), []),
        ((Stage.ADMITTED, Stage.ACTIVE), [("AVAILABLE", None)]),
        ((Stage.REFUSED,), [("UNAVAILABLE", "NETWORK_TERMINATED")]),
        ((Stage.ACTIVE, Stage.EXPIRED), [("AVAILABLE", None), ("UNAVAILABLE", "DURATION_EXPIRED")]),
        ((Stage.ACTIVE, Stage.PREEMPTED), [("AVAILABLE", None), ("UNAVAILABLE", "NETWORK_TERMINATED")]),
        (
            (Stage.ACTIVE, Stage.ACTIVE, Stage.EXPIRED, Stage.RELEASED),
            [("AVAILABLE", None), ("UNAVAILABLE", "DURATION_EXPIRED")],
        ),
    ],
)
def test_a_sink_hears_of_every_change_once_and_in_order(
    stages: tuple[Stage, ...], told: list[tuple[str, str | None]]
) -> None:
    sink = Sink()
    with caller_with(sink, HandNetwork(answers=stages)) as caller:
        caller.created(sink=SINK)
        caller.run(settle())
        heard = [(each["data"]["qosStatus"], each["data"].get("statusInfo")) for each in sink.bodies]
        assert heard == told
        assert len({each["id"] for each in sink.bodies}) == len(told)


@pytest.mark.parametrize("withdrawn", [(), (Stage.RELEASED,)])
def test_a_sink_hears_once_that_its_session_was_deleted(withdrawn: tuple[Stage, ...]) -> None:
    sink = Sink()
    with caller_with(sink) as caller:
        caller.network.withdrawn = withdrawn
        identifier = caller.created(sink=SINK)
        caller.call("DELETE", f"{SESSIONS}/{identifier}")
        caller.news(identifier, Stage.RELEASED)
        caller.run(settle())
        [_, event] = sink.bodies
        told = {"sessionId": identifier, "qosStatus": "UNAVAILABLE", "statusInfo": "DELETE_REQUESTED"}
        assert event["data"] == told


@pytest.mark.parametrize("stages", [(), (Stage.REFUSED,)])
def test_deleting_what_is_not_available_is_no_event(stages: tuple[Stage, ...]) -> None:
    sink = Sink()
    with caller_with(sink, HandNetwork(answers=stages)) as caller:
        identifier = caller.created(sink=SINK)
        caller.run(settle())
        before = len(sink.requests)
        caller.call("DELETE", f"{SESSIONS}/{identifier}")
        caller.run(settle())
        assert len(sink.requests) == before


def test_a_sink_hears_of_its_assignment() -> None:
    sink = Sink()
    with caller_with(sink) as caller:
        caller.network.withdrawn = ()
        body = {**assignment_body(), "sink": SINK, "sinkCredential": CREDENTIAL}
        identifier = caller.call("POST", ASSIGNMENTS, body).json()["assignmentId"]
        caller.call("DELETE", f"{ASSIGNMENTS}/{identifier}")
        caller.run(settle())
        assert len(sink.requests) == 1
        caller.news(identifier, Stage.RELEASED)
        caller.run(settle())
        [first, last] = sink.bodies
        assert first["type"] == last["type"] == "org.camaraproject.qos-provisioning.v0.status-changed"
        assert first["source"] == f"{ASSIGNMENTS}/{identifier}"
        assert first["data"] == {"assignmentId": identifier, "status": "AVAILABLE", "qosStatus": "AVAILABLE"}
        assert last["data"]["status"] == "UNAVAILABLE"
        assert last["data"]["statusInfo"] == "DELETE_REQUESTED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"credentialType": "PLAIN"}, "INVALID_CREDENTIAL"),
        ({"credentialType": "REFRESHTOKEN"}, "INVALID_CREDENTIAL"),
        ({"credentialType": "OTHER"}, "INVALID_ARGUMENT"),
        ({"credentialType": None}, "INVALID_ARGUMENT"),
        ({"accessTokenType": "mac"}, "INVALID_TOKEN"),
        ({"accessTokenType": None}, "INVALID_ARGUMENT"),
        ({"accessToken": None}, "INVALID_ARGUMENT"),
        ({"accessToken": "one\r\nX: two"}, "INVALID_ARGUMENT"),
        ({"accessTokenExpiresUtc": "2026-03-02"}, "INVALID_ARGUMENT"),
        ({"accessTokenExpiresUtc": "2026-03-02T00:00:00"}, "INVALID_ARGUMENT"),
        ({"accessTokenExpiresUtc": 1772409600}, "INVALID_ARGUMENT"),
    ],
)
def test_a_credential_that_is_none_is_refused(change: dict[str, Any], code: str) -> None:
    credential = {key: value for key, value in {**CREDENTIAL, **change}.items() if value is not None}
    with caller_with(Sink()) as caller:
        assert refused(caller.create(sink=SINK, sinkCredential=credential)) == (400, code)
    with caller_with(Sink()) as caller:
        body = {**assignment_body(), "sink": SINK, "sinkCredential": credential}
        assert refused(caller.call("POST", ASSIGNMENTS, body)) == (400, code)


def delivery(number: int = 0, credential: SinkCredential | None = None) -> EventDelivery:
    """An event whose session has a number for a name."""
    identifier = f"00000000-0000-4000-8000-{number:012}"
    return EventDelivery(
        SINK, credential, session_event(identifier, identifier, QosStatus.AVAILABLE, None, START)
    )


def sent(sink: Sink, *deliveries: tuple[str, EventDelivery], most_waiting: int = 100) -> list[int]:
    """What arrives at a sink of deliveries by their bookings, without waits: their numbers."""

    async def post() -> None:
        courier = EventSender(SinkPolicy(RULES, public), Clock(), None, httpx.MockTransport(sink))
        outbox = Outbox(courier, backoff_s=(0.0, 0.0, 0.0), most_waiting=most_waiting)
        for booking, each in deliveries:
            outbox.post(booking, each)
        await settle()
        await outbox.close()

    asyncio.run(post())
    return [int(body["id"][-12:]) for body in sink.bodies]


@pytest.mark.parametrize(
    ("statuses", "attempts"),
    [
        ((204,), 1),
        ((500, 503, 204), 3),
        ((0, 204), 2),
        ((429, 408, 200), 3),
        ((500,), 4),
        ((400,), 1),
        ((401,), 1),
        ((302,), 1),
        ((307,), 1),
        ((410,), 1),
    ],
)
def test_an_event_is_tried_again_while_that_may_help_and_never_elsewhere(
    statuses: tuple[int, ...], attempts: int
) -> None:
    sink = Sink(*statuses)
    assert sent(sink, ("a", delivery())) == [0] * attempts
    assert {request.url.host for request in sink.requests} == {"93.184.216.34"}, "no redirect is followed"


def test_the_events_of_a_booking_keep_their_order_though_the_first_is_late() -> None:
    assert sent(Sink(500, 500, 204), ("a", delivery(1)), ("a", delivery(2))) == [1, 1, 1, 2]


def test_a_sink_that_is_gone_gets_nothing_more() -> None:
    arrived = sent(Sink(410, 204), ("a", delivery(1)), ("a", delivery(2)), ("b", delivery(3)))
    assert arrived == [1, 3]


def test_events_beyond_the_bound_are_dropped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    three = [(str(number), delivery(number)) for number in range(3)]
    with caplog.at_level(logging.WARNING):
        assert sent(Sink(), *three, most_waiting=2) == [0, 1]
    assert "dropped" in caplog.text


def test_an_event_is_not_sent_with_a_token_that_has_expired() -> None:
    def credential(expires_s: float) -> SinkCredential:
        return SinkCredential(
            credential_type="ACCESSTOKEN",
            access_token="t",
            access_token_expires_utc=START + timedelta(seconds=expires_s),
            access_token_type="bearer",
        )

    assert sent(Sink(), ("a", delivery(1, credential(0))), ("b", delivery(2, credential(1)))) == [2]


def test_a_sink_whose_name_leads_elsewhere_since_gets_nothing() -> None:
    """Its address is checked at each attempt, not only when the session is created."""
    addresses = ["93.184.216.34", "127.0.0.1"]

    async def moved(_host: str, _port: int) -> Sequence[str]:
        return (addresses.pop(0) if len(addresses) > 1 else addresses[0],)

    sink = Sink()
    transport = httpx.MockTransport(sink)
    with Caller(settings={"sinks": RULES}, sink_transport=transport, resolve=moved) as caller:
        caller.created(sink=SINK)
    assert sink.requests == []


async def heard_by_tls(folder: Path, certified: str) -> bytes:
    """What a TLS server with a certificate for a name hears of an event for sink.example.com."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(context)
    heard = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async def loopback(_host: str, _port: int) -> Sequence[str]:
        return ("127.0.0.1",)

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        rules = SinkRules(allowed_hosts=("sink.example.com", "127.0.0.0/8"), ca_file=folder / "ca.pem")
        trust = ssl.create_default_context(cafile=folder / "ca.pem")
        outbox = Outbox(EventSender(SinkPolicy(rules, loopback), Clock(), trust), backoff_s=())
        event = delivery().event
        outbox.post("a", EventDelivery(f"https://sink.example.com:{port}/", None, event))
        async with asyncio.timeout(60):
            while outbox.waiting:
                await asyncio.wait(
                    asyncio.all_tasks() - {asyncio.current_task()}, return_when="FIRST_COMPLETED"
                )
        await outbox.close()
    return bytes(heard)


def test_a_sink_is_called_at_its_checked_address_and_must_have_the_certificate_of_its_name(
    tmp_path: Path,
) -> None:
    assert b"\r\nhost: sink.example.com:" in asyncio.run(heard_by_tls(tmp_path, "sink.example.com")).lower()
    assert asyncio.run(heard_by_tls(tmp_path, "127.0.0.1")) == b""


def test_the_end_of_a_server_does_not_wait_for_a_sink_that_is_down() -> None:
    sink = Sink(0)
    with caller_with(sink) as caller:
        caller.created(sink=SINK)
    assert 1 <= len(sink.requests) <= 2, "the wait for the second attempt is cut short"
