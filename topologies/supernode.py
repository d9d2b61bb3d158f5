"""A supernode: compute nodes in a full mesh over one to eight planes, every pair at a distance of its own.

    mn --custom topologies/supernode.py --topo supernode,nodes=16 \\
       --link shaped --switch bridge --controller none

Nodes stand in chassis, and chassis may stand at sites of a metro area. A plane is a non-blocking switch:
what limits a flow is the port of its sender, that of its receiver, and the distance, which the sender's
port knows for each destination. To everybody else nodes talk through the metro exchange, and so does the
controller, which watches over them.
"""

import csv
import math
from itertools import accumulate
from pathlib import Path
from typing import Annotated

from pydantic import Field

from testbed.model.base import Duration, FieldError, InputFile, Length, Name, QueueSize, Rate, Value
from testbed.model.network import MOST_PLANES, Egress, Fabric, Network, Role, Station, Wire
from testbed.net.stock import LINKS, switches, topology
from testbed.pon import propagation_ns
from testbed.units import DURATION

METRO = "metro"
CONTROLLER = "controller"
"""The host of the node scheduler."""
PORT_QUEUE_BYTES = 16_000_000
"""What may wait in a port: 40 us at 3.1 Tbit/s, as in a switch with deep buffers."""
FABRIC_MTU_BYTES = 65_535
"""Memory semantics have no frames of 1500 B; this is the most that one packet of IP can be."""


class Site(Value):
    """Where a number of nodes stands, on a plane map."""

    nodes: Annotated[int, Field(ge=1)]
    """How many of the nodes; all sites together have all of them."""
    x_m: Length = 0
    """On the map."""
    y_m: Length = 0
    """On the map."""


class Parameters(Value):
    """Nodes npu1, npu2, …, in chassis of `per_chassis` and devices of `per_device` (the dies of one NPU).

    The three distances are those measured on CloudMatrix384: 218 ns within a device, 929 ns over one
    layer of switches, 2.5 us over two (arXiv 2607.06202); its 392 GB/s per NPU and direction are the
    default of `rate`, which the planes share (arXiv 2506.12708). `sites` adds the fibre between them;
    `matrix`, a CSV file of one-way delays, takes the place of all of this.
    """

    nodes: Annotated[int, Field(ge=2, le=1000)] = 384
    """How many there are."""
    per_chassis: Annotated[int, Field(ge=1)] = 8
    """Nodes of a chassis."""
    per_device: Annotated[int, Field(ge=1)] = 1
    """Nodes of a device, as the dies of an NPU; divides `per_chassis`."""
    same_device_ns: Duration = 218
    """One way between nodes of a device."""
    same_chassis_ns: Duration = 929
    """One way between nodes of a chassis: one layer of switches."""
    other_chassis_ns: Duration = 2_500
    """One way between chassis: two layers of switches."""
    sites: dict[Name, Site] = Field(default_factory=dict)
    """Where the nodes stand in a metro area; in the order of the nodes."""
    matrix: InputFile | None = None
    """A CSV file with all distances, in place of those and `sites`: no heading, a line for each node, in each
    field the one-way delay to a node, as `929 ns`; the same both ways, and 0 from a node to itself."""
    planes: Annotated[int, Field(ge=1, le=MOST_PLANES)] = 1
    """Independent planes; they share `rate`."""
    rate_bps: Annotated[Rate, Field(ge=8_000_000)] = 3_136_000_000_000
    """Of a node in each direction, all planes together."""
    fabric_queue_bytes: QueueSize = PORT_QUEUE_BYTES
    """What may wait in one port."""
    capacity: Annotated[int, Field(ge=1)] = 10
    """The weight of jobs that a node carries."""
    metro_delay_ns: Duration = 100_000
    """One way, between metro exchange and node."""
    metro_rate_bps: Annotated[Rate, Field(ge=1_000_000)] = 100_000_000_000
    """Of a node's port to the metro exchange."""
    controller_ns: Duration = 50_000
    """One way, between metro exchange and controller."""


