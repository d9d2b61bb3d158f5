"""The policies that need no counters: the committed rate, and what the application's scene needs."""

from testbed.channel import words
from testbed.channel.events import Load
from testbed.channel.policy import Answer, Need, Told

_NS_PER_S = 10**9


class Static:
    """Always the committed rate."""

    hears_scenes = hears_counters = False

    def decide(self, told: Told) -> Answer:
        """See `ChannelPolicy.decide`."""
        rate_bps = told.committed_bps
        return Answer(Need(rate_bps=rate_bps, reason=f"static policy, {words.rate(rate_bps)}"))


class Signalled:
    """Enough for the scene's largest burst within the serialisation time, and for its mean rate.

    Before any scene is known it is the committed rate.
    """

    hears_scenes, hears_counters = True, False

    def decide(self, told: Told) -> Answer:
        """See `ChannelPolicy.decide`."""
        if told.scene is None or told.load is None:
            return Answer(no_demand_yet(told))
        wanted_bps, reason = _wanted(told.serialisation_ns, told.scene, told.load)
        return Answer(bounded(told, wanted_bps, reason))


def no_demand_yet(told: Told) -> Need:
    """The committed rate, as long as nothing is known."""
    rate_bps = told.committed_bps
    return Need(rate_bps=rate_bps, reason=f"no demand yet, {words.rate(rate_bps)} committed")


def bounded(told: Told, wanted_bps: int, reason: str) -> Need:
    """What is wanted as far as the channel's rates go, and which of them it meets."""
    if wanted_bps > told.peak_bps:
        return Need(rate_bps=told.peak_bps, reason=f"{reason}, the peak rate is {words.rate(told.peak_bps)}")
    if wanted_bps < told.committed_bps:
        committed = words.rate(told.committed_bps)
        return Need(rate_bps=told.committed_bps, reason=f"{reason}, the committed rate is {committed}")
    return Need(rate_bps=wanted_bps, reason=reason)


def _wanted(serialisation_ns: int, scene: str, load: Load) -> tuple[int, str]:
    burst_bps = -(-load.burst_bytes * 8 * _NS_PER_S // serialisation_ns)
    if burst_bps < load.mean_bps:
        return load.mean_bps, f"scene {scene}: a mean load of {words.rate(load.mean_bps)}"
    within = words.duration(serialisation_ns)
    return burst_bps, f"scene {scene}: {load.burst} within {within} needs {words.rate(burst_bps)}"
