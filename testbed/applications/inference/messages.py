"""Prompts and tokens as messages on a TCP connection: their layout, their borders, and who sends them."""

import socket
import struct
from collections.abc import Iterator

from testbed.host.loop import Loop

PROMPT = struct.Struct("!QII")
"""A prompt begins with its number, the tokens that it has, and those that are wanted; its text follows."""
TOKEN = struct.Struct("!QI")
"""A token of an answer: the number of the prompt, and which one it is, from 0; its text follows."""
_READ_BYTES = 262_144


def prompt_message(number: int, prompt_tokens: int, output_tokens: int, token_bytes: int) -> bytes:
    """A prompt with its text, which nobody reads."""
    return PROMPT.pack(number, prompt_tokens, output_tokens) + bytes(prompt_tokens * token_bytes)


def token_message(number: int, index: int, token_bytes: int) -> bytes:
    """A token with its text."""
    return TOKEN.pack(number, index) + bytes(token_bytes)


class Prompts:
    """Takes a stream of bytes apart into prompts: number, tokens in it, tokens wanted."""

    def __init__(self, token_bytes: int) -> None:
        self._token_bytes = token_bytes
        self._held = bytearray()

    def take(self, received: bytes) -> Iterator[tuple[int, int, int]]:
        """The prompts that are complete with these bytes."""
        self._held += received
        while len(self._held) >= PROMPT.size:
            number, prompt_tokens, output_tokens = PROMPT.unpack_from(self._held)
            size_bytes = PROMPT.size + prompt_tokens * self._token_bytes
            if len(self._held) < size_bytes:
                return
            del self._held[:size_bytes]
            yield number, prompt_tokens, output_tokens


class Tokens:
    """Takes a stream of bytes apart into tokens: number of the prompt, index."""

    def __init__(self, token_bytes: int) -> None:
        self._size_bytes = TOKEN.size + token_bytes
        self._held = bytearray()

    def take(self, received: bytes) -> Iterator[tuple[int, int]]:
        """The tokens that are complete with these bytes."""
        self._held += received
        whole = len(self._held) // self._size_bytes
        for at in range(0, whole * self._size_bytes, self._size_bytes):
            number, index = TOKEN.unpack_from(self._held, at)
            yield number, index
        del self._held[: whole * self._size_bytes]


class Connection:
    """A TCP connection that never makes its program wait: what has no room yet is sent when there is.

    Small messages leave at once (TCP_NODELAY). After the other end has gone, nothing is sent any more.
    """

    def __init__(self, loop: Loop, end: socket.socket) -> None:
        self._loop, self._end = loop, end
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The loop knows one reason to call for each descriptor; a duplicate has the other one.
        self._outlet = end.dup()
        self._waiting = bytearray()
        self._is_open = True
        loop.on_writable(self._outlet, self._drain)

    @property
    def end(self) -> socket.socket:
        """What is waited for to be readable."""
        return self._end

    def send(self, message: bytes) -> None:
        """Send, now or as soon as there is room."""
        if self._is_open:
            self._waiting += message
            self._drain()

    def receive(self) -> bytes | None:
        """What has come; nothing perhaps, and None when the other end has gone."""
        try:
            return self._end.recv(_READ_BYTES) or None
        except BlockingIOError:
            return b""
        except ConnectionError:
            return None

    def close(self) -> None:
        """Forget the connection; closing again does nothing."""
        if self._is_open:
            self._is_open = False
            self._loop.forget(self._outlet)
            self._outlet.close()
            self._end.close()

    def _drain(self) -> None:
        try:
            while self._waiting and self._is_open:
                del self._waiting[: self._outlet.send(self._waiting)]
        except BlockingIOError:
            return
        except ConnectionError:
            # The end is seen, and acted upon, by whoever reads.
            self._waiting.clear()
