"""Which extensions a scenario uses: what is neither shipped nor given by the path of a file."""

from collections.abc import Iterable, Iterator

from testbed.extension import Kind, Origin
from testbed.model.channel import CHANNEL_POLICIES
from testbed.model.placement import PLACEMENT_POLICIES, PLACEMENT_SCORES
from testbed.model.scenario import Script
from testbed.model.workload import WORKLOADS
from testbed.scenario.source import is_bare, topologies


def extensions(scripts: Iterable[Script]) -> list[tuple[Kind, str]]:
    """The kind and the name of each extension, once, sorted."""
    found = {(kind.group, name): (kind, name) for script in scripts for kind, name in _named(script)}
    return [found[key] for key in sorted(found) if found[key][1] not in found[key][0].shipped]


def origins(scripts: Iterable[Script]) -> list[Origin]:
    """Where they come from.

    Raises:
        ExtensionError: One of them is not there any more.
    """
    found = (kind.origin(name) for kind, name in extensions(scripts))
    return [origin for origin in found if origin is not None]


def _named(script: Script) -> Iterator[tuple[Kind, str]]:
    if is_bare(script.network.topology):
        yield topologies(), script.network.topology
    yield PLACEMENT_POLICIES, script.placement.policy
    for score in script.placement.scores:
        yield PLACEMENT_SCORES, score
    for session in script.sessions.values():
        if session.channel is not None:
            yield CHANNEL_POLICIES, session.channel.policy
    for workload in script.workloads.values():
        yield WORKLOADS, workload.kind
