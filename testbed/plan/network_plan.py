"""The plan: a scenario's network with every address, interface, queue and rate decided.

Values only; `testbed.plan.make` fills them in and `testbed.plan.plan_text` prints them.
"""

from dataclasses import dataclass

from testbed.model.base import Direction
from testbed.model.network import Network
from testbed.model.pon import Aqm
from testbed.pon.dba.grant_map import GrantMap
from testbed.pon.framing import Framing
from testbed.pon.standard import PonStandard
from testbed.pon.tcont import TCont

ROOT = 0
"""The parent of a class that hangs directly on its HTB."""

Ports = tuple[tuple[int, int], ...]
"""Ranges of ports, first and last, in order and apart; none at all stands for every port."""
MOST_RANGES = 512
"""At each end of a flow. A filter for both is then half as long as the kernel takes (BPF_MAXINSNS, 4096)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapedClass:
    """One HTB class. `minor` and `parent` are the minor numbers of tc handles, `priority` 0 goes first.

    An inner class has `queue_bytes` None; a leaf holds at most that many bytes, in order of arrival
    or as its `aqm` has it.
    """

    minor: int
    parent: int
    rate_bps: int
    ceil_bps: int
    burst_bytes: int
    quantum_bytes: int
    priority: int
    overhead_bytes: int
    queue_bytes: int | None
    label: str
    aqm: Aqm = Aqm.FIFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which IPv4 packets go to a class: the first match by `order` wins.

    With ports only packets of TCP and UDP match, or of UDP alone with `udp`, and of a packet in fragments
    the first one, since the others have no ports. `tos`, without its ECN bits, is the type-of-service octet
    of a match without ports.
    """

    order: int
    minor: int
    source: str | None = None
    destination: str | None = None
    source_ports: Ports = ()
    destination_ports: Ports = ()
    udp: bool = False
    tos: int | None = None

    def __post_init__(self) -> None:
        assert self.tos is None or not (self.udp or self.source_ports or self.destination_ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class PonQueue:
    """What waits for the grants of one T-CONT; `minor` is its Alloc-ID."""

    minor: int
    queue_bytes: int
    aqm: Aqm
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PonPort:
    """A PON's line in one direction, frame by frame.

    Frame 0 begins `epoch_ns` after the zero of CLOCK_MONOTONIC. Downstream `permanent` grants every
    frame's payload to one queue, below which the interface's classes stand; upstream the queues are
    those of T-CONTs, and the OLT decides what is granted.
    """

    framing: Framing
    epoch_ns: int
    queues: tuple[PonQueue, ...] = ()
    permanent: GrantMap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PonPlan:
    """What the OLT has to know: its standard, its T-CONTs, and how it is to assign."""

    standard: PonStandard
    tconts: tuple[TCont, ...]
    report_every_frames: int
    quiet_every_ns: int | None
    quiet_window_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricPort:
    """A port of a fabric's plane: its rate, and from a node how far it is to every other one.

    A packet is serialised first and then on its way. `delays_ns` goes by the number of the destination,
    the last 16 bits of its address, from `first_number` on. With `cut_through`, on the plane's side, a
    packet has been serialised by its sender and waits for others alone.
    """

    rate_bps: int
    queue_bytes: int
    overhead_bytes: int = 0
    cut_through: bool = False
    first_number: int = 1
    delays_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One end of a wire. Packets that leave it are delayed first, then queued and shaped.

    `mtu_bytes` is the largest IP packet that it sends or takes.

    A fabric's interface is a `fabric` port, and has an `address` of its own in its plane.
    """

    name: str
    station: str
    peer_station: str
    peer_name: str
    mac: str
    delay_ns: int
    mtu_bytes: int = 1500
    classes: tuple[ShapedClass, ...] = ()
    matches: tuple[Match, ...] = ()
    default_minor: int = 0
    pon: Direction | None = None
    pon_port: PonPort | None = None
    fabric: FabricPort | None = None
    address: str | None = None

    @property
    def is_shaped(self) -> bool:
        """Whether a packet that leaves it is delayed or queued at all."""
        return bool(self.delay_ns or self.classes or self.pon_port or self.fabric)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAddress:
    """A host's address: the first interface carries it, whichever interface a packet leaves by.

    `tcp_buffer_bytes` is what TCP may hold on it in each direction; None is what the kernel gives.
    """

    host: str
    ip: str
    mac: str
    tcp_buffer_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRoute:
    """A route to one other host over a direct wire: out by `interface`, to the peer's `mac`."""

    host: str
    destination_ip: str
    interface: str
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """At a station, the hardware address behind an IP address: known from the start, never asked for."""

    station: str
    ip: str
    interface: str
    mac: str


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a route leads: out by an interface, to a gateway or to the destination itself."""

    interface: str
    gateway: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Over a fabric: packets of a station to a prefix; with several hops each flow takes one of them.

    `source` is the address that a host's packets have unless they were given another.
    """

    station: str
    destination: str
    hops: tuple[NextHop, ...]
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingEntry:
    """On a bridge, frames to `mac` leave by `interface`: known from the start, so nothing is flooded."""

    bridge: str
    mac: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """Everything that `testbed.net` needs to realise a network, and nothing that depends on the machine."""

    network: Network
    interfaces: tuple[Interface, ...]
    addresses: tuple[HostAddress, ...]
    direct_routes: tuple[DirectRoute, ...]
    forwarding: tuple[ForwardingEntry, ...]
    neighbours: tuple[Neighbour, ...] = ()
    routes: tuple[Route, ...] = ()
    pon: PonPlan | None = None

    def interface(self, name: str) -> Interface:
        """The interface of this name; KeyError if there is none."""
        for interface in self.interfaces:
            if interface.name == name:
                return interface
        raise KeyError(name)

    def pon_port(self, direction: Direction) -> Interface:
        """The port whose queues carry the PON's traffic in this direction; KeyError without a PON."""
        for interface in self.interfaces:
            if interface.pon is direction:
                return interface
        raise KeyError(direction)

    def address(self, host: str) -> HostAddress:
        """A host's address; KeyError if it is not a host."""
        for address in self.addresses:
            if address.host == host:
                return address
        raise KeyError(host)
