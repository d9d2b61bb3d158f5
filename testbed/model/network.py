"""The network as a graph: what stands where, and what happens to a packet as it leaves a port.

This is what a topology makes of its parameters. Addresses, interface names and tc handles are not
here; they are the plan's business.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction


class Role(StrEnum):
    """What a node is in the access network."""

    OLT = "olt"
    SPLITTER = "splitter"
    ONU = "onu"
    HOME = "home"
    METRO = "metro"
    SWITCH = "switch"
    COMPUTE = "compute"
    CONTROL = "control"
    PLANE = "plane"

    @property
    def is_host(self) -> bool:
        """Whether the node sends and receives itself; the others forward."""
        return self in (Role.HOME, Role.COMPUTE, Role.CONTROL)

    @property
    def is_bridge(self) -> bool:
        """Whether the node forwards frames; a plane of a fabric forwards packets, by their addresses."""
        return not self.is_host and self is not Role.PLANE


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One node of the network. `capacity` is the weight of jobs that a compute node can carry.

    Compute nodes of one `domain` may fail together: those of a chassis, a rack or a site.
    """

    name: str
    role: Role
    capacity: int = 0
    domain: str = ""


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
    """A full-duplex connection of two stations, each with its own egress.

    `mtu_bytes` is the largest IP packet; None is the network's.
    """

    a: str
    b: str
    a_egress: Egress = Egress()
    b_egress: Egress = Egress()
    mtu_bytes: int | None = None

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


MOST_PLANES = 8


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """A full mesh of compute nodes, over one plane or several independent ones.

    `planes` are stations of role PLANE, each wired to every node. `delays_ns` has for each node, in the
    order of `nodes`, the one-way delay to each: the same both ways and on every plane, and 0 to itself.
    """

    nodes: tuple[str, ...]
    planes: tuple[str, ...]
    delays_ns: tuple[tuple[int, ...], ...]

    def delay_ns(self, a: str, b: str) -> int:
        """How far two of its nodes are apart; KeyError if one is none of them."""
        return self.delays_ns[self._index[a]][self._index[b]]

    def joins(self, a: str, b: str) -> bool:
        """Whether two stations are both nodes of it."""
        return a in self._index and b in self._index

    @cached_property
    def _index(self) -> Mapping[str, int]:
        return {node: index for index, node in enumerate(self.nodes)}


@dataclass(frozen=True, kw_only=True)
class Network:
    """A topology with its parameters filled in; `pon` None is a network without one.

    `mtu_bytes` is the largest IP packet on a wire that has no limit of its own.
    """

    name: str
    stations: tuple[Station, ...]
    wires: tuple[Wire, ...]
    pon: PonTree | None = None
    fabric: Fabric | None = None
    mtu_bytes: int = 1500

    def station(self, name: str) -> Station:
        """The station of this name; KeyError if there is none."""
        return self._by_name[name]

    def having(self, *roles: Role) -> tuple[Station, ...]:
        """All stations with one of these roles, in the order of the topology."""
        return tuple(station for station in self.stations if station.role in roles)

    def neighbours(self, name: str) -> Iterator[tuple[str, Egress]]:
        """The stations wired to this one, each with the egress towards it, in the order of the wires."""
        yield from self._wired[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Station]:
        return {station.name: station for station in self.stations}

    @cached_property
    def _wired(self) -> Mapping[str, list[tuple[str, Egress]]]:
        wired: dict[str, list[tuple[str, Egress]]] = defaultdict(list)
        for wire in self.wires:
            for here, there, egress in wire.ends():
                wired[here].append((there, egress))
        return wired

    def direction(self, source: str, destination: str) -> Direction | None:
        """The way across the access network from one host to another; None if both are on one side of it."""
        from_home, to_home = (self.station(end).role is Role.HOME for end in (source, destination))
        if from_home == to_home:
            return None
        return UPSTREAM if from_home else DOWNSTREAM
