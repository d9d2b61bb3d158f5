"""A booking: a session or an assignment with all that must be known of it, and how it goes on in life.

    REQUESTED --ACTIVE--> AVAILABLE --EXPIRED-----------------> UNAVAILABLE (DURATION_EXPIRED)
        |                     |------PREEMPTED or RELEASED----> UNAVAILABLE (NETWORK_TERMINATED)
        |                     '------RELEASED, as was asked---> UNAVAILABLE (DELETE_REQUESTED)
        '--REFUSED--> UNAVAILABLE (NETWORK_TERMINATED)

The words on the arrows are stages of a channel, of which the network sends news.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from testbed.api.assignment_models import AssignmentResource
from testbed.api.cloud_events import CloudEvent, assignment_event, session_event
from testbed.api.credentials import SinkCredential
from testbed.api.devices import Device
from testbed.api.flow_models import ApplicationServer, PortsSpec, ports_meet, prefixes_meet
from testbed.api.session_models import QosStatus, SessionResource, StatusReason
from testbed.host.orders import ChannelOrder, Stage
from testbed.model.channel import ChannelRequest
from testbed.plan.network_plan import Ports

EVERYWHERE = "0.0.0.0/0"
"""The servers of an assignment: all."""


class BookingKind(StrEnum):
    """What a booking is to its client."""

    SESSION = "session"
    ASSIGNMENT = "assignment"


class Booking(BaseModel):
    """A session or an assignment.

    `reason` beside AVAILABLE says that an assignment is being revoked. `opened_at` is when the network
    that there is now opened the channel: later than `started_at`, if the server was restarted since.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: BookingKind
    client: str
    host: str
    device: Device | None = None
    application_server: ApplicationServer | None = None
    device_ports: PortsSpec | None = None
    application_server_ports: PortsSpec | None = None
    profile: str
    channel: ChannelRequest
    sink: str | None = None
    credential: SinkCredential | None = None
    duration_s: int | None = None
    status: QosStatus = QosStatus.REQUESTED
    reason: StatusReason | None = None
    started_at: datetime | None = None
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def living(self) -> bool:
        """Whether it has a channel, or may still get one."""
        return self.status is not QosStatus.UNAVAILABLE

    @property
    def prefix(self) -> str:
        """The servers of its flow, as an IPv4 prefix."""
        return (self.application_server and self.application_server.prefix) or EVERYWHERE

    @property
    def ports(self) -> tuple[Ports, Ports]:
        """The ports of its flow at the device and at the server; none at all stands for every port."""
        at_device, at_server = self.device_ports, self.application_server_ports
        return (
            at_device.intervals() if at_device is not None else (),
            at_server.intervals() if at_server is not None else (),
        )

    def meets(self, other: "Booking") -> bool:
        """Whether a packet could belong to both."""
        return (
            self.host == other.host
            and prefixes_meet(self.prefix, other.prefix)
            and all(ports_meet(mine, theirs) for mine, theirs in zip(self.ports, other.ports, strict=True))
        )

    def blocks(self, client: str) -> bool:
        """Whether it stands in the way of another booking of the same by a client.

        One that the network has ended must first be released by its client, or be forgotten.
        """
        return self.living or (self.reason is StatusReason.NETWORK_TERMINATED and self.client == client)

    def with_(self, **changes: Any) -> "Booking":
        """A copy with changes."""
        return self.model_copy(update=changes)

    def after(self, stage: Stage, now: datetime) -> "Booking":
        """The same after news of its channel."""
        if not self.living or stage is Stage.ADMITTED:
            return self
        if stage is Stage.ACTIVE:
            return self._opened(now)
        if self.reason is StatusReason.DELETE_REQUESTED:
            return self.ended(StatusReason.DELETE_REQUESTED, now)
        if stage is Stage.EXPIRED and self.kind is BookingKind.SESSION:
            return self.ended(StatusReason.DURATION_EXPIRED, now)
        return self.ended(StatusReason.NETWORK_TERMINATED, now)

    def _opened(self, now: datetime) -> "Booking":
        if self.started_at is not None:
            return self.with_(opened_at=now)
        lasts = self.duration_s
        expires_at = None if lasts is None else now + timedelta(seconds=lasts)
        return self.with_(status=QosStatus.AVAILABLE, started_at=now, opened_at=now, expires_at=expires_at)

    def ended(self, reason: StatusReason, now: datetime) -> "Booking":
        """The same, over. A session's duration is then what it lasted, at least 1 s, as schemas demand."""
        changes: dict[str, Any] = {"status": QosStatus.UNAVAILABLE, "reason": reason, "ended_at": now}
        if self.kind is BookingKind.SESSION:
            changes["expires_at"] = now
            if self.started_at is not None:
                changes["duration_s"] = max(1, round((now - self.started_at).total_seconds()))
        return self.with_(**changes)

    def order(self, now: datetime) -> ChannelOrder:
        """The order of its channel, with what is left of its lifetime."""
        at_device, at_server = self.ports
        return ChannelOrder(
            session=self.id,
            device=self.host,
            server=self.prefix,
            device_ports=at_device,
            server_ports=at_server,
            profile=self.profile,
            channel=self.channel,
            lifetime_ns=self.lifetime_ns(now),
        )

    def lifetime_ns(self, since: datetime) -> int | None:
        """How long its channel is to live, counted from an instant; None is without end."""
        if self.expires_at is not None:
            return max(1, round((self.expires_at - since) / timedelta(microseconds=1)) * 1000)
        return None if self.duration_s is None else self.duration_s * 10**9

    def session(self) -> SessionResource:
        """A session as it is answered."""
        if self.application_server is None or self.duration_s is None:
            raise ValueError(f"booking {self.id} is no session")
        return SessionResource(
            device=self.device,
            application_server=self.application_server,
            device_ports=self.device_ports,
            application_server_ports=self.application_server_ports,
            qos_profile=self.profile,
            sink=self.sink,
            session_id=self.id,
            duration=self.duration_s,
            started_at=self.started_at,
            expires_at=self.expires_at,
            qos_status=self.status,
            status_info=self.reason,
        )

    def assignment(self) -> AssignmentResource:
        """An assignment as it is answered."""
        return AssignmentResource(
            device=self.device,
            qos_profile=self.profile,
            sink=self.sink,
            assignment_id=self.id,
            started_at=self.started_at,
            status=self.status,
            status_info=self.reason,
        )

    def event(self, identifier: str, at: datetime) -> CloudEvent:
        """The event that tells of its status as it is now."""
        make = session_event if self.kind is BookingKind.SESSION else assignment_event
        return make(identifier, self.id, self.status, self.reason, at)
