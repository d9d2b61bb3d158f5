"""A channel that only grows: the mean load of its largest scene so far, in whole steps of 50 Mbit/s."""

from testbed.channel import Answer, Need, Told

STEP_BPS = 50_000_000

hears_scenes, hears_counters = True, False


def decide(told: Told) -> Answer:
    """The memory is the largest mean load so far."""
    largest_bps = max(told.memory or 0, told.load.mean_bps if told.load else 0)
    steps = -(-largest_bps // STEP_BPS)
    rate_bps = min(max(steps * STEP_BPS, told.committed_bps), told.peak_bps)
    return Answer(Need(rate_bps=rate_bps, reason=f"{steps} steps, up to scene {told.scene}"), largest_bps)
