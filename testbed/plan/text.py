"""The plan as text, for people and for golden tests: `testbed plan`."""

from collections.abc import Iterator

from testbed.plan.make import PREFIX_LENGTH
from testbed.plan.network_plan import Match, NetworkPlan, ShapedClass
from testbed.units import DURATION, RATE, SIZE


def plan_text(plan: NetworkPlan) -> str:
    """Nodes, addresses, queueing disciplines and routes, in the order of the topology."""
    return "\n".join([*_nodes(plan), "", *_ports(plan), "", *_routes(plan), ""])


def _nodes(plan: NetworkPlan) -> Iterator[str]:
    network = plan.network
    yield f"network {network.name}: {len(network.stations)} nodes, {len(network.wires)} wires"
    addresses = {address.host: address for address in plan.addresses}
    for station in network.stations:
        line = f"  {station.name:<10} {station.role:<9}"
        if station.name in addresses:
            address = addresses[station.name]
            line += f" {address.ip}/{PREFIX_LENGTH} {address.mac}"
        if station.capacity:
            line += f" capacity {station.capacity}"
        yield line.rstrip()


def _ports(plan: NetworkPlan) -> Iterator[str]:
    yield "ports (what happens to a frame that leaves: first the distance, then the queue)"
    for interface in plan.interfaces:
        plain = not interface.delay_ns and not interface.classes
        yield f"  {interface.name} -> {interface.peer_name}{': direct' if plain else ''}"
        if interface.delay_ns:
            yield f"    netem delay {DURATION.format(interface.delay_ns)}"
        if interface.classes:
            yield f"    htb default {interface.default_minor:x}"
            yield from (f"      {_class_text(shaped)}" for shaped in interface.classes)
            yield from (f"      {_match_text(match)}" for match in interface.matches)


def _class_text(shaped: ShapedClass) -> str:
    parts = [
        f"class {shaped.minor:x} of {shaped.parent:x} {shaped.label}:",
        f"rate {RATE.format(shaped.rate_bps)}",
        f"ceil {RATE.format(shaped.ceil_bps)}",
        f"prio {shaped.priority}",
        f"burst {SIZE.format(shaped.burst_bytes)}",
        f"quantum {SIZE.format(shaped.quantum_bytes)}",
        f"overhead {shaped.overhead_bytes} B",
    ]
    if shaped.queue_bytes is not None:
        parts.append(f"queue {SIZE.format(shaped.queue_bytes)}")
    return " ".join(parts)


def _match_text(match: Match) -> str:
    parts = [f"match {match.order}"]
    if match.source:
        parts.append(f"from {match.source}")
    if match.destination:
        parts.append(f"to {match.destination}")
    if match.ports is not None:
        end = "source" if match.port_is_source else "destination"
        parts.append(f"udp {end} port {match.ports}-{match.ports + 3}")
    return " ".join([*parts, f"-> class {match.minor:x}"])


def _routes(plan: NetworkPlan) -> Iterator[str]:
    yield "routes"
    for address in plan.addresses:
        first = next(i for i in plan.interfaces if i.station == address.host)
        yield f"  {address.host}: 10.0.0.0/8 dev {first.name}"
        for route in plan.direct_routes:
            if route.host == address.host:
                yield f"  {address.host}: {route.destination_ip} dev {route.interface} lladdr {route.mac}"
