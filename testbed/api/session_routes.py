"""The operations of quality-on-demand 1.1.0."""

from fastapi import APIRouter, Response

from testbed.api.authorization import GuardedRoute
from testbed.api.base_models import LARGEST_INT32
from testbed.api.booking import Booking, BookingKind
from testbed.api.error_responses import (
    BODY_CODES,
    DEVICE_CODES,
    DURATION_OUT_OF_RANGE,
    EXTENSION_NOT_ALLOWED,
    ORDER_CODES,
    SESSION_PROFILE_NOT_APPLICABLE,
    SINK_CODES,
    ApiError,
    bad_request,
    unprocessable,
)
from testbed.api.operations import Bearer, Parts, SessionPath, new_identifier, operation
from testbed.api.session_models import (
    CreateSession,
    ExtendSessionDuration,
    QosStatus,
    RetrieveSessionsInput,
    SessionResource,
)

router = APIRouter(prefix="/quality-on-demand/v1", route_class=GuardedRoute, tags=["QoS Sessions"])
_SCOPE = "quality-on-demand:sessions"
_UNKNOWN: dict[int, tuple[str, ...]] = {404: ("NOT_FOUND",)}


@router.post(
    "/sessions",
    **operation(
        "createSession",
        f"{_SCOPE}:create",
        "Creates a new session",
        BODY_CODES,
        DEVICE_CODES,
        SINK_CODES,
        ORDER_CODES,
        {
            400: (DURATION_OUT_OF_RANGE,),
            409: ("CONFLICT",),
            422: (SESSION_PROFILE_NOT_APPLICABLE,),
            429: ("QUOTA_EXCEEDED",),
        },
        answers=201,
    ),
)
async def create_session(wanted: CreateSession, context: Parts, token: Bearer) -> SessionResource:
    """Order a channel for the packets between a device and a server.

    The network answers at once or later; until then the session is REQUESTED.
    """
    subscriber, identifier = context.subscribers.identified(token, wanted.device)
    profile = context.profile(wanted.qos_profile, subscriber.host, _profile_not_applicable)
    longest_s = profile.longest_s if profile.longest_s is not None else LARGEST_INT32
    if not profile.shortest_s <= wanted.duration <= longest_s:
        raise bad_request(
            f"The duration is {wanted.duration} s; the profile allows {profile.shortest_s} to {longest_s} s.",
            DURATION_OUT_OF_RANGE,
        )
    if wanted.application_server.prefix is None:
        raise unprocessable("SERVICE_NOT_APPLICABLE", "This network carries IPv4 only.")
    await context.check_sink(wanted.sink)
    booking = Booking(
        id=new_identifier(),
        kind=BookingKind.SESSION,
        client=token.owner,
        host=subscriber.host,
        device=identifier,
        application_server=wanted.application_server,
        device_ports=wanted.device_ports,
        application_server_ports=wanted.application_server_ports,
        profile=profile.name,
        channel=profile.channel,
        sink=wanted.sink,
        credential=wanted.sink_credential,
        duration_s=wanted.duration,
    )
    context.check_capacity(booking, _profile_not_applicable)
    return context.bookings.book(booking).session()


def _profile_not_applicable(message: str) -> ApiError:
    return ApiError(422, SESSION_PROFILE_NOT_APPLICABLE, message)


@router.get(
    "/sessions/{sessionId}",
    **operation("getSession", f"{_SCOPE}:read", "Get QoS session information", _UNKNOWN),
)
async def get_session(session_id: SessionPath, context: Parts, token: Bearer) -> SessionResource:
    """A session that the same client has created; for six minutes after its end too."""
    return context.bookings.find(BookingKind.SESSION, session_id, token).session()


@router.delete(
    "/sessions/{sessionId}",
    **operation(
        "deleteSession", f"{_SCOPE}:delete", "Delete a QoS session", _UNKNOWN, ORDER_CODES, answers=204
    ),
    response_class=Response,
)
async def delete_session(session_id: SessionPath, context: Parts, token: Bearer) -> Response:
    """Release the channel, and forget the session."""
    context.bookings.delete(context.bookings.find(BookingKind.SESSION, session_id, token))
    # The features of the specification want the header even where there is no body.
    return Response(status_code=204, media_type="application/json")


@router.post(
    "/sessions/{sessionId}/extend",
    **operation(
        "extendQosSessionDuration",
        f"{_SCOPE}:update",
        "Extend the duration of an active session",
        BODY_CODES,
        _UNKNOWN,
        ORDER_CODES,
        {409: (EXTENSION_NOT_ALLOWED,)},
    ),
)
async def extend_session(
    session_id: SessionPath, wanted: ExtendSessionDuration, context: Parts, token: Bearer
) -> SessionResource:
    """Have a session last longer, at most as long as its profile allows."""
    booking = context.bookings.find(BookingKind.SESSION, session_id, token)
    if booking.status is not QosStatus.AVAILABLE or booking.duration_s is None:
        raise ApiError(
            409,
            EXTENSION_NOT_ALLOWED,
            f"The session is {booking.status}; only one that is AVAILABLE can be extended.",
        )
    profile = next((each for each in context.settings.profiles if each.name == booking.profile), None)
    # A profile that is no more allows no more.
    longest_s = booking.duration_s if profile is None else profile.longest_s or LARGEST_INT32
    duration_s = min(booking.duration_s + wanted.requested_additional_duration, longest_s)
    return context.bookings.extend(booking, max(duration_s, booking.duration_s)).session()


@router.post(
    "/retrieve-sessions",
    **operation(
        "retrieveSessionsByDevice",
        f"{_SCOPE}:retrieve-by-device",
        "Get QoS session information for a device",
        BODY_CODES,
        DEVICE_CODES,
    ),
)
async def retrieve_sessions(
    wanted: RetrieveSessionsInput, context: Parts, token: Bearer
) -> list[SessionResource]:
    """The sessions of a device that the same client has created; perhaps none."""
    subscriber, _identifier = context.subscribers.identified(token, wanted.device)
    found = context.bookings.of_device(BookingKind.SESSION, subscriber.host)
    return [booking.session() for booking in found if booking.client == token.owner]
