"""What the channels of a running network really are, as its kernel has them: an operation of our own.

`GET /testbed/v1/channels` answers with a dump of the kernel's classes, not with what was asked of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, Field, TypeAdapter

from testbed.api.authorization import GuardedRoute, scoped
from testbed.api.error_responses import ORDER_CODES, UNAVAILABLE, ApiError, documented
from testbed.api.server_settings import READ_SCOPE
from testbed.errors import NotReadyError
from testbed.model.base import Direction

CLASSES = "classes"
"""The kind of the question and of its answer on the line."""
_ANSWER_S = 10.0
"""A network that is busy answers within milliseconds; whoever asks one that hangs is not to hang, too."""


class LiveClass(BaseModel):
    """One direction of a channel in the kernel.

    `session` is its id in the API, or the name of a session of the scenario, and `name` how the run's
    records call it. `class` is the minor number of the class, or of the T-CONT, in hexadecimal. `rate_bps`
    is what the kernel says that the class is shaped to; null for a T-CONT, which has no rate in the kernel:
    the OLT grants it up to `granted_bps`. The counters are since the class was made.
    """

    session: str
    name: str
    direction: Direction
    minor: Annotated[str, Field(alias="class", pattern="^[0-9a-f]+$")]
    rate_bps: int | None
    granted_bps: int
    sent_bytes: int
    backlog_bytes: int
    dropped_packets: int


_CLASSES = TypeAdapter(list[LiveClass])


@dataclass(frozen=True, slots=True)
class Dump:
    """All classes of channels at an instant of the run."""

    at_ns: int
    classes: list[LiveClass]


class MessageChannel(Protocol):
    """A line on which a question is asked and answers are heard."""

    def send(self, message: dict[str, Any]) -> None: ...
    def on_message(self, kind: str, listener: Callable[[dict[str, Any]], None]) -> None: ...


class SilentError(ApiError):
    """The network is there, and has not answered."""

    def __init__(self) -> None:
        super().__init__(503, UNAVAILABLE, f"The network has not answered for {_ANSWER_S:g} s.")


class LiveClasses:
    """Asks a running network for its classes; answers come in the order of the questions."""

    def __init__(self, line: MessageChannel) -> None:
        self._line = line
        self._asked: deque[asyncio.Future[Dump]] = deque()
        self._gone = False
        line.on_message(CLASSES, self._answered)

    async def now(self) -> Dump:
        """The classes at present.

        Raises:
            ApiError: The network is gone, or does not answer.
        """
        if self._gone:
            raise _unavailable()
        answer: asyncio.Future[Dump] = asyncio.get_running_loop().create_future()
        try:
            self._line.send({"kind": CLASSES})
        except NotReadyError as error:
            raise _unavailable() from error
        self._asked.append(answer)
        try:
            return await asyncio.wait_for(answer, _ANSWER_S)
        except TimeoutError as error:
            raise SilentError from error

    def gone(self) -> None:
        """No answer will come any more: refuse whoever waits for one."""
        self._gone = True
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(_unavailable())
        self._asked.clear()

    def _answered(self, message: dict[str, Any]) -> None:
        if self._gone:
            return  # An answer that crossed the news: whoever asked has been refused already.
        asked = self._asked.popleft()
        # Whoever asked may have gone away; the answer is still theirs and nobody else's.
        if not asked.done():
            asked.set_result(Dump(message["at_ns"], _CLASSES.validate_python(message[CLASSES])))


def _unavailable() -> ApiError:
    return ApiError(503, UNAVAILABLE, "The network is gone.")


def live_router(classes: LiveClasses) -> APIRouter:
    """The operation, for bearers of a token with the scope `testbed:read`."""
    router = APIRouter(prefix="/testbed/v1", route_class=GuardedRoute, tags=["Testbed"])

    @router.get("/channels", openapi_extra=scoped(READ_SCOPE), responses=documented(ORDER_CODES))
    async def channels() -> list[LiveClass]:
        """The channels that are open, one entry for each direction, as the kernel has them now."""
        return (await classes.now()).classes

    return router
