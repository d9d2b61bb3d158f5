"""All bookings of a server: made, looked for, changed, and kept in step with the network's news."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

from testbed.api.booking import Booking, BookingKind
from testbed.api.error_responses import ApiError, conflict, not_found, permission_denied
from testbed.api.network_port import NetworkPort
from testbed.api.outbox import EventDelivery, Outbox
from testbed.api.server_settings import ApiSettings, Token
from testbed.api.session_models import QosStatus, StatusReason
from testbed.api.store import BookingStore, WriteBehind
from testbed.api.subscribers import Subscribers
from testbed.errors import NotReadyError
from testbed.host.orders import ExtendOrder, News, Order, Stage, WithdrawOrder

KEPT = timedelta(seconds=360)
"""For how long at least a booking can be read after its end."""
_CATCH_UP_S = 1.0
"""How often is tried to write what a full disk has not taken."""
_log = logging.getLogger(__name__)


class Bookings:
    """The bookings, the network that carries them out, and those who are to hear of it.

    Everything happens in the thread of the event loop; news that comes in another one is passed to it.
    """

    def __init__(
        self, settings: ApiSettings, network: NetworkPort, store: BookingStore, outbox: Outbox
    ) -> None:
        self._settings, self._network = settings, network
        self._kept, self._outbox = WriteBehind(store), outbox
        self._by_id = {booking.id: booking for booking in store.all()}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._catching_up = False
        network.on_news(self._on_news)

    def start(self, subscribers: Subscribers) -> None:
        """Order anew what was ordered before a restart, with what is left of its lifetime.

        Raises:
            NotReadyError: The network is gone.
        """
        self._loop = asyncio.get_running_loop()
        self._outbox.start()
        now = self._settings.clock()
        for booking in [each for each in self._by_id.values() if each.living]:
            if booking.reason is StatusReason.DELETE_REQUESTED:
                self._change(booking, booking.ended(StatusReason.DELETE_REQUESTED, now))
            elif booking.expires_at is not None and booking.expires_at <= now:
                over = booking.ended(StatusReason.DURATION_EXPIRED, booking.expires_at)
                self._change(booking, over.with_(ended_at=now))
            elif subscribers.host(booking.host) is None:
                self._change(booking, booking.ended(StatusReason.NETWORK_TERMINATED, now))
            else:
                # The channel of the network that was there before is gone with it.
                self._change(booking, booking.with_(opened_at=None))
                self._network.order(booking.order(now))
        for booking in list(self._of(BookingKind.SESSION)):
            if booking.reason is StatusReason.DELETE_REQUESTED:
                # Its client deleted it; only the disk has not heard that it was forgotten.
                self._drop(booking)

    def stop(self) -> None:
        """The event loop ends."""
        self._loop = None
        self._kept.catch_up()

    def book(self, wanted: Booking) -> Booking:
        """Make a booking and order its channel; what is returned may already know the network's answer.

        Raises:
            ApiError: Another one is in the way, or the client has too many, or it cannot be kept, or the
                network is gone.
        """
        self._forget_old()
        in_the_way = next((each for each in self._of(wanted.kind) if self._excludes(each, wanted)), None)
        if in_the_way is not None:
            raise conflict(f"There is another {wanted.kind} for the same packets of the device.")
        living = sum(each.living and each.client == wanted.client for each in self._by_id.values())
        if living >= self._settings.limits.most_channels:
            raise ApiError(
                429, "QUOTA_EXCEEDED", f"This client has {living} channels, which is all it may have."
            )
        self._keep(wanted)
        try:
            self._order(wanted.order(self._settings.clock()))
        except ApiError:
            self._drop(wanted)
            raise
        return self._by_id[wanted.id]

    def _excludes(self, existing: Booking, wanted: Booking) -> bool:
        return existing.blocks(wanted.client) and existing.meets(wanted)

    def find(self, kind: BookingKind, identifier: str, token: Token) -> Booking:
        """The booking of an identifier, if it is the client's and, where the token has one, the device's.

        Raises:
            ApiError: There is none, or it is somebody else's.
        """
        self._forget_old()
        booking = self._by_id.get(identifier.lower())
        if booking is None or booking.kind is not kind:
            raise not_found(f"{kind} {identifier}")
        if booking.client != token.owner or token.host not in (None, booking.host):
            raise permission_denied(f"The {kind} belongs to another client or device.")
        return booking

    def of_device(self, kind: BookingKind, host: str) -> list[Booking]:
        """The bookings of a device, whosever they are, in the order in which they were made."""
        self._forget_old()
        return [each for each in self._of(kind) if each.host == host]

    def extend(self, booking: Booking, duration_s: int) -> Booking:
        """Have a session last so many seconds from its start.

        Raises:
            ApiError: The network is gone, or the change cannot be kept.
        """
        if booking.started_at is None:
            raise ValueError(f"booking {booking.id} has not started")
        expires_at = booking.started_at + timedelta(seconds=duration_s)
        longer = booking.with_(duration_s=duration_s, expires_at=expires_at)
        self._keep(longer)
        try:
            self._extend_channel(longer)
        except ApiError:
            self._note(booking)
            raise
        return self._by_id[booking.id]

    def delete(self, booking: Booking) -> None:
        """Release a session's channel and forget the session. Its sink hears of it if it was available.

        Raises:
            ApiError: The network is gone, or the change cannot be kept.
        """
        if booking.living:
            was_available = booking.status is QosStatus.AVAILABLE
            asked = self._withdraw(booking)
            if asked.living and was_available:
                self._post_event(asked.ended(StatusReason.DELETE_REQUESTED, self._settings.clock()))
        else:
            self._kept.drop(booking.id)
        self._drop(booking)

    def revoke(self, booking: Booking) -> Booking:
        """Release an assignment's channel; what is returned says whether the network has done so already.

        One that is over is forgotten.

        Raises:
            ApiError: The network is gone, or the change cannot be kept.
        """
        if not booking.living:
            self._kept.drop(booking.id)
            self._drop(booking)
            return booking
        if booking.reason is StatusReason.DELETE_REQUESTED:
            return booking
        asked = self._withdraw(booking)
        if asked.status is QosStatus.REQUESTED:
            # It never was available: nobody has to be told, and there is nothing to wait for.
            asked = asked.ended(StatusReason.DELETE_REQUESTED, self._settings.clock())
            self._note(asked)
        return asked

    def _withdraw(self, booking: Booking) -> Booking:
        """Have the network release a channel; what is returned may already know that it has."""
        self._keep(booking.with_(reason=StatusReason.DELETE_REQUESTED))
        try:
            self._order(WithdrawOrder(session=booking.id))
        except ApiError:
            self._note(booking)
            raise
        return self._by_id[booking.id]

    def _on_news(self, news: News) -> None:
        loop = self._loop
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if loop is None or loop is here or loop.is_closed():
            self._dispatch(news)
        else:
            loop.call_soon_threadsafe(self._dispatch, news)

    def _dispatch(self, news: News) -> None:
        booking = self._by_id.get(news.session)
        if booking is None:
            # The last news of a session that its client has deleted.
            _log.debug("news of %s, which is no booking: %s", news.session, news.stage)
            return
        reopened = news.stage is Stage.ACTIVE and booking.started_at is not None and booking.living
        after = booking.after(news.stage, self._settings.clock())
        if after is booking:
            return
        self._change(booking, after)
        if reopened:
            # The order counted from when it was sent; meanwhile time has passed, or the session was extended.
            self._extend_channel(after)

    def _extend_channel(self, booking: Booking) -> None:
        """Tell the network until when a channel is to live; one that it has not opened yet, when it has."""
        if booking.opened_at is not None and booking.kind is BookingKind.SESSION:
            lifetime_ns = booking.lifetime_ns(booking.opened_at)
            if lifetime_ns is not None:
                self._order(ExtendOrder(session=booking.id, lifetime_ns=lifetime_ns))

    def _change(self, before: Booking, after: Booking) -> None:
        self._note(after)
        never_was = before.status is QosStatus.REQUESTED and after.reason is StatusReason.DELETE_REQUESTED
        if after.status is not before.status and not never_was:
            self._post_event(after)

    def _post_event(self, booking: Booking) -> None:
        if booking.sink is not None:
            event = booking.event(str(uuid4()), self._settings.clock())
            self._outbox.post(booking.id, EventDelivery(booking.sink, booking.credential, event))

    def _order(self, order: Order) -> None:
        try:
            self._network.order(order)
        except NotReadyError as error:
            _log.error("the network took no order: %s", error)
            raise ApiError(503, "UNAVAILABLE", "The network cannot be reached.") from error

    def _of(self, kind: BookingKind) -> Iterator[Booking]:
        return (each for each in self._by_id.values() if each.kind is kind)

    def _keep(self, booking: Booking) -> None:
        """What a client asks for.

        Raises:
            ApiError: The disk refuses; nothing has changed.
        """
        self._kept.put(booking)
        self._by_id[booking.id] = booking

    def _note(self, booking: Booking) -> None:
        """What has become so, whether the disk takes it or not."""
        self._kept.note(booking)
        self._by_id[booking.id] = booking
        self._catch_up_later()

    def _catch_up_later(self) -> None:
        if self._kept.is_behind and self._loop is not None and not self._catching_up:
            self._catching_up = True
            self._loop.call_later(_CATCH_UP_S, self._catch_up)

    def _catch_up(self) -> None:
        self._catching_up = False
        if self._loop is not None:
            self._kept.catch_up()
            self._catch_up_later()

    def _drop(self, booking: Booking) -> None:
        self._kept.note_drop(booking.id)
        self._catch_up_later()
        self._by_id.pop(booking.id, None)
        self._outbox.forget(booking.id)

    def _forget_old(self) -> None:
        now: datetime = self._settings.clock()
        old = [each for each in self._by_id.values() if each.ended_at and now - each.ended_at > KEPT]
        for booking in old:
            self._drop(booking)
