"""Bookings kept over the end of the process, also while the disk refuses.

What a client asks for is on disk before it is answered, or it is refused. What the network tells is true
whether it can be written or not: it waits for the disk to take it.
"""

import logging

from testbed.api.booking import Booking
from testbed.api.errors import UNAVAILABLE, ApiError
from testbed.api.store import Keeper, NotKeptError

_log = logging.getLogger(__name__)


class Keeping:
    """A store, and what it does not know yet."""

    def __init__(self, store: Keeper) -> None:
        self._store = store
        self._waiting: dict[str, Booking | None] = {}
        """By identifier, what is to be kept; None is to be forgotten."""

    @property
    def is_behind(self) -> bool:
        """Whether something waits for the disk."""
        return bool(self._waiting)

    def put(self, booking: Booking) -> None:
        """Keep a booking now.

        Raises:
            ApiError: The disk refuses; what was kept of it before still is.
        """
        try:
            self._store.put(booking)
        except NotKeptError as error:
            raise _unavailable(error) from error
        self._waiting.pop(booking.id, None)

    def drop(self, identifier: str) -> None:
        """Forget a booking now.

        Raises:
            ApiError: The disk refuses.
        """
        try:
            self._store.drop(identifier)
        except NotKeptError as error:
            raise _unavailable(error) from error
        self._waiting.pop(identifier, None)

    def note(self, booking: Booking) -> None:
        """Keep a booking as soon as the disk takes it."""
        self._wait(booking.id, booking)

    def note_drop(self, identifier: str) -> None:
        """Forget a booking as soon as the disk takes it."""
        self._wait(identifier, None)

    def catch_up(self) -> None:
        """Write what waits, as far as the disk takes it."""
        if not self._waiting:
            return
        for identifier, booking in list(self._waiting.items()):
            try:
                if booking is None:
                    self._store.drop(identifier)
                else:
                    self._store.put(booking)
            except NotKeptError:
                return
            del self._waiting[identifier]
        _log.warning("the state is written again, and complete")

    def _wait(self, identifier: str, booking: Booking | None) -> None:
        was_behind = self.is_behind
        # What is newer takes the place of what waits, at the end of the line.
        self._waiting.pop(identifier, None)
        self._waiting[identifier] = booking
        if was_behind:
            return
        try:
            if booking is None:
                self._store.drop(identifier)
            else:
                self._store.put(booking)
        except NotKeptError as error:
            _log.error("%s; new orders are refused until it can be", error)
        else:
            del self._waiting[identifier]


def _unavailable(error: NotKeptError) -> ApiError:
    _log.error("%s; the request is refused", error)
    return ApiError(503, UNAVAILABLE, "The server cannot keep its state at present; nothing was changed.")
