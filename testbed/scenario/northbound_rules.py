"""What a scenario asks of the operator's API: a node to serve it, and bookings that it can answer."""

from collections.abc import Iterator

from testbed.applications.game.model import Session
from testbed.applications.script import Script
from testbed.model.network import Network, Role
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.text import instead
from testbed.units import DURATION


def northbound_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the key `northbound`, and about the sessions that book channels."""
    nodes = [node.name for node in network.having(Role.COMPUTE)]
    if script.northbound is not None and script.northbound.host not in nodes:
        host = script.northbound.host
        yield ("northbound", "host"), f"{host!r} is no compute node; {instead(host, nodes)}"
    for name, session in script.sessions.items():
        if session.booking is not None:
            yield from _booking_rules(("sessions", name), session, script)


def _booking_rules(at: Keys, session: Session, script: Script) -> Iterator[Finding]:
    assert session.booking is not None
    if script.northbound is None:
        yield (*at, "booking"), "nobody serves the API; add northbound: {host: NODE}, with a compute node"
    if session.channel is not None:
        yield (
            (*at, "booking"),
            "stands beside channel, and a session has one channel; remove one of them",
        )
    if not session.starts_at_ns <= session.booking.at_ns < session.ends_at_ns:
        starts, ends = DURATION.format(session.starts_at_ns), DURATION.format(session.ends_at_ns)
        yield (*at, "booking", "at"), f"is not within the session, from {starts} to {ends}"
