"""What the API is told before it starts: who may call, who is who, where events may go, and its limits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from testbed.api.profiles import Profile
from testbed.errors import ScenarioError
from testbed.host.orders import ChannelOrder, Impossible

READ_SCOPE = "testbed:read"
SCOPES = (
    "quality-on-demand:sessions:create",
    "quality-on-demand:sessions:read",
    "quality-on-demand:sessions:update",
    "quality-on-demand:sessions:delete",
    "quality-on-demand:sessions:retrieve-by-device",
    "qos-profiles:read",
    "qos-provisioning:qos-assignments:create",
    "qos-provisioning:qos-assignments:read",
    "qos-provisioning:qos-assignments:read-by-device",
    "qos-provisioning:qos-assignments:delete",
    READ_SCOPE,
)
"""Every scope that a token can have: those of the three specifications, and ours for looking inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A host of an emulated home, and the identifiers by which an API client knows it.

    Without network address translation `public_ipv4` is the host's own address, and any port is its own;
    with it, `public_port` may say which port of the public address is the host's. A subscriber that is
    not `served` is known, and the service is not for it.
    """

    host: str
    ipv4: str
    public_ipv4: str | None = None
    public_port: int | None = None
    ipv6: str | None = None
    phone_number: str | None = None
    served: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token, of which only the SHA-256 is kept, in hexadecimal.

    With `host` it is three-legged: it speaks for that device and no other. What a `client` has made,
    only tokens of the same client see; the client's name is the token's unless another is given.
    """

    name: str
    sha256: str
    scopes: frozenset[str]
    host: str | None = None
    client: str | None = None
    expires_at: datetime | None = None

    @property
    def owner(self) -> str:
        """The client whose sessions it may see."""
        return self.client if self.client is not None else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRules:
    """Where events may be sent: nowhere, unless a host is allowed by name or a network by its addresses.

    A host's name must be allowed exactly as a sink has it, and what it resolves to must be a public
    address, or one of an allowed network. A sink that has an address instead of a name needs a network.
    `allow_http` is for sinks on emulated hosts. `ca_file` holds the certificates to trust instead of the
    usual ones.
    """

    allowed_hosts: tuple[str, ...] = ()
    allow_http: bool = False
    ca_file: Path | None = None
    names: frozenset[str] = field(init=False)
    networks: tuple[IPv4Network | IPv6Network, ...] = field(init=False)

    def __post_init__(self) -> None:
        names, networks = set(), []
        for host in self.allowed_hosts:
            network = _network(host)
            if network is not None:
                networks.append(network)
            else:
                names.add(host.lower().rstrip("."))
        object.__setattr__(self, "names", frozenset(names))
        object.__setattr__(self, "networks", tuple(networks))


def _network(written: str) -> IPv4Network | IPv6Network | None:
    """The network or address that this is; None if it is a host's name.

    Raises:
        ScenarioError: It is meant for a network or address, or for nothing, and is none.
    """
    try:
        return ip_network(written)
    except ValueError as error:
        if "/" in written or ":" in written or not written.strip(". "):
            raise ScenarioError(
                f"cannot allow sinks at {written!r}: {error}; write a host's name, an address, or a network "
                f"as in 192.0.2.0/24"
            ) from error
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What one token may ask for: requests a second in the long run, in a burst, and living channels."""

    requests_per_second: float = 50.0
    burst: int = 200
    most_channels: int = 1000


def utc_now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Everything that an API server is told.

    With a `state_path` sessions and assignments survive a restart. `never_carried` knows which orders the
    network can never carry, and why. `clock` tells the present in UTC.
    """

    profiles: tuple[Profile, ...]
    tokens: tuple[Token, ...]
    subscribers: tuple[Subscriber, ...]
    sinks: SinkRules = field(default_factory=SinkRules)
    state_path: Path | None = None
    never_carried: Callable[[ChannelOrder], Impossible | None] = lambda _order: None
    limits: RateLimits = field(default_factory=RateLimits)
    max_body_bytes: int = 65_536
    clock: Callable[[], datetime] = utc_now
