"""Which emulated host a request concerns: from its token, or from the device that it names.

Every host of a home is a subscriber of the operator. Its phone number is derived from its address, so no
table is needed: +999, which the ITU has not assigned (E.164, list of assigned country codes), then the home
and the device in it with three digits each. Device 2 of home 17, at 10.1.17.2, has +999017002.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from testbed.api.devices import Device
from testbed.api.error_responses import ApiError, unprocessable
from testbed.api.server_settings import Subscriber, Token


def phone_number(ipv4: str) -> str:
    """The phone number of the host at an address 10.1.HOME.DEVICE."""
    *_, home, device = IPv4Address(ipv4).packed
    return f"+999{home:03}{device:03}"


def subscribers(addresses: Mapping[str, str]) -> tuple[Subscriber, ...]:
    """The subscribers, from the IPv4 address of each host. Nothing translates them: they are public too."""
    return tuple(
        Subscriber(host=host, ipv4=ipv4, phone_number=phone_number(ipv4)) for host, ipv4 in addresses.items()
    )


class Subscribers:
    """Everyone in the emulated homes, to be found by what identifies a device.

    An identifier is supported if any subscriber has one of its kind.
    """

    def __init__(self, subscribers: tuple[Subscriber, ...]) -> None:
        self._all = subscribers
        self._supported = frozenset(
            kind
            for kind, known in (
                ("ipv4_address", bool(subscribers)),
                ("ipv6_address", any(each.ipv6 for each in subscribers)),
                ("phone_number", any(each.phone_number for each in subscribers)),
            )
            if known
        )

    def host(self, name: str) -> Subscriber | None:
        """The subscriber of that host name."""
        return next((each for each in self._all if each.host == name), None)

    def identified(self, token: Token, device: Device | None) -> tuple[Subscriber, Device | None]:
        """Whom a request is about, and the identifier by which it said so, if it did.

        Raises:
            ApiError: Nobody, somebody unknown, or somebody whom the service is not for.
        """
        found = self.optional(token, device)
        if found is None:
            raise unprocessable(
                "MISSING_IDENTIFIER", "The access token identifies no device; the request must."
            )
        return found

    def optional(self, token: Token, device: Device | None) -> tuple[Subscriber, Device | None] | None:
        """As `identified`; None if neither token nor request identifies a device."""
        if token.host is None:
            if device is None:
                return None
            subscriber, identifier = self._named(device)
            found: tuple[Subscriber, Device | None] = (subscriber, device.only(identifier))
        elif device is not None:
            raise unprocessable(
                "UNNECESSARY_IDENTIFIER", "The access token identifies the device; the request must not."
            )
        else:
            by_token = self.host(token.host)
            if by_token is None:
                raise _unknown("the device of the access token")
            found = (by_token, None)
        if not found[0].served:
            raise unprocessable("SERVICE_NOT_APPLICABLE", "The service is not available for this device.")
        return found

    def _named(self, device: Device) -> tuple[Subscriber, str]:
        usable = [identifier for identifier in device.identifiers() if identifier in self._supported]
        if not usable:
            raise unprocessable(
                "UNSUPPORTED_IDENTIFIER", "None of the device's identifiers is supported here."
            )
        for identifier in usable:
            for subscriber in self._all:
                if _is_device(subscriber, identifier, device):
                    return subscriber, identifier
        raise _unknown("the device")


def _is_device(subscriber: Subscriber, identifier: str, device: Device) -> bool:
    if identifier == "phone_number":
        return subscriber.phone_number == device.phone_number
    if identifier == "ipv6_address":
        # Any address of the device's subnet identifies it; emulated subnets are as large as a home's: /64.
        given, known = IPv6Address(device.ipv6_address or "::"), subscriber.ipv6
        return known is not None and int(given) >> 64 == int(IPv6Address(known)) >> 64
    address = device.ipv4_address
    if address is None:
        return False
    public = subscriber.public_ipv4 or subscriber.ipv4
    if IPv4Address(address.public_address) != IPv4Address(public):
        return False
    if address.private_address is not None and IPv4Address(address.private_address) != IPv4Address(
        subscriber.ipv4
    ):
        return False
    ports_match = subscriber.public_port in (None, address.public_port)
    return ports_match or address.public_port is None


def _unknown(what: str) -> ApiError:
    return ApiError(404, "IDENTIFIER_NOT_FOUND", f"There is no subscriber for {what}.")
