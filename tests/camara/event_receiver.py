"""A consumer of events: an https server on the loopback interface that keeps what it is sent, by sink."""

import json
import queue
import ssl
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import trustme

ADDRESS = "127.0.0.1"
LONGEST_WAIT_S = 120
"""An event that has not come by then never will, however busy the machine is."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event as it was received: the header fields by name, whatever their case, and the body."""

    sink: str
    headers: Mapping[str, str]
    body: Any


class EventReceiver:
    """Receives events at as many sinks as are asked for, from its start to its end as a context."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(ADDRESS).configure_cert(context)
        self.all_events: list[Event] = []
        self._arrived = threading.Condition()
        self._by_sink: defaultdict[str, queue.SimpleQueue[Event]] = defaultdict(queue.SimpleQueue)
        self._numbers = count(1)
        self._server = ThreadingHTTPServer((ADDRESS, 0), self._receiving())
        # The handshake is left to the thread of each connection, so that none holds up the others.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    def __enter__(self) -> "EventReceiver":
        threading.Thread(target=self._server.serve_forever, name="event receiver", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def new_sink(self) -> str:
        """The URL of a sink that nobody uses yet."""
        return f"https://{ADDRESS}:{self._server.server_port}/events/{next(self._numbers)}"

    def next_event(self, sink: str) -> Event:
        """The next event at a sink, waited for.

        Raises:
            AssertionError: None comes.
        """
        try:
            return self._by_sink[sink].get(timeout=LONGEST_WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no event came to {sink}") from None

    def at_least(self, number: int) -> list[Event]:
        """All events so far, once there are so many.

        Raises:
            AssertionError: There never are.
        """
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.all_events) >= number, LONGEST_WAIT_S)
            assert came, f"{len(self.all_events)} events came, {number} were expected"
            return list(self.all_events)

    def _receive(self, event: Event) -> None:
        self._by_sink[event.sink].put(event)
        with self._arrived:
            self.all_events.append(event)
            self._arrived.notify_all()

    def _receiving(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Receiving(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink = f"https://{self.headers['Host']}{self.path}"
                receiver._receive(Event(sink=sink, headers=self.headers, body=body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged; what matters is kept."""

        return Receiving
