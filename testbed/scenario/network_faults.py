"""What no network can have, whatever made it: names, numbers and shapes that nothing can carry.

A topology is Python of anybody's, and its values are plain dataclasses. So they are looked at here, once,
before a plan is made of them. Pure; each fault is the station that it is about, and what is wrong.
"""

from collections import Counter
from collections.abc import Iterator

from testbed.model.carriers import (
    LEAST_MTU_BYTES,
    LEAST_RATE_BPS,
    MOST_FABRIC_DELAY_NS,
    MOST_INSTANT_NS,
    MOST_INTERFACE_NAME,
    MOST_MTU_BYTES,
    MOST_OVERHEAD_BYTES,
    MOST_QUEUE_BYTES,
    MOST_RATE_BPS,
)
from testbed.model.network import MOST_PLANES, Egress, Fabric, Network, Role, Wire
from testbed.pon.standard import PonStandard
from testbed.text import listed, quoted
from testbed.units import DURATION, RATE, SIZE, Dimension

MOST_HOMES, MOST_DEVICES = 255, 254
"""A host of a home is 10.1.HOME.DEVICE."""
MOST_NODES = 65_000
"""Compute nodes are 10.2.x.y, and controllers 10.3.x.y."""

Fault = tuple[str, str]


def network_faults(network: Network) -> Iterator[Fault]:
    """What cannot be; what hangs together wrongly is looked at only where all names and numbers are right."""
    faults = [*name_faults(network), *_number_faults(network)]
    yield from faults or _shape_faults(network)


def name_faults(network: Network) -> Iterator[Fault]:
    """Whether stations have names that the kernel takes, and wires end at stations."""
    names = Counter(station.name for station in network.stations)
    for name in names:
        if not (0 < len(name) <= 10 and set(name) <= _STATION_CHARACTERS):
            # Linux gives an interface 15 characters, and ours are a station's name with a port number.
            yield name, f"{quoted(name)} names a station; that takes 1 to 10 characters of a-z, 0-9, _ and -"
    for name in (name for name, count in names.items() if count > 1):
        yield name, f"two stations are named {quoted(name)}; each needs a name of its own"
    for wire in network.wires:
        for end in (wire.a, wire.b):
            if end not in names:
                yield end, f"a wire ends at {quoted(end)}, which is no station"
        if wire.a == wire.b:
            yield wire.a, f"a wire joins {quoted(wire.a)} with itself"
    ports = Counter(end for wire in network.wires for end in (wire.a, wire.b))
    for name, count in ports.items():
        if len(name) <= 10 and len(last := f"{name}-eth{count - 1}") > MOST_INTERFACE_NAME:
            yield (
                name,
                f"{quoted(name)} has {count} ports, and the last would be {last}; the kernel takes "
                f"{MOST_INTERFACE_NAME} characters, so shorten the station's name",
            )


_STATION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def _number_faults(network: Network) -> Iterator[Fault]:
    yield from _mtu_faults("", "the network", network.mtu_bytes)
    for wire in network.wires:
        if wire.mtu_bytes is not None:
            yield from _mtu_faults(wire.a, f"the wire from {wire.a} to {wire.b}", wire.mtu_bytes)
        for here, there, egress in wire.ends():
            yield from ((here, message) for message in _egress_faults(f"{here} towards {there}", egress))
    for station in network.stations:
        if not _is_whole(station.capacity):
            yield station.name, f"{station.name}: capacity {station.capacity!r} is no whole number from 0 on"


def _mtu_faults(station: str, what: str, mtu_bytes: object) -> Iterator[Fault]:
    message = _beyond(mtu_bytes, "mtu_bytes", LEAST_MTU_BYTES, MOST_MTU_BYTES, SIZE)
    if message:
        yield station, f"{what}: {message}"


def _egress_faults(port: str, egress: Egress) -> Iterator[str]:
    values = (
        ("delay_ns", egress.delay_ns, 0, MOST_INSTANT_NS, DURATION),
        ("rate_bps", egress.rate_bps, LEAST_RATE_BPS, MOST_RATE_BPS, RATE),
        ("queue_bytes", egress.queue_bytes, 1, MOST_QUEUE_BYTES, SIZE),
        ("overhead_bytes", egress.overhead_bytes, 0, MOST_OVERHEAD_BYTES, SIZE),
    )
    for name, value, least, most, dimension in values:
        if value is not None and (message := _beyond(value, name, least, most, dimension)):
            yield f"{port}: {message}"
    if egress.rate_bps is not None and egress.queue_bytes is None:
        yield f"{port}: has a rate and no queue_bytes; say what may wait there"
    if egress.pon is not None and egress.rate_bps is None:
        yield f"{port}: is the line of a PON and has no rate_bps"


