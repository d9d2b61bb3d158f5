"""The plan as text, for people and for golden tests: `testbed plan`."""

from collections.abc import Iterator

from testbed.model.pon import Aqm, Eligibility
from testbed.plan.make import PREFIX_LENGTH
from testbed.plan.network_plan import FabricPort, Match, NetworkPlan, PonPort, ShapedClass
from testbed.pon.tcont import TCont
from testbed.units import DURATION, RATE, SIZE

_DISTANCES_SHOWN = 6


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
            if address.tcp_buffer_bytes is not None:
                line += f" tcp {SIZE.format_down(address.tcp_buffer_bytes)}"
        if station.capacity:
            line += f" capacity {station.capacity}"
        if station.domain:
            line += f" domain {station.domain}"
        yield line.rstrip()


def _ports(plan: NetworkPlan) -> Iterator[str]:
    yield "ports (what happens to a frame that leaves: first the distance, then the queue)"
    for interface in plan.interfaces:
        shaped = interface.classes or interface.pon_port is not None or interface.fabric is not None
        plain = not interface.delay_ns and not shaped
        yield f"  {interface.name} -> {interface.peer_name}{': direct' if plain else ''}"
        if interface.delay_ns:
            yield f"    netem delay {DURATION.format(interface.delay_ns)}"
        if interface.pon_port is not None:
            yield from _pon_text(interface.pon_port, plan)
        if interface.fabric is not None:
            yield f"    {_fabric_text(interface.fabric)}"
        if interface.classes:
            yield f"    htb default {interface.default_minor:x}"
            yield from (f"      {_class_text(shaped)}" for shaped in interface.classes)
        yield from (f"      {_match_text(match)}" for match in interface.matches)


def _pon_text(port: PonPort, plan: NetworkPlan) -> Iterator[str]:
    """A PON's line: its frames, and who may send in them."""
    frame = port.framing
    yield (
        f"    pon {frame.standard} {frame.direction}: frames of {DURATION.format(frame.frame_ns)} with "
        f"{frame.frame_bytes} B, codewords {frame.codeword_bytes} B with {frame.data_bytes} B of data, "
        f"frame 0 at {DURATION.format(port.epoch_ns)}"
    )
    if port.permanent is not None:
        granted_bytes = port.permanent.bursts[0].allocations[0].grant_bytes
        yield f"      every frame {granted_bytes} B of payload for what follows"
    tconts = {tcont.alloc_id: tcont for tcont in plan.pon.tconts} if plan.pon else {}
    for queue in port.queues:
        size = f"queue {SIZE.format(queue.queue_bytes)} {queue.aqm}"
        yield f"      {_tcont_text(tconts[queue.minor], queue.label)} {size}"


def _fabric_text(port: FabricPort) -> str:
    """A port of a fabric; of its distances the different ones."""
    text = f"fabric rate {RATE.format(port.rate_bps)} queue {SIZE.format(port.queue_bytes)}"
    if port.overhead_bytes:
        text += f" overhead {port.overhead_bytes} B"
    if port.cut_through:
        return f"{text} cut through"
    distances_ns = sorted({*port.delays_ns} - {0})
    shown = ", ".join(DURATION.format(delay_ns) for delay_ns in distances_ns[:_DISTANCES_SHOWN])
    more = len(distances_ns) - _DISTANCES_SHOWN
    return f"{text}, then {shown}" + (f" and {more} other distances" if more > 0 else "")


def _tcont_text(tcont: TCont, label: str) -> str:
    parts = [f"T-CONT {tcont.alloc_id:x} {label}: type {tcont.type_number}"]
    parts += [
        f"{name} {RATE.format(rate_bps)}"
        for name, rate_bps in (("fixed", tcont.fixed_bps), ("assured", tcont.assured_bps))
        if rate_bps
    ]
    parts.append(f"maximum {RATE.format(tcont.maximum_bps)}")
    if tcont.eligibility is not Eligibility.NONE:
        parts.append(f"{tcont.eligibility} prio {tcont.priority} weight {tcont.weight}")
    if tcont.fixed_bps:
        parts.append(f"grants {tcont.grants_per_frame} a frame")
    return " ".join([*parts, str(tcont.reporting)])


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
    if shaped.aqm is not Aqm.FIFO:
        parts.append(str(shaped.aqm))
    return " ".join(parts)


def _match_text(match: Match) -> str:
    parts = [f"match {match.order}"]
    if match.source:
        parts.append(f"from {match.source}")
    if match.destination:
        parts.append(f"to {match.destination}")
    if match.tos is not None:
        parts.append(f"tos {match.tos:#04x}")
    if match.udp:
        parts.append("udp")
    for end, ports in (("source", match.source_ports), ("destination", match.destination_ports)):
        if ports:
            parts.append(f"{end} port {','.join(f'{first}-{last}' for first, last in ports)}")
    return " ".join([*parts, f"-> class {match.minor:x}"])


def _routes(plan: NetworkPlan) -> Iterator[str]:
    yield "routes"
    for address in plan.addresses:
        first = next(i for i in plan.interfaces if i.station == address.host)
        yield f"  {address.host}: 10.0.0.0/8 dev {first.name}"
        for route in plan.direct_routes:
            if route.host == address.host:
                yield f"  {address.host}: {route.destination_ip} dev {route.interface} lladdr {route.mac}"
    for through in plan.routes:
        hops = " or ".join(
            f"dev {hop.interface}" + (f" via {hop.gateway}" if hop.gateway else "") for hop in through.hops
        )
        yield f"  {through.station}: {through.destination} {hops}"
