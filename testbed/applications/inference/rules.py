"""What inference services need: nodes that can carry them, clients in homes, traces that can be read."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from testbed.applications.application import Named, OwnJob, PacketLoad, Rules, having
from testbed.applications.inference.model import Clients, Service, Services
from testbed.applications.inference.trace_file import read_trace
from testbed.applications.script import Script
from testbed.model.network import Network, Role
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.text import instead
from testbed.units import DURATION

MOST_SERVICES = 2000
"""Each has a port of its own."""
_PROMPT_BYTES = 1400
"""Taken for a full packet of a prompt."""


class ServiceRules(Rules):
    """Of the key `services`."""

    def findings(self, script: Script, network: Network) -> Iterator[Finding]:
        """What is wrong with services and their clients."""
        services = Services.of(script).services
        if len(services) > MOST_SERVICES:
            yield ("services",), f"are {len(services):,}; at most {MOST_SERVICES:,} have ports"
        for name, service in services.items():
            at: Keys = ("services", name)
            yield from _service_rules(at, service, script, network)
            for each, clients in service.clients.items():
                yield from _clients_rules((*at, "clients", each), clients, service, network)

    def names(self, script: Script) -> Iterator[Named]:
        """Those of services and of their clients."""
        for name, service in Services.of(script).services.items():
            at: Keys = ("services", name)
            yield Named(at, name, "the service")
            for each in service.clients:
                yield Named((*at, "clients", each), each, "the clients")

    def having(self, measure: str, script: Script) -> tuple[str, Sequence[str]] | None:
        """Services, or their clients."""
        services = Services.of(script).services
        if measure == "service":
            return "service", [*services]
        if measure in ("first_token", "token", "answer"):
            return "client of a service", [name for each in services.values() for name in each.clients]
        return None

    def jobs(self, script: Script) -> Iterator[OwnJob]:
        """One for each service."""
        for name, service in Services.of(script).services.items():
            yield OwnJob(name, service.job, name, tells_when_served=True)

    def partners(self, script: Script) -> Iterable[str]:
        """The hosts of the clients."""
        services = Services.of(script).services.values()
        return [clients.host for service in services for clients in service.clients.values()]

    def processes(self, script: Script) -> int:
        """A server, and one for each group of clients."""
        return sum(1 + len(service.clients) for service in Services.of(script).services.values())

    def packet_load(self, script: Script, network: Network) -> Iterator[PacketLoad]:
        """Prompts in full packets, and a packet for each token; how often a trace asks is not looked up."""
        for name, service in Services.of(script).services.items():
            for client, clients in service.clients.items():
                if clients.interval_ns is not None:
                    prompt = 1 + clients.prompt_tokens * service.token_bytes / _PROMPT_BYTES
                    packets_per_s = (prompt + clients.output_tokens) * 10**9 / clients.interval_ns
                    span = clients.starts_at_ns, clients.ends_at_ns
                    yield PacketLoad(f"{name}.{client}", *span, packets_per_s)


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


PART = ServiceRules()