def _beyond(value: object, name: str, least: int, most: int, dimension: Dimension) -> str:
    """What is wrong with a number that something must carry; empty if nothing is."""
    if not _is_whole(value):
        return f"{name} {quoted(value)} is no whole number from 0 on"
    assert isinstance(value, int)
    if least <= value <= most:
        return ""
    bounds = f"{dimension.format(least)} to {dimension.format(most)}"
    return f"{name} {dimension.format(value)} cannot be carried; that takes {bounds}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shape_faults(network: Network) -> Iterator[Fault]:
    yield from _address_faults(network)
    yield from _way_faults(network)
    if network.fabric is not None:
        yield from _fabric_faults(network, network.fabric)
    in_fabric = () if network.fabric is None else network.fabric.planes
    for plane in network.having(Role.PLANE):
        if plane.name not in in_fabric:
            yield plane.name, f"{plane.name} is a plane, and of no fabric"
    if network.pon is not None:
        yield from _pon_faults(network)


def _address_faults(network: Network) -> Iterator[Fault]:
    """Whether every host can have an address that tells what it is."""
    onus = [onu.name for onu in network.having(Role.ONU)]
    if len(onus) > MOST_HOMES:
        yield onus[-1], f"there are {len(onus)} ONUs; at most {MOST_HOMES} have addresses"
    homes: Counter[str] = Counter()
    for home in network.having(Role.HOME):
        first = next((name for name, _ in network.neighbours(home.name)), None)
        if first not in onus:
            beside = "nothing" if first is None else f"{first}, which is no ONU"
            yield home.name, f"the home {home.name} hangs on {beside}; its first wire must lead to an ONU"
        else:
            homes[first] += 1
    for onu, devices in homes.items():
        if devices > MOST_DEVICES:
            yield onu, f"{onu} has {devices} hosts behind it; at most {MOST_DEVICES} have addresses"
    for role in (Role.COMPUTE, Role.CONTROL):
        if (count := len(network.having(role))) > MOST_NODES:
            yield "", f"there are {count:,} stations of role {role}; at most {MOST_NODES:,} have addresses"


def _way_faults(network: Network) -> Iterator[Fault]:
    """Whether every station can be reached, and what forwards frames is a tree."""
    if not network.stations:
        yield "", "it has no stations"
        return
    first = network.stations[0].name
    reached, waiting = {first}, [first]
    while waiting:
        for there, _ in network.neighbours(waiting.pop()):
            if there not in reached:
                reached.add(there)
                waiting.append(there)
    for station in network.stations:
        if station.name not in reached:
            yield station.name, f"no way leads from {first} to {station.name}; wire them together"
            break
    if wire := _closing_wire(network):
        yield (
            wire.a,
            f"the wire from {wire.a} to {wire.b} closes a ring of stations that forward frames, where these "
            "would go round for ever; leave one wire of the ring out",
        )


def _closing_wire(network: Network) -> Wire | None:
    """A wire between bridges that were joined without it."""
    group = {station.name: station.name for station in network.stations if station.role.is_bridge}

    def root(name: str) -> str:
        while group[name] != name:
            group[name] = group[group[name]]
            name = group[name]
        return name

    for wire in network.wires:
        if wire.a in group and wire.b in group:
            a, b = root(wire.a), root(wire.b)
            if a == b:
                return wire
            group[a] = b
    return None


def _fabric_faults(network: Network, fabric: Fabric) -> Iterator[Fault]:
    roles = {station.name: station.role for station in network.stations}
    for names, role in ((fabric.nodes, Role.COMPUTE), (fabric.planes, Role.PLANE)):
        for name in names:
            if roles.get(name) is not role:
                yield name, f"{quoted(name)} is of the fabric, and no station of role {role}"
    if not 1 <= len(fabric.planes) <= MOST_PLANES:
        yield "", f"the fabric has {len(fabric.planes)} planes; that takes 1 to {MOST_PLANES}"
    count = len(fabric.nodes)
    if len(fabric.delays_ns) != count or any(len(row) != count for row in fabric.delays_ns):
        yield "", f"delays_ns of the fabric has not {count} rows of {count} delays, one for each node"
        return
    joined = {frozenset((wire.a, wire.b)) for wire in network.wires}
    for node, row in zip(fabric.nodes, fabric.delays_ns, strict=True):
        messages = (_beyond(delay_ns, "delay", 0, MOST_FABRIC_DELAY_NS, DURATION) for delay_ns in row)
        if message := next(filter(None, messages), ""):
            yield node, f"{node} in the fabric: {message}"
        missing = [plane for plane in fabric.planes if frozenset((node, plane)) not in joined]
        if missing:
            yield node, f"{node} is of the fabric, and no wire joins it with {missing[0]}"


def _pon_faults(network: Network) -> Iterator[Fault]:
    pon = network.pon
    assert pon is not None
    standards = [str(each.value) for each in PonStandard]
    if pon.standard not in standards:
        yield "", f"{quoted(pon.standard)} is no standard of PONs; there are {listed(standards)}"
    for onu in network.having(Role.ONU):
        if onu.name not in pon.fibres_m:
            yield onu.name, f"{onu.name} is not in fibres_m; say how long its fibre is"
    for onu_name, fibre_m in pon.fibres_m.items():
        if not _is_whole(fibre_m):
            yield (
                onu_name,
                f"the fibre of {onu_name}, {quoted(fibre_m)}, is no whole number of metres",
            )
