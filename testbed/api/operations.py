"""What the operations of the three APIs share: their application's parts, and how they are documented."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Header, Path, Request

from testbed.api.authorization import scoped, token_of
from testbed.api.base_models import ApiModel, Identifier
from testbed.api.booking import Booking
from testbed.api.bookings import Bookings
from testbed.api.error_responses import bad_request, documented, unprocessable
from testbed.api.guard import CORRELATOR_PATTERN
from testbed.api.profiles import Profile, ProfileStatus
from testbed.api.server_settings import ApiSettings, Token
from testbed.api.sinks import SinkPolicy
from testbed.api.subscribers import Subscribers


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The parts of the application that operations work with."""

    settings: ApiSettings
    subscribers: Subscribers
    bookings: Bookings
    sink_policy: SinkPolicy

    def profile(self, name: str, host: str, not_applicable: Callable[[str], Exception]) -> Profile:
        """A profile that a device may have now.

        Raises:
            ApiError: There is none of that name, or not for this device, or not any more.
        """
        profile = next((each for each in self.settings.profiles if each.name == name), None)
        if profile is None:
            raise bad_request(f"There is no QoS profile {name}.")
        if not profile.is_open_to(host):
            raise unprocessable("SERVICE_NOT_APPLICABLE", f"The QoS profile {name} is not for this device.")
        if profile.shown.status is not ProfileStatus.ACTIVE:
            raise not_applicable(f"The QoS profile {name} is {profile.shown.status}.")
        return profile

    def check_capacity(self, wanted: Booking, not_applicable: Callable[[str], Exception]) -> None:
        """See that the network can carry a booking, if nothing else is in the way.

        Raises:
            ApiError: It never can.
        """
        why = self.settings.never_carried(wanted.order(self.settings.clock()))
        if why is None:
            return
        if why.by_profile:
            raise not_applicable(f"The QoS profile {wanted.profile} cannot be had here: {why.reason}.")
        raise unprocessable("SERVICE_NOT_APPLICABLE", f"The network cannot carry this: {why.reason}.")

    async def check_sink(self, sink: str | None) -> None:
        """See that events may be sent there, if anywhere.

        Raises:
            ApiError: They may not.
        """
        if sink is not None:
            await self.sink_policy.destination(sink)


def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


def _correlator(
    x_correlator: Annotated[
        str | None, Header(description="Comes back in the answer.", pattern=CORRELATOR_PATTERN)
    ] = None,
) -> None:
    """Documents and checks the header; the guard puts it into the answer."""


Parts = Annotated[ApiContext, Depends(_context)]
Bearer = Annotated[Token, Depends(token_of)]
SessionPath = Annotated[Identifier, Path(alias="sessionId")]
AssignmentPath = Annotated[Identifier, Path(alias="assignmentId")]
_CORRELATED = [Depends(_correlator)]
_ECHO = {"headers": {"x-correlator": {"description": "That of the request.", "schema": {"type": "string"}}}}


def operation(
    identifier: str,
    scope: str,
    summary: str,
    *codes: dict[int, tuple[str, ...]],
    answers: int = 200,
    meanwhile: type[ApiModel] | None = None,
) -> dict[str, Any]:
    """The keywords of a route: name and summary, the scope that it demands, and all that it can answer.

    With `meanwhile` it answers 202 with that as long as the network has not done what was asked.
    """
    responses: dict[int | str, dict[str, Any]] = {answers: {}, **documented(*codes)}
    if meanwhile is not None:
        responses[202] = {"description": "Accepted", "model": meanwhile}
    return {
        "operation_id": identifier,
        "summary": summary,
        "status_code": answers,
        "openapi_extra": scoped(scope),
        "dependencies": _CORRELATED,
        "responses": {status: {**described, **_ECHO} for status, described in responses.items()},
        "response_model_exclude_none": True,
    }


def new_identifier() -> str:
    """A random UUID."""
    return str(uuid4())
