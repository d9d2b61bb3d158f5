"""The JSON of the qos-provisioning API 0.3.0: QoS profiles assigned to devices without end."""

from testbed.api.base_models import ApiModel, Identifier, Instant, QosProfileName, RequestModel
from testbed.api.credentials import Sink, SinkCredential
from testbed.api.devices import Device
from testbed.api.session_models import QosStatus, StatusReason


class CreateAssignment(RequestModel):
    """A QoS profile is wanted for all that a device sends and receives."""

    device: Device | None = None
    qos_profile: QosProfileName
    sink: Sink | None = None
    sink_credential: SinkCredential | None = None


class RetrieveAssignmentByDevice(RequestModel):
    """The assignment of a device is asked for."""

    device: Device | None = None


class AssignmentResource(ApiModel):
    """An assignment. `statusInfo` beside AVAILABLE says that it is being revoked."""

    device: Device | None = None
    qos_profile: QosProfileName
    sink: Sink | None = None
    assignment_id: Identifier
    started_at: Instant | None = None
    status: QosStatus
    status_info: StatusReason | None = None
