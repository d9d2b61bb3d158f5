"""What a scenario and its network must agree on: names that exist, times within the run, rates that fit.

Pure functions. Each yields the keys of what is at fault and what to do about it.
"""

from collections.abc import Iterator, Mapping

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRequest
from testbed.model.network import Network, Role
from testbed.model.quantity import Kind, Measure, Quantified, Reference
from testbed.model.scenario import Flow, Script, Session
from testbed.scenario.northbound_rules import northbound_rules
from testbed.scenario.pon_rules import pon_rules
from testbed.scenario.rates import Finding, rate_rules
from testbed.scenario.repeat import repeat_rules
from testbed.scenario.tree import Keys
from testbed.units import DURATION, SIZE
from testbed.words import instead, listed

_ALWAYS_MEASURED: dict[Measure, tuple[Direction, ...]] = {
    Measure.PROBE: (DOWNSTREAM, UPSTREAM),
    Measure.FRAME: (DOWNSTREAM,),
    Measure.PACKET: (DOWNSTREAM,),
    Measure.COMMAND: (UPSTREAM,),
}
"""Which way each measure of any session goes: frames come down in packets, commands go up to the node."""


def script_rules(script: Script, network: Network, pon_name: str) -> Iterator[Finding]:
    """All findings about one variant; `pon_name` is what users call its PON."""
    for name, session in script.sessions.items():
        yield from _session_rules(("sessions", name), session, script, network)
    yield from repeat_rules(script.sessions, script.duration_ns)
    yield from _flow_rules(script, network)
    yield from northbound_rules(script, network)
    yield from _capture_rules(script, network)
    rate_findings = [*rate_rules(script, network, pon_name)]
    yield from rate_findings
    if not rate_findings:
        yield from pon_rules(script, network)


def quantity_rules(
    at: Keys,
    quantity: Quantified,
    scripts: Mapping[str, Script],
    networks: Mapping[str, Network],
    all_variants: tuple[str, ...],
) -> Iterator[Finding]:
    """Findings about what an expectation or a reference names.

    `all_variants` are the names in the file, `scripts` and `networks` those of variants without faults
    of their own.
    """
    if quantity.variant not in all_variants:
        message = f"there is no variant {quantity.variant!r}; {instead(quantity.variant, all_variants)}"
        yield (*at, "variant"), message
    script, network = scripts.get(quantity.variant), networks.get(quantity.variant)
    if script is not None:
        yield from _named_rules(at, quantity, script, network)
    kind = quantity.statistic.kind
    if isinstance(quantity, Reference) and kind is not Kind.DELAY:
        what = "is a count" if quantity.measure is Measure.CHANNEL else "counts packets"
        what = what if kind is Kind.COUNT else f"is a {kind}"
        yield (*at, "statistic"), f"{str(quantity.statistic)!r} {what}; a reference is a delay, as p50 is"


def _named_rules(
    at: Keys, quantity: Quantified, script: Script, network: Network | None
) -> Iterator[Finding]:
    """Whether a variant has the session or flow that is named, with that measure in that direction."""
    measure = quantity.measure
    if measure is Measure.CHANNEL:
        yield from _channel_rules(at, quantity, script)
        return
    name = quantity.session
    assert name is not None, "only what is of all channels names no session"
    flow = script.background.get(name)
    if measure is Measure.FLOW:
        if flow is None:
            yield (*at, "session"), f"there is no flow {name!r}; {instead(name, script.background)}"
    elif name in script.sessions:
        ways = _measured_in(measure, script.sessions[name])
        if quantity.direction not in ways:
            message = f"a {measure} goes {listed(ways)} only; write that, or another measure"
            yield (*at, "direction"), message
    elif flow is None:
        known = [*script.sessions, *(each for each, one in script.background.items() if one.measured)]
        yield (*at, "session"), f"there is no session {name!r}; {instead(name, known)}"
    else:
        yield from _packets_of_flow(at, quantity, flow, network)


def _measured_in(measure: Measure, session: Session) -> tuple[Direction, ...]:
    """Which way a measure of a session goes; video goes up as well if the session has any upstream."""
    if measure in (Measure.FRAME, Measure.PACKET) and session.sends_video(UPSTREAM):
        return (DOWNSTREAM, UPSTREAM)
    return _ALWAYS_MEASURED[measure]


def _channel_rules(at: Keys, quantity: Quantified, script: Script) -> Iterator[Finding]:
    """Whether there is a channel where a number of one is named."""
    asking = [name for name, each in script.sessions.items() if each.channel or each.booking]
    if quantity.session is not None and quantity.session not in asking:
        if quantity.session in script.sessions:
            yield (*at, "session"), f"session {quantity.session!r} asks for no channel in this variant"
        else:
            choices = instead(quantity.session, asking)
            yield (*at, "session"), f"there is no session {quantity.session!r}; {choices}"
    elif not asking:
        yield (*at, "statistic"), f"no session asks for a channel in variant {quantity.variant!r}"