def network(parameters: Parameters) -> Network:
    """The mesh, its metro exchange and its controller.

    Raises:
        ValueError: Chassis that devices do not fill, sites with other nodes than there are, or a matrix
            that cannot be read, is of another size, not symmetric or not 0 from a node to itself.
    """
    names = tuple(f"npu{number}" for number in range(1, parameters.nodes + 1))
    planes = tuple(f"plane{number}" for number in range(1, parameters.planes + 1))
    places = _places(parameters)
    access = Egress(
        delay_ns=parameters.metro_delay_ns, rate_bps=parameters.metro_rate_bps, queue_bytes=PORT_QUEUE_BYTES
    )
    control = Egress(delay_ns=parameters.controller_ns)
    port = Egress(
        rate_bps=parameters.rate_bps // parameters.planes, queue_bytes=parameters.fabric_queue_bytes
    )
    return Network(
        name="supernode",
        stations=(
            Station(name=METRO, role=Role.METRO),
            *(Station(name=plane, role=Role.PLANE) for plane in planes),
            Station(name=CONTROLLER, role=Role.CONTROL),
            *(
                Station(name=name, role=Role.COMPUTE, capacity=parameters.capacity, domain=place.chassis)
                for name, place in zip(names, places, strict=True)
            ),
        ),
        wires=(
            Wire(a=METRO, b=CONTROLLER, a_egress=control, b_egress=control),
            *(Wire(a=METRO, b=name, a_egress=access, b_egress=access) for name in names),
            *(
                Wire(a=name, b=plane, a_egress=port, b_egress=port, mtu_bytes=FABRIC_MTU_BYTES)
                for plane in planes
                for name in names
            ),
        ),
        fabric=Fabric(nodes=names, planes=planes, delays_ns=_delays_ns(parameters, places)),
    )


class _Place(Value):
    """Where a node stands: its device and chassis by name, and its site on the map."""

    device: str
    chassis: str
    x_m: int
    y_m: int


def _places(parameters: Parameters) -> list[_Place]:
    if parameters.per_chassis % parameters.per_device:
        raise FieldError(
            "per_device", f"{parameters.per_device} does not divide per_chassis, {parameters.per_chassis}"
        )
    sites = parameters.sites or {"": Site(nodes=parameters.nodes)}
    if (standing := sum(site.nodes for site in sites.values())) != parameters.nodes:
        raise FieldError("sites", f"have {standing} nodes in all, and there are {parameters.nodes}")
    places = []
    # A chassis stands at one site, so that each site begins with a new one.
    chassis_before = accumulate(
        (-(-site.nodes // parameters.per_chassis) for site in sites.values()), initial=0
    )
    for site, before in zip(sites.values(), chassis_before, strict=False):
        for index in range(site.nodes):
            chassis = before + index // parameters.per_chassis + 1
            device = index % parameters.per_chassis // parameters.per_device + 1
            places.append(
                _Place(
                    device=f"chassis{chassis}/{device}",
                    chassis=f"chassis{chassis}",
                    x_m=site.x_m,
                    y_m=site.y_m,
                )
            )
    return places


def _delays_ns(parameters: Parameters, places: list[_Place]) -> tuple[tuple[int, ...], ...]:
    if parameters.matrix is not None:
        return _read_matrix(Path(parameters.matrix), parameters.nodes)
    fibres_ns: dict[tuple[int, int], int] = {}
    rows = []
    for i, here in enumerate(places):
        row = []
        for j, there in enumerate(places):
            if i == j:
                row.append(0)
            elif here.device == there.device:
                row.append(parameters.same_device_ns)
            elif here.chassis == there.chassis:
                row.append(parameters.same_chassis_ns)
            else:
                apart = abs(here.x_m - there.x_m), abs(here.y_m - there.y_m)
                if apart not in fibres_ns:
                    fibres_ns[apart] = propagation_ns(round(math.hypot(*apart)))
                row.append(parameters.other_chassis_ns + fibres_ns[apart])
        rows.append(tuple(row))
    return tuple(rows)


def _read_matrix(path: Path, nodes: int) -> tuple[tuple[int, ...], ...]:
    """The delays of a CSV file without a heading: a line a node, "929 ns" or "2.5 us" in each field."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError) as error:
        raise FieldError("matrix", f"{path} cannot be read: {error}") from error
    if len(lines) != nodes or any(len(line) != nodes for line in lines):
        widths = sorted({len(line) for line in lines})
        shape = f"{len(lines)} lines with {' or '.join(map(str, widths)) or 'no'} fields"
        raise FieldError("matrix", f"{path} has {shape}; {nodes} nodes need {nodes} of each")
    rows = []
    for i, line in enumerate(lines):
        row = []
        for j, field in enumerate(line):
            try:
                row.append(DURATION.parse(field.strip()))
            except ValueError as error:
                raise FieldError("matrix", f"{path}, line {i + 1}, field {j + 1}: {error}") from error
        rows.append(tuple(row))
    for i, line_ns in enumerate(rows):
        for j, delay_ns in enumerate(line_ns):
            if delay_ns != rows[j][i] or (i == j and delay_ns):
                raise FieldError(
                    "matrix",
                    f"{path} has {delay_ns} ns from node {i + 1} to node {j + 1} and {rows[j][i]} ns back; "
                    "delays are the same both ways, and 0 from a node to itself",
                )
    return tuple(rows)


topos = {"supernode": topology(Parameters, network)}
__all__ = ["CONTROLLER", "LINKS", "METRO", "Parameters", "network", "switches", "topos"]
