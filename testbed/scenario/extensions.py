"""Which extensions a scenario uses: what is neither shipped nor given by the path of a file.

Those of each kind are loaded by whoever looks at its keys; here those of the placement.
"""

from collections.abc import Iterable, Iterator

from testbed.applications import registry
from testbed.applications.registry import APPLICATIONS
from testbed.applications.script import Script
from testbed.model.channel import CHANNEL_POLICIES
from testbed.model.placement import PLACEMENT_POLICIES, PLACEMENT_SCORES
from testbed.model.workload import WORKLOADS
from testbed.plugins import ExtensionError, Kind, Origin
from testbed.scenario.rates import Finding
from testbed.scenario.source import is_bare, topologies
from testbed.scenario.tree import Keys


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


def placement_rules(script: Script) -> Iterator[Finding]:
    """Whether the placement policy and the scores of packages load and are what they must be."""
    placement = script.placement
    brought = [(("policy",), placement.policy)] if placement.policy not in PLACEMENT_POLICIES.shipped else []
    asked: list[tuple[Keys, str]] = [*brought, *((("scores", name), name) for name in placement.scores)]
    if not asked:
        return
    # With numpy, which takes a while, and most scenarios have no use for it here.
    from testbed.placement.plugin_policies import choice_called, score_called

    for keys, name in asked:
        try:
            (choice_called if keys == ("policy",) else score_called)(name)
        except ExtensionError as error:
            yield ("placement", *keys), str(error)


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
    for name in APPLICATIONS.installed():
        if registry.is_used(name, script):
            yield APPLICATIONS, name