def _packets_of_flow(
    at: Keys, quantity: Quantified, flow: Flow, network: Network | None
) -> Iterator[Finding]:
    if not flow.measured:
        yield (
            (*at, "session"),
            f"the packets of flow {quantity.session!r} are not recorded; write measured: true for it",
        )
    elif quantity.measure is not Measure.PACKET:
        yield (
            (*at, "measure"),
            f"a measured flow has packets and no {quantity.measure}; write measure: packet",
        )
    elif network is not None:
        way = _way(flow, network)
        if way is not None and quantity.direction is not way:
            yield (*at, "direction"), f"flow {quantity.session!r} goes {way}; write that"


def _session_rules(at: Keys, session: Session, script: Script, network: Network) -> Iterator[Finding]:
    homes = [station.name for station in network.having(Role.HOME)]
    if session.player not in homes:
        yield (
            (*at, "player"),
            f"{session.player!r} is no host of a home; {instead(session.player, homes)}",
        )
    nodes = network.having(Role.COMPUTE)
    largest = max(nodes, key=lambda node: node.capacity, default=None)
    if largest is None:
        yield (*at, "job"), f"{network.name} has no compute node that could carry the job"
    elif session.job.weight > largest.capacity:
        yield (
            (*at, "job", "weight"),
            f"{session.job.weight} is more than any node carries; the largest, {largest.name}, "
            f"carries {largest.capacity}",
        )
    if session.channel is not None:
        yield from _hold_rules((*at, "channel"), session.channel, script)
    # A session's scenes lie between its starts and its ends.
    yield from _within((*at, "ends"), session.ends_at_ns, script)


def _hold_rules(at: Keys, channel: ChannelRequest, script: Script) -> Iterator[Finding]:
    sample_ns = script.channels.sample_ns
    if channel.policy.goes_by_counters and channel.hold_ns < sample_ns:
        yield (
            (*at, "hold"),
            f"{DURATION.format(channel.hold_ns)} is shorter than channels.sample, "
            f"{DURATION.format(sample_ns)}: a {channel.policy} channel would follow every reading",
        )


def _capture_rules(script: Script, network: Network) -> Iterator[Finding]:
    stations = [station.name for station in network.stations]
    for index, name in enumerate(script.capture):
        if name not in stations:
            yield ("capture", index), f"{name!r} is no station of {network.name}; {instead(name, stations)}"
        elif name in script.capture[:index]:
            yield ("capture", index), f"{name!r} stands here twice; remove one"


def _flow_rules(script: Script, network: Network) -> Iterator[Finding]:
    hosts = [station.name for station in network.stations if station.role.is_host]
    for name, flow in script.background.items():
        at: Keys = ("background", name)
        for key, host in (("source", flow.source), ("destination", flow.destination)):
            if host not in hosts:
                yield (*at, key), f"{host!r} is no host of {network.name}; {instead(host, hosts)}"
        if flow.source == flow.destination:
            yield (*at, "destination"), f"is {flow.source!r}, the source itself; a flow joins two hosts"
        elif flow.measured and {flow.source, flow.destination} <= {*hosts} and _way(flow, network) is None:
            yield (
                (*at, "measured"),
                f"{flow.source} and {flow.destination} are on one side of the PON; a measured flow joins "
                "a host of a home and a compute node",
            )
        if flow.protocol == "udp" and flow.packet_bytes > network.mtu_bytes:
            yield (
                (*at, "packet"),
                f"{SIZE.format(flow.packet_bytes)} is more than the wires of {network.name} carry at "
                f"once; the most is {SIZE.format(network.mtu_bytes)}",
            )
        if name in script.sessions:
            yield at, "is the name of a session too; the report tells them apart by name, so rename one"
        yield from _within((*at, "ends"), flow.ends_at_ns, script)


def _way(flow: Flow, network: Network) -> Direction | None:
    """Which way a flow crosses the access network; None if it does not, or joins what is no station."""
    known = {station.name for station in network.stations}
    return (
        network.direction(flow.source, flow.destination) if {flow.source, flow.destination} <= known else None
    )


def _within(at: Keys, instant_ns: int, script: Script) -> Iterator[Finding]:
    if instant_ns > script.duration_ns:
        end = DURATION.format(script.duration_ns)
        yield at, f"{DURATION.format(instant_ns)} is after the scenario's end at {end}"
