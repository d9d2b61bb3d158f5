"""The clients of an inference service on a host: prompts sent when they are due, and tokens as they arrive.

All that a user notices is measured here, from one clock: the time to the first token, that from token to
token, and that to the whole answer.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from testbed.applications.inference.messages import Connection, Tokens, prompt_message
from testbed.applications.inference.requests import Asked
from testbed.errors import KernelError
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM
from testbed.record.streams import ReceivedLog, SentLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What clients are called, where they are, whom they ask, and what they ask."""

    name: str
    address: str
    server: tuple[str, int]
    token_bytes: int
    requests: Iterator[Asked]


@dataclass(slots=True)
class _Unanswered:
    """A request that has been sent: the next token that it waits for, and when the one before came."""

    asked: Asked
    next_index: int = 0
    last_at_ns: int = 0


class _Times:
    """One measure: a row when something begins, and its other half when it has arrived."""

    def __init__(self, logs: Path, name: str, measure: str) -> None:
        stream = {"session": name, "measure": measure, "direction": DOWNSTREAM}
        self._sent, self._received = SentLog(logs, **stream), ReceivedLog(logs, **stream)

    def begin(self, seq: int, size_bytes: int, at_ns: int) -> None:
        self._sent.write(seq, size_bytes, at_ns)

    def arrive(self, seq: int, at_ns: int) -> None:
        self._received.write(seq, at_ns)

    def close(self) -> None:
        self._sent.close()
        self._received.close()


class InferenceClient:
    """Sends prompts over one connection and reads the tokens of all answers from it.

    When the service has moved, a new connection is made, and what has no complete answer is asked again
    there; tokens that had arrived already are not counted twice. `say` is told of the first token from there
    that is new, with the service's epoch and the instant.
    """

    def __init__(
        self, loop: Loop, asking: Asking, logs: Path, say: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        self._loop, self._asking, self._server = loop, asking, asking.server
        self._say = say
        self._new_epoch: int | None = None
        self._requests = enumerate(asking.requests)
        self._unanswered: dict[int, _Unanswered] = {}
        self._running = count()
        self._first = _Times(logs, asking.name, "first_token")
        self._token = _Times(logs, asking.name, "token")
        self._answer = _Times(logs, asking.name, "answer")
        self._connection: Connection | None = None
        self._tokens = Tokens(asking.token_bytes)

    def start(self) -> None:
        """Connect, and set out to send the first prompt."""
        self._connect()
        self._await(next(self._requests, None))

    def told(self, message: Mapping[str, Any]) -> None:
        """Heed the driver: `moved` says where the service is from now on."""
        if message["kind"] == "moved":
            self._server, self._new_epoch = (message["address"], message["port"]), message["epoch"]
            self._hang_up()
            self._connect()
            for number, unanswered in self._unanswered.items():
                self._send(number, unanswered.asked)

    @property
    def unanswered(self) -> int:
        """How many requests wait for the first token, or for more."""
        return len(self._unanswered)

    def _connect(self) -> None:
        end = socket.socket()
        end.bind((self._asking.address, 0))
        self._connection = Connection(self._loop, end)
        # It goes on by itself, and what is sent before it is there waits for it.
        number = end.connect_ex(self._server)
        if number not in (0, errno.EINPROGRESS):
            address, port = self._server
            raise KernelError(f"cannot connect to the service at {address}:{port}: {os.strerror(number)}")
        self._tokens = Tokens(self._asking.token_bytes)
        self._loop.on_readable(end, self._hear)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._loop.forget(self._connection.end)
            self._connection.close()
            self._connection = None

    def _await(self, request: tuple[int, Asked] | None) -> None:
        if request is not None:
            self._loop.at(request[1].at_ns, lambda: self._ask(*request))

    def _ask(self, number: int, asked: Asked) -> None:
        now_ns, token_bytes = self._loop.clock.now_ns(), self._asking.token_bytes
        self._unanswered[number] = _Unanswered(asked)
        self._first.begin(number, asked.prompt_tokens * token_bytes, now_ns)
        self._answer.begin(number, asked.output_tokens * token_bytes, now_ns)
        self._send(number, asked)
        self._await(next(self._requests, None))

    def _send(self, number: int, asked: Asked) -> None:
        if self._connection is not None:
            message = prompt_message(
                number, asked.prompt_tokens, asked.output_tokens, self._asking.token_bytes
            )
            self._connection.send(message)

    def _hear(self) -> None:
        assert self._connection is not None
        received, now_ns = self._connection.receive(), self._loop.clock.now_ns()
        if received is None:
            self._hang_up()
            return
        for number, index in self._tokens.take(received):
            self._take(number, index, now_ns)

    def _take(self, number: int, index: int, now_ns: int) -> None:
        unanswered = self._unanswered.get(number)
        if unanswered is None or index != unanswered.next_index:
            return  # an answer that began anew on another node repeats what has come before
        if self._new_epoch is not None:
            self._say(self._new_epoch, now_ns)
            self._new_epoch = None
        if index == 0:
            self._first.arrive(number, now_ns)
        else:
            running = next(self._running)
            self._token.begin(running, self._asking.token_bytes, unanswered.last_at_ns)
            self._token.arrive(running, now_ns)
        unanswered.next_index, unanswered.last_at_ns = index + 1, now_ns
        if unanswered.next_index == unanswered.asked.output_tokens:
            self._answer.arrive(number, now_ns)
            del self._unanswered[number]

    def close(self) -> None:
        """Hang up, and close the logs; what has no answer by now is lost."""
        self._hang_up()
        for times in (self._first, self._token, self._answer):
            times.close()
