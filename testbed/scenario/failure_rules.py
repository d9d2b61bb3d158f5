"""What health, groups of jobs and faults need: a host to watch from, nodes and planes that exist."""

from collections.abc import Iterator

from testbed.applications.script import Script
from testbed.model.failure import Fault
from testbed.model.job import JobGroup
from testbed.model.network import Network, Role
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.text import instead

MOST_GROUPS = 1000
"""Of jobs: those who send requests to one have a port of their own."""


def failure_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the keys `health`, `jobs` and `faults`."""
    yield from _health_rules(script, network)
    if len(script.jobs) > MOST_GROUPS:
        yield ("jobs",), f"are {len(script.jobs):,} groups; at most {MOST_GROUPS:,} have ports"
    for name, group in script.jobs.items():
        at: Keys = ("jobs", name)
        yield from _group_rules(at, group, script, network)
    for name, fault in script.faults.items():
        yield from _fault_rules(("faults", name), fault, script, network)


def _health_rules(script: Script, network: Network) -> Iterator[Finding]:
    health = script.health
    if health is None:
        return
    hosts = [station.name for station in network.stations if station.role.is_host]
    if health.monitor is None:
        if not network.having(Role.CONTROL):
            yield (
                ("health",),
                f"{network.name} has no controller here; name the host that watches, as monitor",
            )
    elif health.monitor not in hosts:
        yield (
            ("health", "monitor"),
            f"{health.monitor!r} is no host of {network.name}; {instead(health.monitor, hosts)}",
        )
    elif network.station(health.monitor).role is Role.HOME:
        lines = {"downstream": script.access.downstream, "upstream": script.access.upstream}
        for direction, line in lines.items():
            if not line.committed_bps:
                yield (
                    ("health", "monitor"),
                    f"{health.monitor!r} is a home with nothing committed {direction}: heartbeats may wait "
                    "there for as long as others send; commit a rate to homes, or name another host",
                )


def _group_rules(at: Keys, group: JobGroup, script: Script, network: Network) -> Iterator[Finding]:
    yield from fits_a_node((*at, "job"), group.job, network)
    yield from within((*at, "ends"), group.ends_at_ns, script)
    stations = [station.name for station in network.stations if station.role.is_host]
    for partner in group.partners:
        if partner not in (*stations, *script.jobs):
            known = instead(partner, [*stations, *script.jobs])
            yield (*at, "partners", partner), f"is neither a host nor a group of jobs; {known}"
    if group.requests is not None:
        source = group.requests.source
        if source not in stations:
            yield (
                (*at, "requests", "source"),
                f"{source!r} is no host of {network.name}; {instead(source, stations)}",
            )
        if script.health is None:
            yield (*at, "requests"), "needs health beside it: the agents that answer belong to it"


def _fault_rules(at: Keys, fault: Fault, script: Script, network: Network) -> Iterator[Finding]:
    nodes = [node.name for node in network.having(Role.COMPUTE)]
    for key, node in (("node", fault.node), ("isolated", fault.isolated)):
        if node is not None and node not in nodes:
            yield (*at, key), f"{node!r} is no compute node; {instead(node, nodes)}"
        elif node is not None and script.health is not None and node == script.health.monitor:
            yield (*at, key), f"{node!r} is the monitor, and nobody watches over that; take another host"
    planes = len(network.fabric.planes) if network.fabric is not None else 0
    plane_at: Keys = (*at, "plane") if fault.link is None else (*at, "link", "plane")
    plane = fault.plane if fault.link is None else fault.link.plane
    if plane is not None and plane > planes:
        yield plane_at, f"{plane} is beyond the planes of {network.name}; it has {planes or 'none'}"
    if fault.link is not None and fault.link.node not in nodes:
        yield (
            (*at, "link", "node"),
            f"{fault.link.node!r} is no compute node; {instead(fault.link.node, nodes)}",
        )
    for key, at_ns in (("at", fault.at_ns), ("repaired", fault.repaired_ns)):
        if at_ns is not None:
            yield from within((*at, key), at_ns, script)
