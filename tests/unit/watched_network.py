"""A served network for tests of what is shown of it: its records and its classes are made by the test."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from api_caller import Caller
from live_records import Happened, beginning

from testbed.api.counters import ServerCounters
from testbed.api.live_classes import LiveClasses
from testbed.api.live_monitor import LiveMonitor
from testbed.api.live_page import add_views
from testbed.errors import NotReadyError
from testbed.live.variant_follower import VariantFollower
from testbed.record.logs import EventLog

SECOND_NS = 10**9
LOOPBACK = "http://127.0.0.1:8080"


def shaped(name: str, minor: str, sent_bytes: int, **changes: Any) -> dict[str, Any]:
    """A class of a channel downstream, as the kernel has it."""
    rates = {"rate_bps": 250_000_000, "granted_bps": 250_000_000}
    counters = {"sent_bytes": sent_bytes, "backlog_bytes": 300, "dropped_packets": 4}
    return {
        "session": name,
        "name": name,
        "direction": "downstream",
        "class": minor,
        **rates,
        **counters,
    } | changes


@dataclass
class Line:
    """Answers each question with the classes that it was given, once whoever asked waits for it."""

    at_ns: int = 0
    classes: list[dict[str, Any]] = field(default_factory=list)
    gone: bool = False
    asked: int = 0
    listener: Callable[[dict[str, Any]], None] = lambda _message: None

    def send(self, message: dict[str, Any]) -> None:
        if self.gone:
            raise NotReadyError("the line is closed")
        self.asked += 1
        answer = {"kind": message["kind"], "at_ns": self.at_ns, "classes": list(self.classes)}
        asyncio.get_running_loop().call_soon(self.listener, answer)

    def on_message(self, _kind: str, listener: Callable[[dict[str, Any]], None]) -> None:
        self.listener = listener


class Watched:
    """An application with the page and the metrics."""

    def __init__(self, folder: Path, caller: Caller, *, freely: bool) -> None:
        self.folder, self.caller, self.line, self.tally = folder, caller, Line(), ServerCounters()
        self.monitor = LiveMonitor(VariantFollower(folder), LiveClasses(self.line))
        add_views(
            caller.app,
            self.monitor,
            self.tally,
            served={"title": "A network", "scenario": "small", "variant": "only", "venue": "virtual"},
            build={"version": "1.2.3"},
            freely=freely,
        )

    def write(self, *events: Happened) -> None:
        """Have the network write these events."""
        with EventLog(self.folder) as log:
            for at_ns, each in events:
                log.write(each, at_ns)

    def refresh(self) -> None:
        """Bring the view up to date, however short the time since the last."""
        self.monitor._refreshed_s = float("-inf")
        self.caller.run(self.monitor.refresh())

    def get(self, path: str, *, base: str = LOOPBACK, who: str | None = None) -> httpx.Response:
        """Look."""
        return self.caller.call("GET", base + path, who=who)


@contextmanager
def watched(folder: Path, *, freely: bool = True) -> Iterator[Watched]:
    """A network whose session has begun."""
    with Caller() as caller:
        network = Watched(folder, caller, freely=freely)
        network.write(*beginning())
        yield network
