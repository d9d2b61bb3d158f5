"""What a node does with prompts: prefill, and decoding in batches, as instants and nothing else.

    arrive ──► waiting ──► prefill: the first token ──► ready ──► in the batch: a token a step ──► done

No clock and no sockets: who uses it says what the time is, and asks when something happens next. Prefill and
decoding do not hold each other up, as where nodes are kept apart for them (arXiv 2506.12708, section 4.1).
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from testbed.applications.inference.model import Batching

StepTime = Callable[[Sequence[int]], int]
"""How long one step takes, in ns, for the lengths of the prompts in the batch."""


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to be answered with so many tokens; `key` is the asker's own."""

    key: Hashable
    prompt_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Token:
    """A token that has been made: the request's number `index` from 0, of which `is_last` may be true."""

    request: Request
    index: int
    at_ns: int

    @property
    def is_last(self) -> bool:
        """Whether the answer is complete."""
        return self.index == self.request.output_tokens - 1


@dataclass(slots=True)
class Worked:
    """What has been done so far: `decoded` are the tokens that steps have made, without the first ones.

    `busy_ns` is the time in which a prompt was in prefill or a step was under way; both at once count once.
    What is under way is counted to its end: see `Batcher.worked_by`.
    """

    requests: int = 0
    answered: int = 0
    tokens: int = 0
    decoded: int = 0
    steps: int = 0
    prefill_ns: int = 0
    decode_ns: int = 0
    busy_ns: int = 0


