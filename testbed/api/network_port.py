"""The network as the API sees it: it takes orders and publishes news of channels.

A port to it is a stream of JSON lines, or the control line to the driver.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from testbed.errors import InvariantError, NotReadyError
from testbed.host.control import Control
from testbed.host.orders import News, Order, news_from_message, order_to_message
from testbed.record.logs import json_object

Listener = Callable[[dict[str, Any]], None]


class NetworkPort(Protocol):
    """Takes orders for channels, and tells what becomes of them."""

    def order(self, order: Order) -> None:
        """Pass an order on. Its news may come before this returns, or at any time after.

        Raises:
            NotReadyError: The network is gone.
        """

    def on_news(self, listener: Callable[[News], None]) -> None:
        """Have all news told to a listener from now on."""


class _RemoteNetwork(ABC):
    """Orders out, news in; other messages to whoever listens for their kind."""

    def __init__(self) -> None:
        self._listeners: dict[str, Listener] = {}

    def order(self, order: Order) -> None:
        """Pass an order on.

        Raises:
            NotReadyError: The network is gone.
        """
        self.send(order_to_message(order))

    def on_news(self, listener: Callable[[News], None]) -> None:
        """Have all news told to a listener from now on."""
        self.on_message("news", lambda message: listener(news_from_message(message)))

    def on_message(self, kind: str, listener: Listener) -> None:
        """Have all messages of a kind told to a listener from now on."""
        self._listeners[kind] = listener

    @abstractmethod
    def send(self, message: dict[str, Any]) -> None:
        """Send a message of any kind.

        Raises:
            NotReadyError: The network is gone.
        """

    def _dispatch(self, message: dict[str, Any]) -> None:
        listener = self._listeners.get(str(message.get("kind")))
        if listener is None:
            raise InvariantError(f"the network said {message!r:.200}, and nobody listens for that")
        listener(message)


class StreamNetwork(_RemoteNetwork):
    """A network beyond a stream of bytes: one JSON object a line, in both directions.

    The longest line that is read is the limit of the reader.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._reader, self._writer = reader, writer
        self._ended = False

    def send(self, message: dict[str, Any]) -> None:
        """Send a message of any kind.

        Raises:
            NotReadyError: The network is gone.
        """
        if self._ended or self._writer.is_closing():
            raise NotReadyError("the line to the network is closed")
        self._writer.write(json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n")

    async def run(self) -> None:
        """Hear messages until the network is gone.

        Raises:
            InvariantError: What came is no message, or one that nobody listens for.
        """
        try:
            while line := await self._next():
                self._dispatch(json_object(line, "the network said what is no"))
        finally:
            self._ended = True

    async def _next(self) -> bytes:
        try:
            return await self._reader.readline()
        except (BrokenPipeError, ConnectionResetError):
            # The other end died with a message of ours unread, or before we sent one more.
            return b""
        except ValueError as error:
            raise InvariantError(f"a line of the network is too long: {error}") from error


class ControlNetwork(_RemoteNetwork):
    """The network whose driver has forked this process: one JSON object a message of its control line."""

    def __init__(self, control: Control, ended: Callable[[], None]) -> None:
        """`ended` is called once, when the driver is gone or has said what cannot be."""
        super().__init__()
        self._control, self._ended = control, ended
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: Exception | None = None

    def listen(self) -> None:
        """Hear messages from now on, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._control.fileno(), self._on_readable)

    def unlisten(self) -> None:
        """Hear no more.

        Raises:
            InvariantError: What was heard last is no message, or one that nobody listens for.
        """
        if self._loop is not None:
            self._loop.remove_reader(self._control.fileno())
            self._loop = None
        if self._failure is not None:
            raise self._failure

    def send(self, message: dict[str, Any]) -> None:
        """Send a message of any kind.

        Raises:
            NotReadyError: The network is gone.
        """
        fields = {key: value for key, value in message.items() if key != "kind"}
        try:
            self._control.say(message["kind"], **fields)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise NotReadyError("the driver is gone") from error

    def _on_readable(self) -> None:
        # There is something to read, so this does not wait.
        message = self._control.hear()
        if message is None:
            self._end(None)
            return
        try:
            self._dispatch(message)
        except Exception as error:
            # An event loop only logs what its callbacks raise; it comes out where this one is asked to end.
            self._end(error)

    def _end(self, failure: Exception | None) -> None:
        self.unlisten()
        self._failure = failure
        self._ended()
