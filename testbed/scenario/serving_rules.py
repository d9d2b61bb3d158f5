"""What inference services need: nodes that can carry them, clients in homes, traces that can be read."""

from collections.abc import Iterator
from pathlib import Path

from testbed.applications.application import having
from testbed.applications.script import Script
from testbed.model.network import Network, Role
from testbed.model.serving import Clients, Service
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.rates import Finding
from testbed.scenario.request_trace import read_trace
from testbed.scenario.tree import Keys
from testbed.text import instead
from testbed.units import DURATION

MOST_SERVICES = 2000
"""Each has a port of its own."""


def serving_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the key `services`."""
    if len(script.services) > MOST_SERVICES:
        yield ("services",), f"are {len(script.services):,}; at most {MOST_SERVICES:,} have ports"
    for name, service in script.services.items():
        at: Keys = ("services", name)
        yield from _service_rules(at, service, script, network)
        for each, clients in service.clients.items():
            yield from _clients_rules((*at, "clients", each), clients, service, network)


def _service_rules(at: Keys, service: Service, script: Script, network: Network) -> Iterator[Finding]:
    yield from fits_a_node((*at, "job"), service.job, network)
    yield from within((*at, "ends"), service.ends_at_ns, script)
    models = having("exchange", script)[1]
    if service.experts is not None and service.experts not in models:
        known = instead(service.experts, models)
        yield (*at, "experts"), f"there are no experts {service.experts!r}; {known}"


def _clients_rules(at: Keys, clients: Clients, service: Service, network: Network) -> Iterator[Finding]:
    homes = [station.name for station in network.having(Role.HOME)]
    if clients.host not in homes:
        yield (*at, "host"), f"{clients.host!r} is no host of a home; {instead(clients.host, homes)}"
    if clients.starts_at_ns < service.starts_at_ns:
        starts = DURATION.format(service.starts_at_ns)
        yield (*at, "starts"), f"is before the service starts, at {starts}"
    if clients.ends_at_ns > service.ends_at_ns:
        yield (*at, "ends"), f"is after the service ends, at {DURATION.format(service.ends_at_ns)}"
    if clients.trace is not None:
        try:
            read_trace(Path(clients.trace), clients.ends_at_ns - clients.starts_at_ns)
        except ValueError as error:
            yield (*at, "trace"), str(error)
