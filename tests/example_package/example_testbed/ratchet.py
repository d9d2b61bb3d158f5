"""A channel that only grows: the mean load of its largest scene so far, in whole steps of 50 Mbit/s."""

from testbed.channel import Answer, Need, Observation

STEP_BPS = 50_000_000

uses_scenes, uses_counters = True, False


def decide(observation: Observation) -> Answer:
    """The memory is the largest mean load so far."""
    largest_bps = max(observation.memory or 0, observation.load.mean_bps if observation.load else 0)
    steps = -(-largest_bps // STEP_BPS)
    rate_bps = min(max(steps * STEP_BPS, observation.committed_bps), observation.peak_bps)
    return Answer(
        Need(rate_bps=rate_bps, reason=f"{steps} steps, up to scene {observation.scene}"), largest_bps
    )
