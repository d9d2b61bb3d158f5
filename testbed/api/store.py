"""Bookings on disk, so that they survive a restart of the server: one row each, in SQLite.

A request of a client is answered once it is on disk, or it is refused. News of the network is true whether it
can be written or not: it waits until the disk accepts it (`WriteBehind`).
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from testbed.api.booking import Booking
from testbed.api.error_responses import UNAVAILABLE, ApiError
from testbed.errors import ScenarioError
from testbed.record.atomic import explained
from testbed.record.bounded import require_regular

_VERSION = 1
_log = logging.getLogger(__name__)


class StoreWriteError(Exception):
    """The disk takes nothing at present. What it had before, it has still."""


class BookingStore(Protocol):
    """Keeps bookings beyond the end of the process, or does not."""

    def put(self, booking: Booking) -> None:
        """Keep a booking, in place of an earlier state of it.

        Raises:
            NotKeptError: It could not be written.
        """

    def drop(self, identifier: str) -> None:
        """Forget a booking.

        Raises:
            NotKeptError: That could not be written.
        """

    def all(self) -> list[Booking]:
        """Every booking that was kept."""

    def close(self) -> None:
        """The server ends."""


class NullStore:
    """Keeps nothing."""

    def put(self, booking: Booking) -> None:
        """Keep nothing."""

    def drop(self, identifier: str) -> None:
        """Nothing was kept."""

    def all(self) -> list[Booking]:
        """None."""
        return []

    def close(self) -> None:
        """Nothing is open."""


def check_state(path: Path) -> None:
    """See that a server can have its state in a file, before anything is started for it.

    Raises:
        ScenarioError: It cannot be opened, is none of ours, or is in use by another server.
    """
    store = SqliteStore(path)
    try:
        store.all()
    finally:
        store.close()


class SqliteStore:
    """All bookings by their identifier; every change is on disk before the method returns.

    The file is for its owner alone (mode 0600), because credentials of sinks stand in it, and for one
    server at a time.
    """

    def __init__(self, path: Path) -> None:
        """Open, or make, the file.

        Raises:
            ScenarioError: It cannot be opened, is none of ours, or is in use by another server.
        """
        self._path = path
        with explained("open the state in", path):
            # Made before SQLite opens it: what it makes beside a database gets the same mode.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
            try:
                # Before its mode is changed: it may be a device, which others use.
                require_regular(descriptor, path, "state")
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)
        with self._understood():
            # One thread at a time uses it, though not always the one that made it.
            self._rows = sqlite3.connect(path, timeout=0, check_same_thread=False)
            self._rows.execute("PRAGMA locking_mode = EXCLUSIVE")
            with self._rows:
                self._rows.execute("BEGIN EXCLUSIVE")
                self._make()

    def _make(self) -> None:
        [version] = self._rows.execute("PRAGMA user_version").fetchone()
        if version == _VERSION:
            return  # Nothing is written: a server starts beside a full disk, too.
        if version != 0:
            raise sqlite3.DatabaseError(f"it has version {version}, this server version {_VERSION}")
        self._rows.execute("CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, booking TEXT NOT NULL)")
        self._rows.execute(f"PRAGMA user_version = {_VERSION}")

    def put(self, booking: Booking) -> None:
        """Keep a booking, in place of an earlier state of it."""
        with self._written():
            self._rows.execute(
                "INSERT INTO bookings VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET booking = excluded.booking",
                (booking.id, booking.model_dump_json(exclude_none=True)),
            )

    def drop(self, identifier: str) -> None:
        """Forget a booking."""
        with self._written():
            self._rows.execute("DELETE FROM bookings WHERE id = ?", (identifier,))

    def all(self) -> list[Booking]:
        """Every booking, in the order in which they were made.

        Raises:
            ScenarioError: What stands in the file is no booking.
        """
        with self._understood():
            rows = self._rows.execute("SELECT booking FROM bookings ORDER BY rowid").fetchall()
            return [Booking.model_validate_json(row) for [row] in rows]

    def close(self) -> None:
        """Let another server have it."""
        self._rows.close()

    @contextmanager
    def _written(self) -> Iterator[None]:
        """A change that is on disk at the end, or undone."""
        try:
            with self._rows:
                yield
        except sqlite3.OperationalError as error:
            raise StoreWriteError(f"cannot write the state in {self._path}: {error}") from error

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValidationError) as error:
            raise ScenarioError(
                f"cannot use the state in {self._path}: {error}; end the other server, or name another file"
            ) from error


class WriteBehind:
    """A store, and what it does not know yet."""

    def __init__(self, store: BookingStore) -> None:
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
        except StoreWriteError as error:
            raise _unavailable(error) from error
        self._waiting.pop(booking.id, None)

    def drop(self, identifier: str) -> None:
        """Forget a booking now.

        Raises:
            ApiError: The disk refuses.
        """
        try:
            self._store.drop(identifier)
        except StoreWriteError as error:
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
            except StoreWriteError:
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
        except StoreWriteError as error:
            _log.error("%s; new orders are refused until it can be", error)
        else:
            del self._waiting[identifier]


def _unavailable(error: StoreWriteError) -> ApiError:
    _log.error("%s; the request is refused", error)
    return ApiError(503, UNAVAILABLE, "The server cannot keep its state at present; nothing was changed.")
