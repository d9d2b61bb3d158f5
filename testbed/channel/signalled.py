"""The policies that need no counters: the committed rate, and what the application's scene needs."""

from testbed.channel import rounding
from testbed.channel.interface import OfferedLoad
from testbed.channel.policy import Answer, Need, Observation

_NS_PER_S = 10**9


class Static:
    """Always the committed rate."""

    uses_scenes = uses_counters = False

    def decide(self, observation: Observation) -> Answer:
        """See `ChannelPolicy.decide`."""
        rate_bps = observation.committed_bps
        return Answer(Need(rate_bps=rate_bps, reason=f"static policy, {rounding.rate(rate_bps)}"))


class Signalled:
    """Enough for the scene's largest burst within the serialisation time, and for its mean rate.

    Before any scene is known it is the committed rate.
    """

    uses_scenes, uses_counters = True, False

    def decide(self, observation: Observation) -> Answer:
        """See `ChannelPolicy.decide`."""
        if observation.scene is None or observation.load is None:
            return Answer(no_demand_yet(observation))
        wanted_bps, reason = _wanted(observation.serialisation_ns, observation.scene, observation.load)
        return Answer(bounded(observation, wanted_bps, reason))


def no_demand_yet(observation: Observation) -> Need:
    """The committed rate, as long as nothing is known."""
    rate_bps = observation.committed_bps
    return Need(rate_bps=rate_bps, reason=f"no demand yet, {rounding.rate(rate_bps)} committed")


def bounded(observation: Observation, wanted_bps: int, reason: str) -> Need:
    """What is wanted as far as the channel's rates go, and which of them it meets."""
    if wanted_bps > observation.peak_bps:
        return Need(
            rate_bps=observation.peak_bps,
            reason=f"{reason}, the peak rate is {rounding.rate(observation.peak_bps)}",
        )
    if wanted_bps < observation.committed_bps:
        committed = rounding.rate(observation.committed_bps)
        return Need(rate_bps=observation.committed_bps, reason=f"{reason}, the committed rate is {committed}")
    return Need(rate_bps=wanted_bps, reason=reason)


def _wanted(serialisation_ns: int, scene: str, load: OfferedLoad) -> tuple[int, str]:
    burst_bps = -(-load.burst_bytes * 8 * _NS_PER_S // serialisation_ns)
    if burst_bps < load.mean_bps:
        return load.mean_bps, f"scene {scene}: a mean load of {rounding.rate(load.mean_bps)}"
    within = rounding.duration(serialisation_ns)
    return burst_bps, f"scene {scene}: {load.burst} within {within} needs {rounding.rate(burst_bps)}"
