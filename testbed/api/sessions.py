"""The JSON of the quality-on-demand API 1.1.0: sessions as they are asked for and answered."""

from enum import StrEnum

from testbed.api.credentials import Sink, SinkCredential
from testbed.api.devices import Device
from testbed.api.flows import ApplicationServer, PortsSpec
from testbed.api.shape import Asked, Identifier, Instant, QosProfileName, Seconds, Shape


class Status(StrEnum):
    """How far a session or an assignment has come."""

    REQUESTED = "REQUESTED"
    AVAILABLE = "AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"


class StatusReason(StrEnum):
    """Why a session or an assignment is, or soon will be, unavailable."""

    DURATION_EXPIRED = "DURATION_EXPIRED"
    NETWORK_TERMINATED = "NETWORK_TERMINATED"
    DELETE_REQUESTED = "DELETE_REQUESTED"


class CreateSession(Asked):
    """A channel is wanted for a flow of a device. `duration` is in seconds."""

    device: Device | None = None
    application_server: ApplicationServer
    device_ports: PortsSpec | None = None
    application_server_ports: PortsSpec | None = None
    qos_profile: QosProfileName
    sink: Sink | None = None
    sink_credential: SinkCredential | None = None
    duration: Seconds


class ExtendSessionDuration(Asked):
    """A session is to last so many seconds longer."""

    requested_additional_duration: Seconds


class RetrieveSessionsInput(Asked):
    """The sessions of a device are asked for."""

    device: Device | None = None


class Session(Shape):
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
    qos_status: Status
    status_info: StatusReason | None = None
