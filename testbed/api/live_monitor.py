"""What a served network does now: its records, read as they grow, and its kernel's classes, in one view."""

import asyncio
import time
from contextlib import suppress

from testbed.api.error_responses import ApiError
from testbed.api.live_classes import Dump, LiveClass, LiveClasses, SilentError
from testbed.live.variant_follower import VariantFollower
from testbed.live.view import View

EVERY_S = 1.0
"""How often the view is brought up to date."""
_SOON_S = 0.1
"""Whoever asks again so soon gets what is there: callers cannot keep the network busy with questions."""
_MEASURED_NS = 900_000_000
"""A throughput is measured over at least so long, whoever asks in between."""


class LiveMonitor:
    """The view, and what it is made of.

    The records have the rates of the scenario's sessions, ten times a second. The channels that were ordered
    have theirs from the kernel's classes; what they use is the difference of two dumps.
    """

    def __init__(self, watch: VariantFollower, classes: LiveClasses) -> None:
        self._watch, self._classes = watch, classes
        self._counted: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._used_bps: dict[tuple[str, str, str], int] = {}
        self._refreshing = asyncio.Lock()
        self._refreshed_s = float("-inf")
        self.dump = Dump(0, [])

    @property
    def view(self) -> View:
        """What is known by now."""
        return self._watch.view

    async def refresh(self) -> None:
        """Bring the view up to date.

        Raises:
            ApiError: The network is gone.
            InvariantError: The records are not what a run writes.
        """
        async with self._refreshing:
            if time.monotonic() - self._refreshed_s < _SOON_S:
                return
            self.dump = await self._classes.now()
            self._watch.read()
            self._take(self.dump)
            self._refreshed_s = time.monotonic()

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep the view up to date until told to stop, or until the network is gone.

        Raises:
            InvariantError: The records are not what a run writes.
        """
        while not stop.is_set():
            try:
                await self.refresh()
            except SilentError:
                # It may be heard again; whoever asks meanwhile is told.
                continue
            except ApiError:
                # Those who wait for the network's end tell of it.
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)

    def _take(self, dump: Dump) -> None:
        there = {(each.name, str(each.direction), each.minor): each for each in dump.classes}
        self._counted = {key: value for key, value in self._counted.items() if key in there}
        self._used_bps = {key: value for key, value in self._used_bps.items() if key in there}
        for key, each in there.items():
            self._measure(key, each, dump.at_ns)
            if each.name not in self.view.sessions:
                self.view.take_rate(
                    {
                        "at_ns": dump.at_ns,
                        "session": each.name,
                        "direction": str(each.direction),
                        "rate_bps": each.granted_bps,
                        "throughput_bps": self._used_bps.get(key),
                        "backlog_bytes": each.backlog_bytes,
                        "dropped": each.dropped_packets,
                        "minor": each.minor,
                    }
                )
        self.view.keep_classes((name, direction) for name, direction, _minor in there)

    def _measure(self, key: tuple[str, str, str], each: LiveClass, at_ns: int) -> None:
        then_ns, then_bytes = self._counted.setdefault(key, (at_ns, each.sent_bytes))
        # A class that was made anew under the same number counts from 0 again.
        if each.sent_bytes < then_bytes:
            self._counted[key] = (at_ns, each.sent_bytes)
            self._used_bps.pop(key, None)
        elif at_ns - then_ns >= _MEASURED_NS:
            self._used_bps[key] = (each.sent_bytes - then_bytes) * 8 * 10**9 // (at_ns - then_ns)
            self._counted[key] = (at_ns, each.sent_bytes)
