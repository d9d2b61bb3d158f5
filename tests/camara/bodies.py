"""Request bodies by the name of their schema: one that complies, and one that does not."""

import copy
from typing import Any

ADDITIONAL_DURATION_S = 600
SINK_TOKEN = "token-that-the-sink-accepts"

CREDENTIALS: dict[str, dict[str, str]] = {
    "ACCESSTOKEN": {
        "accessToken": SINK_TOKEN,
        "accessTokenExpiresUtc": "2099-01-01T00:00:00Z",
        "accessTokenType": "bearer",
    },
    "PLAIN": {"identifier": "somebody", "secret": "something"},
    "REFRESHTOKEN": {
        "accessToken": SINK_TOKEN,
        "accessTokenExpiresUtc": "2099-01-01T00:00:00Z",
        "accessTokenType": "bearer",
        "refreshToken": "token-that-renews",
        "refreshTokenEndpoint": "https://renewal.example.org/token",
    },
}
"""What each type of credential asks for by its schema, besides the type."""


def credential(kind: str) -> dict[str, str]:
    """A credential for a sink of a type, complete by its schema."""
    return {"credentialType": kind, **CREDENTIALS[kind]}


def valid(schema: str, *, device: dict[str, Any], profile: str, sink: str) -> dict[str, Any]:
    """A body that complies with the schema of a name, with every property that its operation heeds."""
    bodies: dict[str, dict[str, Any]] = {
        "CreateSession": {
            "device": device,
            "applicationServer": {"ipv4Address": "10.2.0.1"},
            "devicePorts": {"ranges": [{"from": 5010, "to": 5020}]},
            "applicationServerPorts": {"ranges": [{"from": 6010, "to": 6020}], "ports": [6070]},
            "qosProfile": profile,
            "sink": sink,
            "sinkCredential": credential("ACCESSTOKEN"),
            "duration": 3600,
        },
        "ExtendSessionDuration": {"requestedAdditionalDuration": ADDITIONAL_DURATION_S},
        "RetrieveSessionsInput": {"device": device},
        "CreateAssignment": {
            "device": device,
            "qosProfile": profile,
            "sink": sink,
            "sinkCredential": credential("ACCESSTOKEN"),
        },
        "RetrieveAssignmentByDevice": {"device": device},
        "QosProfileDeviceRequest": {"device": device},
    }
    return copy.deepcopy(bodies[schema])


FAULTS: dict[str, tuple[str, Any]] = {
    "CreateSession": ("duration", "an hour"),
    "ExtendSessionDuration": ("requestedAdditionalDuration", 0),
    "RetrieveSessionsInput": ("device", "a telephone"),
    "CreateAssignment": ("qosProfile", 5),
    "RetrieveAssignmentByDevice": ("device", []),
    "QosProfileDeviceRequest": ("status", "FORGOTTEN"),
}
"""A property of each schema with a value that it does not allow."""

INVALID: dict[str, Any] = {
    "PhoneNumber": "0049123",
    "DeviceIpv4Addr": {"publicAddress": "10.1.1.1"},
    "DeviceIpv6Address": "2001:db8::g",
    "NetworkAccessIdentifier": 123456789,
}
"""A value for each schema of an identifier that does not comply with it."""


def stripped(body: dict[str, Any]) -> dict[str, Any]:
    """A body with what its schema requires and the device, without the options."""
    required = ("device", "applicationServer", "qosProfile", "duration")
    return {name: value for name, value in body.items() if name in required}
