"""What experts must agree on with their network."""

from collections.abc import Iterator

from testbed.applications.script import Script
from testbed.model.network import Network
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.rates import Finding

MOST_RANKS = 2_000
"""Of all models of a scenario: each rank has a port of its own."""


def fabric_work_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the key `experts`."""
    for name, experts in script.experts.items():
        yield from fits_a_node(("experts", name, "job"), experts.job, network)
        yield from within(("experts", name, "ends"), experts.ends_at_ns, script)
    if (ranks := sum(each.ranks for each in script.experts.values())) > MOST_RANKS:
        yield ("experts",), f"have {ranks:,} ranks in all; at most {MOST_RANKS:,} are carried"
