"""The network as a graph: what stands where, and what happens to a packet as it leaves a port.

This is what a topology makes of its parameters. Addresses, interface names and tc handles are not
here; they are the plan's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction


class Role(StrEnum):
    """What a node is in the access network."""

    OLT = "olt"
    SPLITTER = "splitter"
    ONU = "onu"
    HOME = "home"
    METRO = "metro"
    COMPUTE = "compute"

    @property
    def is_host(self) -> bool:
        """Whether the node sends and receives itself; the others forward frames."""
        return self in (Role.HOME, Role.COMPUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One node of the network. `capacity` is the weight of jobs that a compute node can carry."""

    name: str
    role: Role
    capacity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """What happens to a frame that leaves a port: first the distance, then the queue and the rate.

    The two commute for the delay of a packet, so one port can carry both. `rate_bps` None is a port
    that adds no queue. `overhead_bytes` is added to every Ethernet frame (without its FCS) when it
    is charged against the rate. `pon` marks the shared line of a PON and its direction.
    """

    delay_ns: int = 0
    rate_bps: int | None = None
    queue_bytes: int | None = None
    overhead_bytes: int = 0
    pon: Direction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A full-duplex connection of two stations, each with its own egress."""

    a: str
    b: str
    a_egress: Egress = Egress()
    b_egress: Egress = Egress()

    def ends(self) -> tuple[tuple[str, str, Egress], tuple[str, str, Egress]]:
        """Both ends as (station, its neighbour, what happens to a frame leaving the station)."""
        return (self.a, self.b, self.a_egress), (self.b, self.a, self.b_egress)


@dataclass(frozen=True, slots=True, kw_only=True)
class PonTree:
    """What a topology's PON is: its standard by name ("XGS-PON"), and each ONU's fibre from the OLT."""

    standard: str
    fibres_m: dict[str, int]

    @property
    def farthest_m(self) -> int:
        """The longest fibre: what all others are equalised to."""
        return max(self.fibres_m.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A topology with its parameters filled in; `pon` None is a network without one.

    `mtu_bytes` is the largest IP packet on any wire.
    """

    name: str
    stations: tuple[Station, ...]
    wires: tuple[Wire, ...]
    pon: PonTree | None = None
    mtu_bytes: int = 1500

    def station(self, name: str) -> Station:
        """The station of this name; KeyError if there is none."""
        return next(station for station in self.stations if station.name == name)

    def having(self, *roles: Role) -> tuple[Station, ...]:
        """All stations with one of these roles, in the order of the topology."""
        return tuple(station for station in self.stations if station.role in roles)

    def neighbours(self, name: str) -> Iterator[tuple[str, Egress]]:
        """The stations wired to this one, each with the egress towards it."""
        for wire in self.wires:
            for here, there, egress in wire.ends():
                if here == name:
                    yield there, egress

    def direction(self, source: str, destination: str) -> Direction | None:
        """The way across the access network from one host to another; None if both are on one side of it."""
        roles = self.station(source).role, self.station(destination).role
        ways = {(Role.HOME, Role.COMPUTE): UPSTREAM, (Role.COMPUTE, Role.HOME): DOWNSTREAM}
        return ways.get(roles)
