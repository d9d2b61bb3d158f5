"""What is sent to a sink: CloudEvents 1.0 that tell of a changed status."""

from datetime import datetime
from typing import Literal

from testbed.api.base_models import ApiModel, Identifier, Instant
from testbed.api.session_models import QosStatus, StatusReason

SESSION_EVENT = "org.camaraproject.quality-on-demand.v1.qos-status-changed"
ASSIGNMENT_EVENT = "org.camaraproject.qos-provisioning.v0.status-changed"
EVENT_MEDIA_TYPE = "application/cloudevents+json"


class SessionChange(ApiModel):
    """What became of a session."""

    session_id: Identifier
    qos_status: QosStatus
    status_info: StatusReason | None = None


class AssignmentChange(ApiModel):
    """What became of an assignment.

    The schema of release r3.2 requires `qosStatus` and describes `status`, so both are sent.
    """

    assignment_id: Identifier
    status: QosStatus
    qos_status: QosStatus
    status_info: StatusReason | None = None


class CloudEvent(ApiModel):
    """An event about one resource, at an instant."""

    id: Identifier
    source: str
    specversion: Literal["1.0"] = "1.0"
    type: Literal[
        "org.camaraproject.quality-on-demand.v1.qos-status-changed",
        "org.camaraproject.qos-provisioning.v0.status-changed",
    ]
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    data: SessionChange | AssignmentChange


def session_event(
    identifier: str, session: str, status: QosStatus, reason: StatusReason | None, at: datetime
) -> CloudEvent:
    """A session's status has changed."""
    return CloudEvent(
        id=identifier,
        source=f"/quality-on-demand/v1/sessions/{session}",
        type=SESSION_EVENT,
        time=at,
        data=SessionChange(session_id=session, qos_status=status, status_info=reason),
    )


def assignment_event(
    identifier: str, assignment: str, status: QosStatus, reason: StatusReason | None, at: datetime
) -> CloudEvent:
    """An assignment's status has changed."""
    change = AssignmentChange(assignment_id=assignment, status=status, qos_status=status, status_info=reason)
    return CloudEvent(
        id=identifier,
        source=f"/qos-provisioning/v0.3/qos-assignments/{assignment}",
        type=ASSIGNMENT_EVENT,
        time=at,
        data=change,
    )
