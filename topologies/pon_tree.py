"""A passive optical network: OLT, splitter, ONUs at their own distances, and the hosts behind each.

    mn --custom topologies/pon_tree.py --topo pon_tree,onus=4 --link shaped --switch bridge --controller none

The fibre is drawn where the splitter meets the ONU, feeder and drop together; the shared line with
its queues is the port between OLT and splitter, in each direction.
"""

from typing import Annotated

from pydantic import Field

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction, Length, Name, Size, Value
from testbed.model.network import Egress, Network, PonTree, Role, Station, Wire
from testbed.net.stock import LINKS, switches, topology
from testbed.pon import (
    PonStandard,
    capacity_bps,
    check_distances,
    check_split,
    per_frame_overhead_bytes,
    propagation_ns,
)

OLT = "olt"
SPLITTER = "splitter"
LINE_QUEUE_BYTES = 4_000_000
"""Room for frames that belong to no home, on a line that nobody has classified yet."""


Devices = Annotated[tuple[Name, ...], Field(max_length=253)]
"""Hosts behind one ONU, beside its home: what an address has room for."""


class Parameters(Value):
    """A PON and what hangs on it. `fibres` and `devices` are by ONU name: onu1, onu2, …

    Behind every ONU stands one host, home1 behind onu1; `devices` adds further hosts by name.
    """

    pon: PonStandard = PonStandard("XGS-PON")
    """The standard, and for 50G-PON its upstream rate."""
    onus: Annotated[int, Field(ge=1, le=128)] = 4
    """How many subscribers the tree has."""
    split: Annotated[int, Field(ge=2, le=256)] = 32
    """Of the splitter: a power of two, within the standard and no smaller than `onus`."""
    fibre_m: Length = 20_000
    """From the OLT to an ONU, at 4.9 µs a km."""
    fibres: dict[Name, Length] = Field(default_factory=dict)
    """For ONUs at other distances: `{onu3: 5 km}`."""
    devices: dict[Name, Devices] = Field(default_factory=dict)
    """Further hosts behind an ONU: `{onu1: [tablet, tv]}`."""
    mtu_bytes: Annotated[Size, Field(ge=576, le=9000)] = 1500
    """The largest IP packet on every wire of the network."""


def network(parameters: Parameters) -> Network:
    """The tree.

    Raises:
        ValueError: A split or a distance beyond the standard, or an ONU that does not exist.
    """
    onus = [f"onu{number}" for number in range(1, parameters.onus + 1)]
    for table in ("fibres", "devices"):
        for name in getattr(parameters, table):
            if name not in onus:
                raise ValueError(f"{table} names {name!r}; the ONUs are onu1 to onu{parameters.onus}")
    lengths_m = {onu: parameters.fibres.get(onu, parameters.fibre_m) for onu in onus}
    check_split(parameters.pon, parameters.split, parameters.onus)
    check_distances(parameters.pon, lengths_m.values())

    stations = [Station(name=OLT, role=Role.OLT), Station(name=SPLITTER, role=Role.SPLITTER)]
    wires = [
        Wire(
            a=OLT,
            b=SPLITTER,
            a_egress=_line(parameters, DOWNSTREAM),
            b_egress=_line(parameters, UPSTREAM),
        )
    ]
    for number, onu in enumerate(onus, start=1):
        distance = Egress(delay_ns=propagation_ns(lengths_m[onu]))
        stations.append(Station(name=onu, role=Role.ONU))
        wires.append(Wire(a=SPLITTER, b=onu, a_egress=distance, b_egress=distance))
        for host in (f"home{number}", *parameters.devices.get(onu, ())):
            stations.append(Station(name=host, role=Role.HOME))
            wires.append(Wire(a=onu, b=host))
    return Network(
        name="pon_tree",
        stations=tuple(stations),
        wires=tuple(wires),
        pon=PonTree(standard=parameters.pon, fibres_m=lengths_m),
        mtu_bytes=parameters.mtu_bytes,
    )


def _line(parameters: Parameters, direction: Direction) -> Egress:
    return Egress(
        rate_bps=capacity_bps(parameters.pon, direction, parameters.onus),
        queue_bytes=LINE_QUEUE_BYTES,
        overhead_bytes=per_frame_overhead_bytes(parameters.pon),
        pon=direction,
    )


topos = {"pon_tree": topology(Parameters, network)}
__all__ = ["LINKS", "OLT", "Parameters", "network", "switches", "topos"]
