"""The operations of qos-provisioning 0.3.0."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from testbed.api.assignment_models import AssignmentResource, CreateAssignment, RetrieveAssignmentByDevice
from testbed.api.authorization import GuardedRoute
from testbed.api.booking import Booking, BookingKind
from testbed.api.error_responses import (
    ASSIGNMENT_PROFILE_NOT_APPLICABLE,
    BODY_CODES,
    DEVICE_CODES,
    ORDER_CODES,
    SINK_CODES,
    ApiError,
    not_found,
    permission_denied,
)
from testbed.api.operations import AssignmentPath, Bearer, Parts, new_identifier, operation
from testbed.api.session_models import StatusReason

router = APIRouter(prefix="/qos-provisioning/v0.3", route_class=GuardedRoute, tags=["QoS Assignment"])
_SCOPE = "qos-provisioning:qos-assignments"
_UNKNOWN: dict[int, tuple[str, ...]] = {404: ("NOT_FOUND",)}


@router.post(
    "/qos-assignments",
    **operation(
        "createQosAssignment",
        f"{_SCOPE}:create",
        "Assigns a QoS profile to a device",
        BODY_CODES,
        DEVICE_CODES,
        SINK_CODES,
        ORDER_CODES,
        {409: ("CONFLICT",), 422: (ASSIGNMENT_PROFILE_NOT_APPLICABLE,), 429: ("QUOTA_EXCEEDED",)},
        answers=201,
    ),
)
async def create_assignment(wanted: CreateAssignment, context: Parts, token: Bearer) -> AssignmentResource:
    """Order a channel for all that a device sends and receives, without end."""
    subscriber, identifier = context.subscribers.identified(token, wanted.device)
    profile = context.profile(wanted.qos_profile, subscriber.host, _profile_not_applicable)
    await context.check_sink(wanted.sink)
    booking = Booking(
        id=new_identifier(),
        kind=BookingKind.ASSIGNMENT,
        client=token.owner,
        host=subscriber.host,
        device=identifier,
        profile=profile.name,
        channel=profile.channel,
        sink=wanted.sink,
        credential=wanted.sink_credential,
    )
    context.check_capacity(booking, _profile_not_applicable)
    return context.bookings.book(booking).assignment()


def _profile_not_applicable(message: str) -> ApiError:
    return ApiError(422, ASSIGNMENT_PROFILE_NOT_APPLICABLE, message)


@router.get(
    "/qos-assignments/{assignmentId}",
    **operation("getQosAssignmentById", f"{_SCOPE}:read", "Get a QoS assignment", _UNKNOWN),
)
async def get_assignment(assignment_id: AssignmentPath, context: Parts, token: Bearer) -> AssignmentResource:
    """An assignment that the same client has created; for six minutes after its end too."""
    return context.bookings.find(BookingKind.ASSIGNMENT, assignment_id, token).assignment()


@router.delete(
    "/qos-assignments/{assignmentId}",
    **operation(
        "revokeQosAssignment",
        f"{_SCOPE}:delete",
        "Revokes a QoS assignment",
        _UNKNOWN,
        ORDER_CODES,
        answers=204,
        meanwhile=AssignmentResource,
    ),
    response_class=Response,
)
async def revoke_assignment(assignment_id: AssignmentPath, context: Parts, token: Bearer) -> Response:
    """Release the channel: 204 if the network has done so by now, 202 while it is at it."""
    booking = context.bookings.revoke(context.bookings.find(BookingKind.ASSIGNMENT, assignment_id, token))
    if booking.living:
        return JSONResponse(
            booking.assignment().model_dump(mode="json", by_alias=True, exclude_none=True), status_code=202
        )
    return Response(status_code=204, media_type="application/json")


@router.post(
    "/retrieve-qos-assignment",
    **operation(
        "getQosAssignmentByDevice",
        f"{_SCOPE}:read-by-device",
        "Get the QoS assignment of a device",
        BODY_CODES,
        DEVICE_CODES,
        _UNKNOWN,
    ),
)
async def retrieve_assignment(
    wanted: RetrieveAssignmentByDevice, context: Parts, token: Bearer
) -> AssignmentResource:
    """The assignment of a device, unless it was revoked."""
    subscriber, _identifier = context.subscribers.identified(token, wanted.device)
    found = [
        booking
        for booking in context.bookings.of_device(BookingKind.ASSIGNMENT, subscriber.host)
        if booking.living or booking.reason is not StatusReason.DELETE_REQUESTED
    ]
    if not found:
        raise not_found("QoS assignment for this device")
    own = [booking for booking in found if booking.client == token.owner]
    if not own:
        raise permission_denied("The assignment of this device belongs to another client.")
    return own[-1].assignment()
