"""An inference service on its node: prompts in, a token for each request of the batch with every step.

`testbed.applications.inference.batching` decides when tokens are made; here they meet the clock and the
network.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from testbed.applications.inference.batching import BATCHERS, Request, Token
from testbed.applications.inference.decoding import DecodeTable
from testbed.applications.inference.messages import Connection, Prompts, token_message
from testbed.applications.inference.model import Service
from testbed.errors import KernelError
from testbed.host.loop import Loop


@dataclass(frozen=True, slots=True)
class _Asker:
    """A client's connection: its place among the connections, which keeps equal numbers of prompts apart."""

    number: int
    connection: Connection
    prompts: Prompts


class StepTimes:
    """How long a step takes: by the table, or with a measured exchange in place of its share of the table."""

    def __init__(self, service: Service) -> None:
        self._table, self._share = DecodeTable(service.decode), service.exchange_share
        self._most, self._layers = service.batch, service.exchange_layers
        self._best_ns: dict[int, float] = {}
        self.exchange_ns: int | None = None
        """What the exchange of one layer takes, as measured; None leaves the table's own in place."""

    def step_ns(self, prompts_tokens: list[int]) -> int:
        """One step with these prompts in the batch."""
        whole_ns = self._table.step_ns(prompts_tokens)
        if self.exchange_ns is None:
            return whole_ns
        return round(whole_ns * (1 - self._share)) + self._layers * self.exchange_ns

    def best_token_ns(self, prompt_tokens: int) -> float:
        """The least that a token costs for prompts of this length, by the table."""
        if prompt_tokens not in self._best_ns:
            self._best_ns[prompt_tokens] = self._table.best_token_ns(prompt_tokens, self._most)
        return self._best_ns[prompt_tokens]


class InferenceServer:
    """Listens, answers, and counts what it does; computing is waiting for instants of the loop."""

    def __init__(self, loop: Loop, service: Service, address: str, port: int) -> None:
        self._loop, self._token_bytes, self._ends_at_ns = loop, service.token_bytes, service.ends_at_ns
        self._times = StepTimes(service)
        self._batcher = BATCHERS[service.batching](
            most=service.batch,
            prefill_tokens_per_s=service.prefill_rate,
            step_time=lambda prompts: self._times.step_ns([*prompts]),
        )
        self._least_ns = 0.0
        self._wakes_at_ns: int | None = None
        self._askers: dict[int, _Asker] = {}
        self._accepted = 0
        try:
            self._listener = socket.create_server((address, port), backlog=len(service.clients) or 1)
        except OSError as error:
            raise KernelError(f"cannot listen for prompts at {address}:{port}: {error.strerror}") from error
        self._listener.setblocking(False)
        loop.on_readable(self._listener, self._accept)

    def start(self) -> None:
        """Nothing: a server waits for its clients."""

    def told(self, message: Mapping[str, Any]) -> None:
        """Heed the driver: `exchange` says what an exchange of one layer takes, from the next step on."""
        if message["kind"] == "exchange":
            self._times.exchange_ns = message["exchange_ns"]

    @property
    def outcome(self) -> dict[str, int]:
        """What was done so far, and none after the service's end.

        `busy_ns` is the time in which it computed, and `least_ns` what its decoded tokens take in batches of
        the best size: a node that decodes for one request alone is busy, and makes few of the tokens that it
        could.
        """
        worked = self._batcher.worked_by(min(self._loop.clock.now_ns(), self._ends_at_ns))
        return {
            "requests": worked.requests,
            "answered": worked.answered,
            "tokens": worked.tokens,
            "decoded": worked.decoded,
            "steps": worked.steps,
            "prefill_ns": worked.prefill_ns,
            "busy_ns": worked.busy_ns,
            "least_ns": round(self._least_ns),
        }

    def _accept(self) -> None:
        end, _ = self._listener.accept()
        asker = _Asker(self._accepted, Connection(self._loop, end), Prompts(self._token_bytes))
        self._accepted += 1
        self._askers[asker.number] = asker
        self._loop.on_readable(end, partial(self._hear, asker))

    def _hear(self, asker: _Asker) -> None:
        received = asker.connection.receive()
        if received is None:
            self._loop.forget(asker.connection.end)
            asker.connection.close()
            del self._askers[asker.number]
            return
        self._advance()
        now_ns = self._loop.clock.now_ns()
        for number, prompt_tokens, output_tokens in asker.prompts.take(received):
            self._batcher.arrive(Request((asker.number, number), prompt_tokens, output_tokens), now_ns)
        self._wake()

    def _advance(self) -> None:
        """Send all tokens that are due: those of one step together to each client; none after the end."""
        messages: dict[int, list[bytes]] = {}
        for token in self._batcher.advance(min(self._loop.clock.now_ns(), self._ends_at_ns)):
            if token.index > 0:
                self._least_ns += self._times.best_token_ns(token.request.prompt_tokens)
            asker, number = _key(token)
            messages.setdefault(asker, []).append(token_message(number, token.index, self._token_bytes))
        for number, each in messages.items():
            if number in self._askers:
                self._askers[number].connection.send(b"".join(each))
        self._wake()

    def _wake(self) -> None:
        """Be called when the next token is there; a call that comes too early does no harm."""
        next_ns = self._batcher.next_at_ns
        if next_ns is not None and next_ns != self._wakes_at_ns and next_ns <= self._ends_at_ns:
            self._wakes_at_ns = next_ns
            self._loop.at(next_ns, self._advance)

    def close(self) -> None:
        """Drop all connections; what is not answered by now never is."""
        for asker in self._askers.values():
            asker.connection.close()
        self._listener.close()


def _key(token: Token) -> tuple[int, int]:
    key = token.request.key
    assert isinstance(key, tuple)
    asker, number = key
    return asker, number