class Batcher(ABC):
    """The queue for prefill and the batch; at most one prompt in prefill and one step under way.

    Instants given to it never go back. All follow from one another and not from when it was asked, so that
    asking late delays nothing.
    """

    def __init__(self, *, most: int, prefill_tokens_per_s: int, step_time: StepTime) -> None:
        self._most, self._rate, self._step_time = most, prefill_tokens_per_s, step_time
        self._waiting: deque[Request] = deque()
        self._in_prefill: Request | None = None
        self._prefilled_at_ns = 0
        self._batch: dict[Request, int] = {}
        self._step_ends_at_ns: int | None = None
        self._busy_until_ns = 0
        self.worked = Worked()

    @property
    def next_at_ns(self) -> int | None:
        """When the next token will be there; None without anything to do."""
        ends = [] if self._in_prefill is None else [self._prefilled_at_ns]
        if self._step_ends_at_ns is not None:
            ends.append(self._step_ends_at_ns)
        return min(ends, default=None)

    def worked_by(self, now_ns: int) -> Worked:
        """What has been done by an instant, of what is under way the part until then."""
        left_ns = max(0, self._busy_until_ns - now_ns)
        prefill_ns = 0 if self._in_prefill is None else max(0, self._prefilled_at_ns - now_ns)
        decode_ns = 0 if self._step_ends_at_ns is None else max(0, self._step_ends_at_ns - now_ns)
        return replace(
            self.worked,
            busy_ns=self.worked.busy_ns - left_ns,
            prefill_ns=self.worked.prefill_ns - prefill_ns,
            decode_ns=self.worked.decode_ns - decode_ns,
        )

    def arrive(self, request: Request, now_ns: int) -> None:
        """Take a request in; `advance` must have been called up to now."""
        self.worked.requests += 1
        self._waiting.append(request)
        self._prefill_next(now_ns)

    def advance(self, now_ns: int) -> list[Token]:
        """All tokens made by now, in the order of their instants."""
        tokens: list[Token] = []
        while (at_ns := self.next_at_ns) is not None and at_ns <= now_ns:
            # What is ready at the very end of a step joins the next one, so prefill is looked at first.
            if self._in_prefill is not None and self._prefilled_at_ns == at_ns:
                tokens += self._end_prefill(self._in_prefill, at_ns)
            else:
                tokens += self._end_step(at_ns)
        return tokens

    @abstractmethod
    def _may_prefill(self) -> bool:
        """Whether the next prompt may go into prefill."""

    @abstractmethod
    def _prefilled(self, request: Request, now_ns: int) -> None:
        """A prompt has been through prefill; there may be more to its answer than the first token."""

    @abstractmethod
    def _between_steps(self, now_ns: int) -> None:
        """A step has ended: let in who may join, and begin another one, if there is anything to do."""

    def _prefill_next(self, now_ns: int) -> None:
        if self._in_prefill is not None or not self._waiting or not self._may_prefill():
            return
        self._in_prefill = self._waiting.popleft()
        took_ns = -(-self._in_prefill.prompt_tokens * 10**9 // self._rate)
        self._prefilled_at_ns = now_ns + took_ns
        self.worked.prefill_ns += took_ns
        self._work(now_ns, self._prefilled_at_ns)

    def _end_prefill(self, request: Request, now_ns: int) -> list[Token]:
        self._in_prefill = None
        self._prefilled(request, now_ns)
        self._prefill_next(now_ns)
        return [self._made(request, 0, now_ns)]

    def _begin_step(self, prompts: Sequence[int], now_ns: int) -> None:
        took_ns = self._step_time(prompts)
        self._step_ends_at_ns = now_ns + took_ns
        self.worked.steps += 1
        self.worked.decode_ns += took_ns
        self._work(now_ns, self._step_ends_at_ns)

    def _work(self, from_ns: int, to_ns: int) -> None:
        """Count a time of work; what begins never begins before what began earlier."""
        self.worked.busy_ns += max(0, to_ns - max(from_ns, self._busy_until_ns))
        self._busy_until_ns = max(self._busy_until_ns, to_ns)

    def _end_step(self, now_ns: int) -> list[Token]:
        self._step_ends_at_ns = None
        tokens = []
        for request, index in list(self._batch.items()):
            tokens.append(self._made(request, index, now_ns))
            self._batch[request] = index + 1
            if tokens[-1].is_last:
                del self._batch[request]
        self.worked.decoded += len(tokens)
        self._between_steps(now_ns)
        return tokens

    def _made(self, request: Request, index: int, now_ns: int) -> Token:
        token = Token(request, index, now_ns)
        self.worked.tokens += 1
        self.worked.answered += token.is_last
        return token


class ContinuousBatcher(Batcher):
    """Prompts go through prefill one after another, and each joins the batch at the next step with room.

    Scheduling by iteration, as in Orca (Yu et al., OSDI 2022).
    """

    def __init__(self, *, most: int, prefill_tokens_per_s: int, step_time: StepTime) -> None:
        super().__init__(most=most, prefill_tokens_per_s=prefill_tokens_per_s, step_time=step_time)
        self._joining: deque[Request] = deque()

    def _may_prefill(self) -> bool:
        return True

    def _prefilled(self, request: Request, now_ns: int) -> None:
        if request.output_tokens > 1:
            self._joining.append(request)
        if self._step_ends_at_ns is None:
            self._between_steps(now_ns)

    def _between_steps(self, now_ns: int) -> None:
        while self._joining and len(self._batch) < self._most:
            self._batch[self._joining.popleft()] = 1
        if self._batch:
            self._begin_step([request.prompt_tokens for request in self._batch], now_ns)


class StaticBatcher(Batcher):
    """A batch is those who wait when the one before is done; nobody joins it, and all wait for the longest.

    Scheduling by request. Its prompts go through prefill one after another, then all decode together; a step
    takes what the whole batch takes to its end, because the places of answers that are complete stay filled.
    """

    def __init__(self, *, most: int, prefill_tokens_per_s: int, step_time: StepTime) -> None:
        super().__init__(most=most, prefill_tokens_per_s=prefill_tokens_per_s, step_time=step_time)
        self._to_prefill = 0
        self._padded: list[int] = []

    def _may_prefill(self) -> bool:
        if not self._to_prefill and self._step_ends_at_ns is None:
            self._to_prefill = min(len(self._waiting), self._most)
            self._padded = []
        return self._to_prefill > 0

    def _prefilled(self, request: Request, now_ns: int) -> None:
        self._to_prefill -= 1
        if request.output_tokens > 1:
            self._batch[request] = 1
            self._padded.append(request.prompt_tokens)
        if not self._to_prefill and self._batch:
            self._begin_step(self._padded, now_ns)

    def _between_steps(self, now_ns: int) -> None:
        if self._batch:
            self._begin_step(self._padded, now_ns)
        else:
            self._prefill_next(now_ns)


BATCHERS: dict[Batching, type[Batcher]] = {
    Batching.CONTINUOUS: ContinuousBatcher,
    Batching.STATIC: StaticBatcher,
}
"""Who carries out each kind of batching."""
