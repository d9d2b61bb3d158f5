"""What models of experts must agree on with their network, and what they ask for."""

from collections.abc import Iterator, Sequence

from testbed.applications.application import Named, OwnJob, PacketLoad, Rules
from testbed.applications.experts.model import ExpertModels
from testbed.applications.script import Script
from testbed.model.network import Network
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys

MOST_RANKS = 2_000
"""Of all models of a scenario: each rank has a port of its own."""


class ExpertRules(Rules):
    """Of the key `experts`."""

    def findings(self, script: Script, network: Network) -> Iterator[Finding]:
        """Ranks that fit no node, models that end too late, and too many ranks."""
        models = ExpertModels.of(script).experts
        for name, experts in models.items():
            yield from fits_a_node(("experts", name, "job"), experts.job, network)
            yield from within(("experts", name, "ends"), experts.ends_at_ns, script)
        if (ranks := sum(each.ranks for each in models.values())) > MOST_RANKS:
            yield ("experts",), f"have {ranks:,} ranks in all; at most {MOST_RANKS:,} are carried"

    def names(self, script: Script) -> Iterator[Named]:
        """Those of the models and of the jobs of their ranks."""
        for name, experts in ExpertModels.of(script).experts.items():
            at: Keys = ("experts", name)
            yield Named(at, name, "the experts")
            for each in experts.jobs_of(name):
                yield Named(at, each, "a job of")

    def having(self, measure: str, script: Script) -> tuple[str, Sequence[str]] | None:
        """The models."""
        if measure not in ("dispatch", "combine", "exchange"):
            return None
        return "group of experts", [*ExpertModels.of(script).experts]

    def jobs(self, script: Script) -> Iterator[OwnJob]:
        """One for each rank."""
        for name, experts in ExpertModels.of(script).experts.items():
            for job in experts.jobs_of(name):
                yield OwnJob(job, experts.job, name)

    def processes(self, script: Script) -> int:
        """All ranks of a model share one."""
        return len(ExpertModels.of(script).experts)

    def packet_load(self, script: Script, network: Network) -> Iterator[PacketLoad]:
        """The messages of ranks to each other."""
        for name, experts in ExpertModels.of(script).experts.items():
            peers = min(experts.ranks - 1, experts.tokens * experts.top)
            messages = 2 * experts.ranks * peers * experts.layers
            packets_per_s = messages * 10**9 / experts.interval_ns
            yield PacketLoad(name, experts.starts_at_ns, experts.ends_at_ns, packets_per_s)


PART = ExpertRules()
