"""Where events may go: a sink's address against the rules, and what its host resolves to.

A client could otherwise have the server call whatever the server can reach (SSRF).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from testbed.api.error_responses import INVALID_SINK, ApiError, bad_request
from testbed.api.server_settings import SinkRules
from testbed.errors import ScenarioError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Finds the addresses of a host's name; raises OSError if there are none."""

_RESOLVE_TIMEOUT_S = 5.0
_NAT64 = IPv6Network("64:ff9b::/96")
"""Addresses that a translator makes into IPv4 (RFC 6052)."""


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine finds for a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_kind, address in found]


@dataclass(frozen=True, slots=True)
class Destination:
    """A sink that may be called, and the addresses at which alone it may be."""

    url: httpx.URL
    addresses: tuple[Address, ...]

    def pinned(self, attempt: int) -> httpx.URL:
        """Its URL with an address in place of the name: one after the other, attempt by attempt."""
        return self.url.copy_with(host=str(self.addresses[attempt % len(self.addresses)]))

    @property
    def host_header(self) -> str:
        """What the sink is to see as the host that was called."""
        return self.url.netloc.decode("ascii")

    @property
    def server_name(self) -> str | None:
        """The name that the sink's certificate must have; None if it is called by an address."""
        return None if _literal(self.url.host) is not None else self.url.raw_host.decode("ascii")


class SinkPolicy:
    """Lets events out to sinks that the rules allow."""

    def __init__(self, rules: SinkRules, resolve: Resolve = resolve_by_system) -> None:
        self._rules, self._resolve = rules, resolve

    async def destination(self, sink: str) -> Destination:
        """A sink with its addresses as they are now, each of them checked.

        Raises:
            ApiError: It may not be called, or its name is not known (INVALID_SINK).
        """
        url = self._url(sink)
        literal = _literal(url.host)
        if literal is not None:
            if not self._is_in_network(literal):
                raise _refused(f"the address {url.host} is in no allowed network")
            return Destination(url, (literal,))
        name = url.raw_host.decode("ascii").lower().rstrip(".")
        if name not in self._rules.names:
            allowed = "" if self._rules.allowed_hosts else "; no sinks are allowed on this server"
            raise _refused(f"the host {name} is not allowed{allowed}")
        addresses = await self._addresses(name, url.port or 443)
        for address in addresses:
            if not (_is_public(address) or self._is_in_network(address)):
                raise _refused(f"the host {name} has an address that is not public")
        return Destination(url, addresses)

    def _url(self, sink: str) -> httpx.URL:
        try:
            url = httpx.URL(sink)
        except httpx.InvalidURL as error:
            raise _refused(f"it is no URL ({error})") from error
        schemes = ("https", "http") if self._rules.allow_http else ("https",)
        if url.scheme not in schemes:
            raise _refused(f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if not url.host or url.userinfo or url.fragment:
            raise _refused("it must have a host, and neither a user nor a fragment")
        if url.port is not None and not 0 < url.port < 65536:
            raise _refused(f"there is no port {url.port}")
        return url

    async def _addresses(self, name: str, port: int) -> tuple[Address, ...]:
        try:
            async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
                found = await self._resolve(name, port)
        except (OSError, TimeoutError, UnicodeError) as error:
            raise _refused(f"the host {name} is not known") from error
        # A zone says which interface of this machine; it is no part of where a sink is.
        return tuple(dict.fromkeys(ip_address(each.partition("%")[0]) for each in found))

    def _is_in_network(self, address: Address) -> bool:
        plain = _plain(address)
        return any(plain in network for network in self._rules.networks if network.version == plain.version)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """An address; of an IPv4 address in the dress of IPv6, the IPv4 address (RFC 4291, section 2.5.5.2)."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped if mapped is not None else address


def _is_public(address: Address) -> bool:
    """Whether it is of the public internet, in whatever dress."""
    address = _plain(address)
    if isinstance(address, IPv6Address):
        inner = [address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
        if any(each is not None and not _is_public(each) for each in inner):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _refused(reason: str) -> ApiError:
    return bad_request(f"The sink cannot be used: {reason}.", INVALID_SINK)


def sink_ssl_context(rules: SinkRules) -> ssl.SSLContext | None:
    """The TLS context that trusts the certificates of the rules' file; None selects the usual ones.

    Raises:
        ScenarioError: The file cannot be read, or holds no certificates.
    """
    if rules.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=rules.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ScenarioError(f"cannot trust the certificates in {rules.ca_file}: {error}") from error
