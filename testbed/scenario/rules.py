"""What a scenario and its network must agree on: names that exist, times within the run, rates that fit.

Pure functions. Each yields the keys of what is at fault and what to do about it.
"""

from collections.abc import Iterator

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Network, Role
from testbed.model.scenario import COUNT_STATISTICS, Measure, Quantified, Reference, Script, Session
from testbed.scenario.rates import Finding, rate_rules
from testbed.scenario.tree import Keys
from testbed.units import DURATION
from testbed.words import instead, listed

MEASURED_IN: dict[Measure, tuple[Direction, ...]] = {
    Measure.PROBE: (DOWNSTREAM, UPSTREAM),
    Measure.FRAME: (DOWNSTREAM,),
    Measure.PACKET: (DOWNSTREAM,),
    Measure.COMMAND: (UPSTREAM,),
}
"""Which way each measure goes: frames come down from the node in packets, commands go up to it."""


def script_rules(script: Script, network: Network, pon_name: str) -> Iterator[Finding]:
    """All findings about one variant; `pon_name` is what users call its PON."""
    for name, session in script.sessions.items():
        yield from _session_rules(("sessions", name), session, script, network)
    yield from _flow_rules(script, network)
    yield from rate_rules(script, network, pon_name)


def quantity_rules(
    at: Keys, quantity: Quantified, variants: dict[str, Script], all_variants: tuple[str, ...]
) -> Iterator[Finding]:
    """Findings about what an expectation or a reference names.

    `all_variants` are the names in the file, `variants` those that are without faults of their own.
    """
    if quantity.variant not in all_variants:
        message = f"there is no variant {quantity.variant!r}; {instead(quantity.variant, all_variants)}"
        yield (*at, "variant"), message
    script = variants.get(quantity.variant)
    if script is not None and quantity.session not in script.sessions:
        message = f"there is no session {quantity.session!r}; {instead(quantity.session, script.sessions)}"
        yield (*at, "session"), message
    ways = MEASURED_IN[quantity.measure]
    if quantity.direction not in ways:
        yield (
            (*at, "direction"),
            f"a {quantity.measure} goes {listed(ways)} only; write that, or another measure",
        )
    if isinstance(quantity, Reference) and quantity.statistic in COUNT_STATISTICS:
        yield (*at, "statistic"), f"{quantity.statistic!r} counts packets; a reference is a delay, as p50 is"


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
    # A session's scenes lie between its starts and its ends.
    yield from _within((*at, "ends"), session.ends_at_ns, script)


def _flow_rules(script: Script, network: Network) -> Iterator[Finding]:
    hosts = [station.name for station in network.stations if station.role.is_host]
    for name, flow in script.background.items():
        at: Keys = ("background", name)
        for key, host in (("source", flow.source), ("destination", flow.destination)):
            if host not in hosts:
                yield (*at, key), f"{host!r} is no host of {network.name}; {instead(host, hosts)}"
        if flow.source == flow.destination:
            yield (*at, "destination"), f"is {flow.source!r}, the source itself; a flow joins two hosts"
        yield from _within((*at, "ends"), flow.ends_at_ns, script)


def _within(at: Keys, instant_ns: int, script: Script) -> Iterator[Finding]:
    if instant_ns > script.duration_ns:
        end = DURATION.format(script.duration_ns)
        yield at, f"{DURATION.format(instant_ns)} is after the scenario's end at {end}"
