"""The JSON of the quality-on-demand API 1.1.0: sessions as they are asked for and answered."""

from enum import StrEnum

from testbed.api.base_models import ApiModel, Identifier, Instant, QosProfileName, RequestModel, Seconds
from testbed.api.credentials import Sink, SinkCredential
from testbed.api.devices import Device
from testbed.api.flow_models import ApplicationServer, PortsSpec


class QosStatus(StrEnum):
    """How far a session or an assignment has come."""

    REQUESTED = "REQUESTED"
    AVAILABLE = "AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"


class StatusReason(StrEnum):
    """Why a session or an assignment is, or soon will be, unavailable."""

    DURATION_EXPIRED = "DURATION_EXPIRED"
    NETWORK_TERMINATED = "NETWORK_TERMINATED"
    DELETE_REQUESTED = "DELETE_REQUESTED"


class CreateSession(RequestModel):
    """A channel is wanted for a flow of a device. `duration` is in seconds."""

    device: Device | None = None
    application_server: ApplicationServer
    device_ports: PortsSpec | None = None
    application_server_ports: PortsSpec | None = None
    qos_profile: QosProfileName
    sink: Sink | None = None
    sink_credential: SinkCredential | None = None
    duration: Seconds


class ExtendSessionDuration(RequestModel):
    """A session is to last so many seconds longer."""

    requested_additional_duration: Seconds


class RetrieveSessionsInput(RequestModel):
    """The sessions of a device are asked for."""

    device: Device | None = None


class SessionResource(ApiModel):
    """A session. `duration` is in seconds from its start, at the end of a session those that it lasted."""

    device: Device | None = None
    application_server: ApplicationServer
    device_ports: PortsSpec | None = None
    application_server_ports: PortsSpec | None = None
    qos_profile: QosProfileName
    sink: Sink | None = None
    session_id: Identifier
    duration: Seconds
    started_at: Instant | None = None
    expires_at: Instant | None = None
    qos_status: QosStatus
    status_info: StatusReason | None = None
