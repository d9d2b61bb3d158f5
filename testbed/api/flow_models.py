"""Flows of packets as API clients name them: a server's addresses, and ports at both ends."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from testbed.api.base_models import RequestModel
from testbed.api.devices import Port
from testbed.plan.network_plan import MOST_RANGES, Ports

RANGE_ERROR = "port_range"
"""The type of pydantic's error for a range of ports that ends before it begins."""
_EVERY_PORT: Ports = ((0, 65535),)


_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4_PREFIX = rf"^({_BYTE}\.){{3}}{_BYTE}(/(3[0-2]|[12]?[0-9]))?$"
# What colons and digits make an address is checked by the library; no pattern of a readable length can.
_IPV6_PREFIX = r"^[0-9a-fA-F:.]{2,45}(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$"


def _ipv6_network(text: str) -> str:
    IPv6Network(text, strict=False)
    return text


Ipv4Prefix = Annotated[str, Strict(), Field(pattern=_IPV4_PREFIX)]
Ipv6Prefix = Annotated[str, Strict(), Field(pattern=_IPV6_PREFIX), AfterValidator(_ipv6_network)]


class ApplicationServer(RequestModel, json_schema_extra={"minProperties": 1}):
    """A server, or the servers of an address prefix."""

    ipv4_address: Ipv4Prefix | None = None
    ipv6_address: Ipv6Prefix | None = None

    @model_validator(mode="after")
    def _addressed(self) -> "ApplicationServer":
        if self.ipv4_address is None and self.ipv6_address is None:
            raise ValueError("ipv4Address or ipv6Address is needed")
        return self

    @property
    def prefix(self) -> str | None:
        """The IPv4 prefix that it stands for, without the bits of any one host; None for IPv6 alone."""
        if self.ipv4_address is None:
            return None
        return str(ip_network(self.ipv4_address, strict=False))


class PortRange(RequestModel):
    """Ports from the first to the last, both included."""

    first: Annotated[Port, Field(alias="from")]
    last: Annotated[Port, Field(alias="to")]

    @model_validator(mode="after")
    def _ordered(self) -> "PortRange":
        if self.last < self.first:
            raise PydanticCustomError(RANGE_ERROR, "a range of ports cannot end before it begins")
        return self


class PortsSpec(RequestModel, json_schema_extra={"minProperties": 1}):
    """Some ports, one by one, in ranges, or both."""

    ranges: Annotated[tuple[PortRange, ...], Field(min_length=1)] | None = None
    ports: Annotated[tuple[Port, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _some(self) -> "PortsSpec":
        if self.ranges is None and self.ports is None:
            raise ValueError("ranges or ports are needed")
        apart = len(self.intervals())
        if apart > MOST_RANGES:
            raise ValueError(f"these ports are {apart} separate ranges; the network takes {MOST_RANGES}")
        return self

    def intervals(self) -> Ports:
        """The ports as the fewest intervals, in order."""
        pairs = [(each.first, each.last) for each in self.ranges or ()]
        return merged((*pairs, *((port, port) for port in self.ports or ())))


def merged(pairs: Ports) -> Ports:
    """The same ports as the fewest intervals, in order."""
    whole: list[tuple[int, int]] = []
    for first, last in sorted(pairs):
        if whole and first <= whole[-1][1] + 1:
            whole[-1] = (whole[-1][0], max(last, whole[-1][1]))
        else:
            whole.append((first, last))
    return tuple(whole)


def ports_meet(one: Ports, other: Ports) -> bool:
    """Whether two sets of ports have one in common; none at all stands for every port.

    Both are in order. Of two ranges that are apart, the lower one meets nothing that comes later either.
    """
    ours, theirs = iter(one or _EVERY_PORT), iter(other or _EVERY_PORT)
    try:
        (first, last), (other_first, other_last) = next(ours), next(theirs)
        while True:
            if last < other_first:
                first, last = next(ours)
            elif other_last < first:
                other_first, other_last = next(theirs)
            else:
                return True
    except StopIteration:
        return False


def prefixes_meet(one: str, other: str) -> bool:
    """Whether two IPv4 prefixes have an address in common."""
    return IPv4Network(one).overlaps(IPv4Network(other))
