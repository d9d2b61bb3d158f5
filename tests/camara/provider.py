"""The API provider that the scenarios are carried out against: the application, its settings and its network.

It starts at the first request; until then it can be configured. All that is created through it is
remembered with the request that created it, because many steps compare the two.
"""

import copy
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import bodies
import httpx
from answering_network import AnsweringNetwork, StandingClock
from anyio.from_thread import BlockingPortal, start_blocking_portal
from event_receiver import ADDRESS, Event, EventReceiver
from exchange import Exchange
from specification import Operation, specification, specification_of

from testbed.api.app import create_app
from testbed.api.profiles import load_profiles
from testbed.api.server_settings import SCOPES, ApiSettings, SinkRules, Subscriber, Token

PROFILES = Path(__file__).parent / "profiles.yaml"
SERVED = ("home1", "home2", "home3", "home4")
UNSERVED = "office"
NOBODY = "nobody"
KNOWN = (*SERVED, UNSERVED)
ADDRESSES = {host: f"10.1.{home}.1" for home, host in enumerate((*KNOWN, NOBODY), 1)}
_HOSTS = {address: host for host, address in ADDRESSES.items()}
PHONE_NUMBERS = {host: f"+9990100{home}" for home, host in enumerate(KNOWN, 1)}


@dataclass(frozen=True, kw_only=True)
class Spoiling:
    """What a control does to the answer to a scenario's own request, and to the events that it judges."""

    answer: Callable[[httpx.Response], httpx.Response] = lambda response: response
    event: Callable[[Event], Event] = lambda event: event


@dataclass(frozen=True, kw_only=True)
class Created:
    """A session or an assignment: the body that asked for it, and the first answer."""

    body: dict[str, Any]
    answer: dict[str, Any]

    @property
    def identifier(self) -> str:
        """Its identifier."""
        return identifier_of(self.answer)

    @property
    def sink(self) -> str:
        """Where its events go."""
        sink: str = self.body["sink"]
        return sink


