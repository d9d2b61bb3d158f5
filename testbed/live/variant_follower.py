"""Reads the raw records of a variant while it runs, from outside, into a view.

What programs write reaches the host's files at once, in either venue: the embedded kernel writes through to
them (hostfs_write_end in fs/hostfs/hostfs_kern.c). Streams are held back for up to half a second of the run's
time, see `testbed.record.streams`.
"""

import os
from pathlib import Path
from typing import Any

from testbed.errors import InvariantError
from testbed.live.tail import LineTail, RecordTail
from testbed.live.view import StreamKey, View
from testbed.record.event import Event, parse
from testbed.record.logs import EVENTS_FILE, RATES_FILE
from testbed.record.streams import RECEIVED, SENT

WATCHED = ("probe", "frame", "first_token", "exchange", "request")
"""The measures whose delays are followed. Packets, tokens and blocks are too many to be read twice."""

MOST_STREAMS = 128
"""Streams that are followed, the first by name; a view of more would help nobody."""


class VariantFollower:
    """Follows one variant's folder; `view` is what is known of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.view = View()
        self._events = LineTail(folder / EVENTS_FILE)
        self._rates = LineTail(folder / RATES_FILE)
        self._streams: dict[StreamKey, tuple[RecordTail, RecordTail]] = {}

    def read(self) -> None:
        """Take note of what has been written since the last call; all of it may be gone already.

        Raises:
            InvariantError: A record is not what the programs of a run write.
        """
        # Events are read after the rates and told before them: a session's start is known before its samples.
        rates = self._rates.new_objects()
        for found in self._events.new_objects():
            self.view.take_event(*self._event(found))
        for sample in rates:
            self.view.take_rate(sample)
        self._find_streams()
        for key, (sent, received) in self._streams.items():
            delays = self.view.stream(key)
            delays.sent(sent.new_records())
            delays.received(received.new_records())

    def _event(self, found: dict[str, Any]) -> tuple[int, Event]:
        try:
            return found.pop("at_ns"), parse(found)
        except (KeyError, ValueError) as error:
            raise InvariantError(f"{self._events.path} has a line that is not an event: {error}") from error

    def _find_streams(self) -> None:
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return
        for name in names:
            if len(self._streams) == MOST_STREAMS:
                return
            stem, _, suffix = name.rpartition(".")
            parts = stem.split(".")
            if suffix != "sent" or len(parts) != 3 or parts[1] not in WATCHED:
                continue
            key = (parts[0], parts[1], parts[2])
            if key not in self._streams:
                sent = RecordTail(self._folder / name, SENT)
                self._streams[key] = (sent, RecordTail(self._folder / f"{stem}.received", RECEIVED))
