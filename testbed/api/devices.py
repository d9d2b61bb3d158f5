"""Devices as API clients name them: by address, phone number, or network access identifier."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import AfterValidator, Field, Strict, model_validator

from testbed.api.base_models import WHOLE, RequestModel, Text

Port = Annotated[int, Strict(), Field(ge=0, le=65535), WHOLE]

IDENTIFIERS = ("ipv4_address", "ipv6_address", "phone_number", "network_access_identifier")
"""The fields of a device that identify it, in the order in which they are tried."""


def _ipv4(text: str) -> str:
    IPv4Address(text)
    return text


def _ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError("an address with a zone identifies no device")
    IPv6Address(text)
    return text


Ipv4Text = Annotated[Text, AfterValidator(_ipv4), Field(json_schema_extra={"format": "ipv4"})]
Ipv6Text = Annotated[Text, AfterValidator(_ipv6), Field(json_schema_extra={"format": "ipv6"})]
PhoneNumber = Annotated[str, Strict(), Field(pattern=r"^\+[1-9][0-9]{4,14}$")]

_ENOUGH = [{"required": ["publicAddress", "privateAddress"]}, {"required": ["publicAddress", "publicPort"]}]


class DeviceIpv4Address(RequestModel, json_schema_extra={"anyOf": _ENOUGH}):
    """The address that servers see, with the port that they see or the address that the device has."""

    public_address: Ipv4Text
    private_address: Ipv4Text | None = None
    public_port: Port | None = None

    @model_validator(mode="after")
    def _enough(self) -> "DeviceIpv4Address":
        if self.private_address is None and self.public_port is None:
            raise ValueError("privateAddress or publicPort is needed beside publicAddress")
        return self


class Device(RequestModel, json_schema_extra={"minProperties": 1}):
    """A device by one identifier or several, of which the API chooses one.

    `networkAccessIdentifier` is read and identifies nothing, as release r3.2 has it.
    """

    phone_number: PhoneNumber | None = None
    network_access_identifier: Text | None = None
    ipv4_address: DeviceIpv4Address | None = None
    ipv6_address: Ipv6Text | None = None

    @model_validator(mode="after")
    def _identified(self) -> "Device":
        if not any(True for _ in self.identifiers()):
            raise ValueError("at least one identifier is needed")
        return self

    def identifiers(self) -> Iterator[str]:
        """The names of the identifiers that were given, in the order in which they are tried."""
        for name in IDENTIFIERS:
            if getattr(self, name) is not None:
                yield name

    def only(self, identifier: str) -> "Device":
        """The same device by one of its identifiers."""
        return Device.model_validate({identifier: getattr(self, identifier)})
