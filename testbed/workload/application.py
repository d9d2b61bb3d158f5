"""An application server that books its session's channel: an HTTP client of the operator's API on a host.

It asks as any application would (CAMARA Quality-on-Demand 1.1.0), over the emulated network, and says how
long each answer took.
"""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from testbed.errors import KernelError
from testbed.host.loop import Loop
from testbed.model.northbound import ChannelBooking

POLL_NS = 100_000_000
"""How often the state of a booking is asked for, until it is decided."""
_TIMEOUT_S = 30.0
_SESSIONS = "/quality-on-demand/v1/sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Whose packets the booking is for, and where the API is: addresses, ports and the bearer token."""

    booking: ChannelBooking
    ends_at_ns: int
    device_ip: str
    server_ip: str
    server_ports: tuple[int, int]
    api: tuple[str, int]
    token: str

    def request(self) -> dict[str, Any]:
        """The body of the request that books the channel."""
        first, last = self.server_ports
        return {
            "device": {"ipv4Address": {"publicAddress": self.device_ip, "privateAddress": self.device_ip}},
            "applicationServer": {"ipv4Address": self.server_ip},
            "applicationServerPorts": {"ranges": [{"from": first, "to": last}]},
            "qosProfile": self.booking.profile,
            "duration": self.booking.duration_ns // 10**9,
        }


class Application:
    """Books at the booking's instant, asks until the channel is there or refused, and lets it go at the end.

    `say` is told of every call: operation, status, how long it took, and the state that was answered.
    """

    def __init__(self, loop: Loop, booked: Booked, say: Callable[[dict[str, Any]], None]) -> None:
        self._loop, self._booked, self._say = loop, booked, say
        self._path: str | None = None

    def start(self) -> None:
        """Set out to book, and to let go."""
        self._loop.at(self._booked.booking.at_ns, self._book)
        self._loop.at(self._booked.ends_at_ns, self._let_go)

    def _book(self) -> None:
        status, answer = self._call("createSession", "POST", _SESSIONS, self._booked.request())
        if status == http.HTTPStatus.CREATED:
            self._path = f"{_SESSIONS}/{answer['sessionId']}"
            self._await(answer)

    def _await(self, answer: dict[str, Any]) -> None:
        if answer["qosStatus"] == "REQUESTED":
            self._loop.at(self._loop.clock.now_ns() + POLL_NS, self._look)

    def _look(self) -> None:
        if self._path is not None:
            status, answer = self._call("getSession", "GET", self._path)
            if status == http.HTTPStatus.OK:
                self._await(answer)

    def _let_go(self) -> None:
        if self._path is not None:
            self._call("deleteSession", "DELETE", self._path)
            self._path = None

    def _call(
        self, operation: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One call on a connection of its own, as of an application that calls rarely."""
        began_ns = self._loop.clock.now_ns()
        connection = http.client.HTTPConnection(*self._booked.api, timeout=_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._booked.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read()
        except OSError as error:
            host, port = self._booked.api
            raise KernelError(f"cannot call {method} {path} of the API at {host}:{port}: {error}") from error
        finally:
            connection.close()
        took_ns = self._loop.clock.now_ns() - began_ns
        answer: dict[str, Any] = json.loads(text) if text else {}
        said = {"operation": operation, "status": response.status, "took_ns": took_ns}
        for key in ("qosStatus", "statusInfo", "code", "message"):
            if key in answer:
                said[key] = answer[key]
        self._say(said)
        return response.status, answer

    def close(self) -> None:
        """Nothing is left to be done: a session's end lets its channel go."""
