"""Events on their way to sinks: in order for each booking, tried again, and never waited for by anybody."""

import asyncio
import logging
import ssl
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import httpx

from testbed.api.cloud_events import EVENT_MEDIA_TYPE, CloudEvent
from testbed.api.credentials import SinkCredential
from testbed.api.error_responses import ApiError
from testbed.api.sinks import Destination, SinkPolicy

_BACKOFF_S = (0.5, 2.0, 8.0)
"""Waits between the attempts to deliver one event: four attempts in all."""
_TIMEOUT_S = 10.0
_MOST_WAITING = 1000
_MOST_AT_ONCE = 16
_GRACE_S = 2.0
"""How long the server's end waits for events that are on their way."""
DROPPED = "dropped"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """An event for a sink."""

    sink: str
    credential: SinkCredential | None
    event: CloudEvent


class DeliveryOutcome(Enum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    FAILED = "failed for now"
    REFUSED = "refused"
    GONE = "gone"


class EventSender:
    """Makes one attempt to deliver an event: no redirects, no proxies, nothing read of what is answered."""

    def __init__(
        self,
        sink_policy: SinkPolicy,
        clock: Callable[[], datetime],
        trust: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._sink_policy, self._clock, self._trust, self._transport = sink_policy, clock, trust, transport
        self._client: httpx.AsyncClient | None = None

    async def attempt(self, delivery: EventDelivery, number: int) -> DeliveryOutcome:
        """Try once; `number` counts the attempts from 0."""
        credential = delivery.credential
        if credential is not None and credential.access_token_expires_utc <= self._clock():
            _log.warning("event %s is not sent: its sink's token has expired", delivery.event.id)
            return DeliveryOutcome.REFUSED
        try:
            destination = await self._sink_policy.destination(delivery.sink)
        except ApiError as error:
            _log.warning("event %s is not sent: %s", delivery.event.id, error)
            return DeliveryOutcome.FAILED
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return _outcome(await self._post(destination, delivery, number))
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            _log.warning("event %s did not arrive at %s: %r", delivery.event.id, delivery.sink, error)
            return DeliveryOutcome.FAILED

    async def _post(self, destination: Destination, delivery: EventDelivery, number: int) -> int:
        headers = {"Host": destination.host_header, "Content-Type": EVENT_MEDIA_TYPE}
        if delivery.credential is not None:
            headers["Authorization"] = f"Bearer {delivery.credential.access_token}"
        name = destination.server_name
        async with self._connected().stream(
            "POST",
            destination.pinned(number),
            content=delivery.event.model_dump_json(by_alias=True, exclude_none=True),
            headers=headers,
            extensions={} if name is None else {"sni_hostname": name},
        ) as response:
            return response.status_code

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            transport = self._transport or httpx.AsyncHTTPTransport(
                verify=self._trust if self._trust is not None else httpx.create_ssl_context(),
                trust_env=False,
            )
            self._client = httpx.AsyncClient(
                transport=transport, follow_redirects=False, timeout=_TIMEOUT_S, trust_env=False
            )
        return self._client

    async def close(self) -> None:
        """End what is connected."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _outcome(status: int) -> DeliveryOutcome:
    if 200 <= status < 300:
        return DeliveryOutcome.DELIVERED
    if status == httpx.codes.GONE:
        return DeliveryOutcome.GONE
    if status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS) or status >= 500:
        return DeliveryOutcome.FAILED
    return DeliveryOutcome.REFUSED


class Outbox:
    """Events that wait, booking by booking; a slow sink holds up nobody else's."""

    def __init__(
        self,
        sender: EventSender,
        *,
        backoff_s: tuple[float, ...] = _BACKOFF_S,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._courier, self._backoff_s, self._most_waiting = sender, backoff_s, most_waiting
        self._waiting: dict[str, deque[EventDelivery]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._gone: set[str] = set()
        self.ended: Counter[str] = Counter()
        """How many events came to which end: an outcome, or dropped because too many waited."""
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        self._ending = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many events have not been delivered or given up yet."""
        return sum(map(len, self._waiting.values()))

    def post(self, booking: str, delivery: EventDelivery) -> None:
        """Have an event delivered after those of the same booking that wait already."""
        if booking in self._gone:
            return
        if self.waiting >= self._most_waiting:
            self.ended[DROPPED] += 1
            _log.warning("event %s is dropped: %d wait already", delivery.event.id, self._most_waiting)
            return
        self._waiting.setdefault(booking, deque()).append(delivery)
        self.start()

    def start(self) -> None:
        """Set out with whatever waits; without a running event loop it goes on waiting."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        for booking in self._waiting.keys() - self._tasks.keys():
            self._tasks[booking] = loop.create_task(self._deliver_all(booking))

    async def _deliver_all(self, booking: str) -> None:
        waiting = self._waiting[booking]
        try:
            while waiting:
                outcome = await self._deliver(waiting[0])
                waiting.popleft()
                self.ended[outcome.name.lower()] += 1
                if outcome is DeliveryOutcome.GONE:
                    self._gone.add(booking)
                    self.ended[outcome.name.lower()] += len(waiting)
                    break
        finally:
            del self._tasks[booking], self._waiting[booking]

    async def _deliver(self, delivery: EventDelivery) -> DeliveryOutcome:
        for number, wait_s in enumerate((*self._backoff_s, None)):
            async with self._places:
                outcome = await self._courier.attempt(delivery, number)
            if outcome is not DeliveryOutcome.FAILED or wait_s is None or self._ending.is_set():
                break
            try:
                await asyncio.wait_for(self._ending.wait(), wait_s)
            except TimeoutError:
                continue
            break
        if outcome is not DeliveryOutcome.DELIVERED:
            _log.warning("event %s is given up: %s", delivery.event.id, outcome.value)
        return outcome

    def forget(self, booking: str) -> None:
        """The booking is no more: nothing else will be sent for it."""
        self._gone.discard(booking)

    async def close(self) -> None:
        """Give what is on its way a moment to arrive, and end."""
        self._ending.set()
        tasks = list(self._tasks.values())
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._courier.close()
