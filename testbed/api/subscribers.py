"""Who is who on an emulated network: every host of a home is a subscriber of the operator's.

Its phone number follows from its address, so that it needs no table: +999, which the ITU has assigned to
nobody (E.164, list of assigned country codes), then the home and the device in it with three digits each.
Device 2 of home 17, at 10.1.17.2, has +999017002.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address

from testbed.api.settings import Subscriber


def phone_number(ipv4: str) -> str:
    """The phone number of the host at an address 10.1.HOME.DEVICE."""
    *_, home, device = IPv4Address(ipv4).packed
    return f"+999{home:03}{device:03}"


def subscribers(addresses: Mapping[str, str]) -> tuple[Subscriber, ...]:
    """The subscribers, from the IPv4 address of each host. Nothing translates them: they are public too."""
    return tuple(
        Subscriber(host=host, ipv4=ipv4, phone_number=phone_number(ipv4)) for host, ipv4 in addresses.items()
    )