class Provider:
    """An API provider, as a context that ends with its application."""

    profile = "QOS_1G"
    """The profile that requests ask for if nothing else is said."""

    restricted_profiles = frozenset({"QOS_HOME1"})
    """Those that are for the first device only."""

    def __init__(self, receiver: EventReceiver, spoiling: Spoiling | None = None) -> None:
        self.receiver, self.clock, self.network = receiver, StandingClock(), AnsweringNetwork()
        self.created: dict[str, Created] = {}
        self.device, self.other_device, self.unserved_device, self.unknown_device = map(
            device, (SERVED[0], SERVED[1], UNSERVED, NOBODY)
        )
        self._spoiling = spoiling or Spoiling()
        self._profiles = load_profiles(PROFILES)
        self._phone_numbers = PHONE_NUMBERS
        self._context = ExitStack()
        self._served: tuple[BlockingPortal, httpx.AsyncClient] | None = None

    def __enter__(self) -> "Provider":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    @property
    def started(self) -> bool:
        """Whether it is too late to configure it."""
        return self._served is not None

    def without_phone_numbers(self) -> dict[str, Any]:
        """Let it know no phone numbers; a device that is given by unsupported identifiers only."""
        assert not self.started
        self._phone_numbers = {}
        return {"phoneNumber": PHONE_NUMBERS[SERVED[0]], "networkAccessIdentifier": "home1@example.org"}

    def offers_only(self, names: frozenset[str]) -> None:
        """Let it offer no other profiles."""
        assert not self.started
        self._profiles = tuple(profile for profile in self._profiles if profile.name in names)

    def bearer(self, name: str) -> str:
        """The Authorization of a token by its name."""
        return f"Bearer {_secret(name)}"

    def bearer_of(self, device: dict[str, Any]) -> str:
        """The Authorization of a three-legged token for a device."""
        return self.bearer(f"device {_HOSTS[device['ipv4Address']['publicAddress']]}")

    def bearer_without(self, scope: str) -> str:
        """The Authorization of a token that has all scopes but one."""
        return self.bearer(f"client without {scope}")

    def valid_body(self, schema: str) -> dict[str, Any]:
        """A body that complies with the schema of a name."""
        return bodies.valid(schema, device=self.device, profile=self.profile, sink=self.receiver.new_sink())

    def valid_body_at(self, resource: str) -> dict[str, Any]:
        """A body that complies with the schema of the operation on a resource that has one."""
        judge = specification_of(resource)
        [schema] = {
            each.body_schema
            for each in judge.operations.values()
            if each.path == resource and each.body_schema
        }
        return self.valid_body(judge.reference(schema))

    def send(self, exchange: Exchange, operation: Operation) -> None:
        """Send the scenario's request; one that needs a body and was given none yet has the valid one."""
        if exchange.body_unsaid and operation.body_schema is not None and not exchange.without_body:
            exchange.body = self.valid_body_at(exchange.resource)
        content = None if exchange.without_body or exchange.body_unsaid else exchange.body
        response = self._request(operation, exchange.url, exchange.headers, content)
        exchange.response = self._spoiling.answer(response)

    def create(self, operation: str, body: dict[str, Any], authorization: str | None = None) -> Created:
        """Create a session or an assignment, with the token that the steps call valid or another one."""
        judge = specification(
            "qos-provisioning" if operation == "createQosAssignment" else "quality-on-demand"
        )
        made = judge.operations[operation]
        headers = {"Authorization": authorization or self.bearer("client")}
        response = self._request(made, made.path, headers, body)
        assert response.status_code == 201, response.text
        return self.created_for(response.json())

    def next_event(self, created: Created) -> Event:
        """The next event about what was created, waited for at its sink."""
        return self._spoiling.event(self.receiver.next_event(created.sink))

    def some_session(self) -> Created:
        """A session of the default device."""
        return self._first_of("sessionId") or self.create("createSession", self.valid_body("CreateSession"))

    def some_assignment(self) -> Created:
        """An assignment of the default device."""
        return self._first_of("assignmentId") or self.create(
            "createQosAssignment", self.valid_body("CreateAssignment")
        )

    def new_session(self) -> Created:
        """A session of a device that has none yet."""
        return self.create("createSession", self._with_new_device(self.valid_body("CreateSession")))

    def new_assignment(self) -> Created:
        """An assignment of a device that has none yet."""
        return self.create("createQosAssignment", self._with_new_device(self.valid_body("CreateAssignment")))

    def revoke(self, created: Created) -> None:
        """Revoke an assignment."""
        operation = specification("qos-provisioning").operations["revokeQosAssignment"]
        path = operation.path.replace("{assignmentId}", created.identifier)
        response = self._request(operation, path, {"Authorization": self.bearer("client")}, None)
        assert response.status_code == 204, response.text

    def created_for(self, answer: dict[str, Any]) -> Created:
        """What an answer is about, as it was created."""
        return self.created[identifier_of(answer)]

    def offered_profiles(self) -> list[dict[str, Any]]:
        """The profiles as the QoS Profiles API returns them for the default device."""
        operation = specification("qos-profiles").operations["retrieveQoSProfiles"]
        headers = {"Authorization": self.bearer("client")}
        response = self._request(operation, operation.path, headers, {"device": self.device})
        assert response.status_code == 200, response.text
        profiles: list[dict[str, Any]] = response.json()
        return profiles

    def longest_s(self, name: str) -> int:
        """The longest duration of a profile in seconds, as the QoS Profiles API returns it."""
        [longest] = [each["maxDuration"] for each in self.offered_profiles() if each["name"] == name]
        seconds = {"Days": 86_400, "Hours": 3_600, "Minutes": 60, "Seconds": 1}[longest["unit"]]
        return int(longest["value"]) * seconds

    def in_the_loop(self, call: Callable[[], None]) -> None:
        """Have something done where the application runs, as a network's news would be told there."""
        portal, _ = self._running()
        portal.call(call)

    def _first_of(self, name: str) -> Created | None:
        return next((each for each in self.created.values() if name in each.answer), None)

    def _with_new_device(self, body: dict[str, Any]) -> dict[str, Any]:
        taken = [each.body.get("device", self.device) for each in self.created.values()]
        free = next(each for each in map(device, SERVED) if each not in taken)
        return {**body, "device": free}

    def _request(self, operation: Operation, path: str, headers: dict[str, str], body: Any) -> httpx.Response:
        """Send a request; whatever comes back must be what the specification documents."""
        portal, client = self._running()
        response = portal.call(partial(client.request, operation.method, path, headers=headers, json=body))
        answer = response.json() if response.content else None
        judge = specification_of(operation.path)
        assert judge.undocumented(operation, response.status_code, answer) == [], response.text
        if response.status_code == 201:
            created = Created(body=copy.deepcopy(body), answer=answer)
            self.created[created.identifier] = created
        return response

    def _running(self) -> tuple[BlockingPortal, httpx.AsyncClient]:
        """The loop that the application runs in, started with it, and a client there."""
        if self._served is None:
            app = create_app(self._settings(), self.network)
            enter = self._context.enter_context
            portal = enter(start_blocking_portal())
            enter(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="https://api.example.org")
            enter(portal.wrap_async_context_manager(client))
            self._served = portal, client
        return self._served

    def _settings(self) -> ApiSettings:
        return ApiSettings(
            profiles=self._profiles,
            tokens=self._tokens(),
            subscribers=tuple(self._subscriber(host) for host in KNOWN),
            sinks=SinkRules(allowed_hosts=(ADDRESS,), ca_file=self.receiver.ca_file),
            clock=self.clock,
        )

    def _subscriber(self, host: str) -> Subscriber:
        return Subscriber(
            host=host,
            ipv4=ADDRESSES[host],
            phone_number=self._phone_numbers.get(host),
            served=host != UNSERVED,
        )

    def _tokens(self) -> tuple[Token, ...]:
        scopes = frozenset(SCOPES)
        expired_at = self.clock() - timedelta(seconds=1)
        return (
            token("client", scopes),
            token("other client", scopes),
            *(token(f"device {host}", scopes, host=host, client="client") for host in KNOWN),
            token("expired", scopes, expires_at=expired_at),
            *(token(f"client without {scope}", scopes - {scope}) for scope in SCOPES),
        )


def token(name: str, scopes: frozenset[str], **others: Any) -> Token:
    """The token that `Provider.bearer` has by this name."""
    return Token(name=name, sha256=sha256(_secret(name).encode()).hexdigest(), scopes=scopes, **others)


def device(host: str) -> dict[str, Any]:
    """A host as clients name it; there is no address translation, so its two addresses are the same."""
    return {"ipv4Address": {"publicAddress": ADDRESSES[host], "privateAddress": ADDRESSES[host]}}


def identifier_of(answer: dict[str, Any]) -> str:
    """The identifier of a session or an assignment."""
    identifier: str = answer["sessionId"] if "sessionId" in answer else answer["assignmentId"]
    return identifier


def _secret(name: str) -> str:
    return "token-of-" + name.replace(" ", "-").replace(":", "-")
