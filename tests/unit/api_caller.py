"""An API application for tests: called in the test's own thread, over a network and a clock in its hands."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from testbed.api.app import create_app
from testbed.api.measures import TimeSpan, TimeUnit
from testbed.api.profiles import Profile, ProfileEntry, ProfileStatus, profile_of
from testbed.api.server_settings import SCOPES, ApiSettings, Subscriber, Token
from testbed.errors import NotReadyError
from testbed.host.orders import ChannelOrder, ExtendOrder, News, Order, Stage, WithdrawOrder
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy

SESSIONS = "/quality-on-demand/v1/sessions"
RETRIEVE = "/quality-on-demand/v1/retrieve-sessions"
ASSIGNMENTS = "/qos-provisioning/v0.3/qos-assignments"
RETRIEVE_ASSIGNMENT = "/qos-provisioning/v0.3/retrieve-qos-assignment"
PROFILES = "/qos-profiles/v1/qos-profiles"
RETRIEVE_PROFILES = "/qos-profiles/v1/retrieve-qos-profiles"
HOME = {"ipv4Address": {"publicAddress": "10.1.1.1", "privateAddress": "10.1.1.1"}}
OTHER_HOME = {"ipv4Address": {"publicAddress": "10.1.2.1", "publicPort": 5000}}
SUBSCRIBERS = (
    Subscriber(host="home1", ipv4="10.1.1.1", phone_number="+999001001"),
    Subscriber(host="home2", ipv4="10.1.2.1", phone_number="+999002001"),
    Subscriber(host="office", ipv4="10.1.3.1", phone_number="+999003001", served=False),
)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Tells an instant until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class HandNetwork:
    """Takes orders, answers them as it was told to, and sends what news the test wants."""

    def __init__(self, answers: tuple[Stage, ...] = (Stage.ADMITTED, Stage.ACTIVE)) -> None:
        self.answers, self.withdrawn = answers, (Stage.RELEASED,)
        self.orders: list[Order] = []
        self.gone = False
        self._tell: Callable[[News], None] = lambda news: None

    def order(self, order: Order) -> None:
        if self.gone:
            raise NotReadyError("the driver is gone")
        self.orders.append(order)
        for stage in self._answers_to(order):
            self.news(order.session, stage)

    def _answers_to(self, order: Order) -> tuple[Stage, ...]:
        match order:
            case ChannelOrder():
                return self.answers
            case WithdrawOrder():
                return self.withdrawn
            case ExtendOrder():
                return ()

    def on_news(self, listener: Callable[[News], None]) -> None:
        self._tell = listener

    def news(self, session: str, stage: Stage) -> None:
        self._tell(News(session=session, stage=stage, reason="as the test has it"))


def token(name: str, **changes: Any) -> Token:
    """A token whose text is `secret of NAME`."""
    made = Token(
        name=name, sha256=hashlib.sha256(_secret(name).encode()).hexdigest(), scopes=frozenset(SCOPES)
    )
    return replace(made, **changes)


def bearer(name: str) -> dict[str, str]:
    """The header that a token is given in."""
    return {"Authorization": f"Bearer {_secret(name)}"}


def _secret(name: str) -> str:
    return f"secret-of-{name}"


TOKENS = (
    token("client"),
    token("colleague", client="client"),
    token("stranger"),
    token("at home1", host="home1", client="client"),
    token("at home2", host="home2", client="client"),
    token("at office", host="office"),
    token("at nowhere", host="nowhere"),
    token("stale", expires_at=START),
    token("fresh", expires_at=START + timedelta(seconds=1)),
    *(token(f"without {scope}", scopes=frozenset(SCOPES) - {scope}) for scope in SCOPES),
)


def profile(name: str, status: ProfileStatus = ProfileStatus.ACTIVE, **changes: Any) -> Profile:
    """A profile of 100 Mbit/s for 10 s to 10 min."""
    rates = ChannelRange(committed_bps=10**8, peak_bps=10**8, queue_bytes=10**5)
    channel = ChannelRequest(
        policy=ResizePolicy.STATIC, downstream=rates, upstream=rates, serialisation_ns=10**7, hold_ns=0
    )
    entry = ProfileEntry(
        status=status,
        min_duration=TimeSpan(value=10, unit=TimeUnit.SECONDS),
        max_duration=TimeSpan(value=10, unit=TimeUnit.MINUTES),
        channel=channel,
        **changes,
    )
    return profile_of(name, entry)


PROFILE_LIST = (
    profile("plain"),
    profile("slept", ProfileStatus.INACTIVE),
    profile("old", ProfileStatus.DEPRECATED),
    profile("for-home1", devices=("home1",)),
)


class Caller:
    """Calls an application without sockets or threads, from its start to its end.

    Between calls nothing in the application moves; `until` lets it.
    """

    def __init__(
        self, network: HandNetwork | None = None, *, settings: dict[str, Any] | None = None, **more: Any
    ):
        self.network, self.clock = network or HandNetwork(), Clock()
        self.settings = ApiSettings(
            **{
                "profiles": PROFILE_LIST,
                "tokens": TOKENS,
                "subscribers": SUBSCRIBERS,
                "clock": self.clock,
                **(settings or {}),
            }
        )
        if isinstance(self.settings.clock, Clock):
            self.clock = self.settings.clock
        self._more = more
        self._context = ExitStack()

    def __enter__(self) -> "Caller":
        with ExitStack() as context:
            self._runner = context.enter_context(asyncio.Runner())
            self.app = create_app(self.settings, self.network, **self._more)
            lifespan = self.app.router.lifespan_context(self.app)
            self.run(lifespan.__aenter__())
            context.callback(lambda: self.run(lifespan.__aexit__(None, None, None)))
            transport = httpx.ASGITransport(self.app)
            self._client = httpx.AsyncClient(transport=transport, base_url="http://api")
            context.callback(lambda: self.run(self._client.aclose()))
            self._context = context.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let the event loop run until something is done."""
        return self._runner.run(work)

    def call(
        self, method: str, path: str, json: Any = None, who: str | None = "client", **more: Any
    ) -> httpx.Response:
        """Call with a token (None: without) and a JSON body."""
        headers = {**(bearer(who) if who is not None else {}), **more.pop("headers", {})}
        if json is not None:
            more["json"] = json
        return self.run(self._client.request(method, path, headers=headers, **more))  # type: ignore[no-any-return]

    def news(self, session: str, stage: Stage) -> None:
        """Have the network send news, heard before this returns."""

        async def send() -> None:
            self.network.news(session, stage)

        self.run(send())

    def create(self, who: str = "client", **changes: Any) -> httpx.Response:
        """Ask for a session."""
        return self.call("POST", SESSIONS, session_body(**changes), who)

    def created(self, who: str = "client", **changes: Any) -> str:
        """The identifier of a new session."""
        response = self.create(who, **changes)
        assert response.status_code == 201, response.text
        return str(response.json()["sessionId"])

    def session(self, identifier: str, who: str = "client") -> dict[str, Any]:
        """A session as it is now."""
        response = self.call("GET", f"{SESSIONS}/{identifier}", who=who)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def assigned(self, who: str = "client", **changes: Any) -> str:
        """The identifier of a new assignment."""
        response = self.call("POST", ASSIGNMENTS, {**assignment_body(), **changes}, who)
        assert response.status_code == 201, response.text
        return str(response.json()["assignmentId"])

    def assignment(self, identifier: str, who: str = "client") -> dict[str, Any]:
        """An assignment as it is now."""
        response = self.call("GET", f"{ASSIGNMENTS}/{identifier}", who=who)
        assert response.status_code == 200, response.text
        return dict(response.json())


def session_body(**changes: Any) -> dict[str, Any]:
    """What asks for a session; None takes a property out."""
    body = {
        "device": HOME,
        "applicationServer": {"ipv4Address": "10.2.0.1"},
        "qosProfile": "plain",
        "duration": 60,
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def assignment_body() -> dict[str, Any]:
    """What asks for an assignment."""
    return {"device": HOME, "qosProfile": "plain"}


def refused(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal, which says the one in its body too and has a message."""
    said = response.json()
    assert said["status"] == response.status_code
    assert len(said["message"]) > 10
    assert response.headers["content-type"] == "application/json"
    return response.status_code, said["code"]
