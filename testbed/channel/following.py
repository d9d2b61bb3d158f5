"""The policies without the application's help: by the meter, and ahead of known scenes."""

from testbed.channel import rounding
from testbed.channel.meter import Measured, Meter, measure, near
from testbed.channel.pattern import CurrentScene, Pattern
from testbed.channel.policy import Answer, Need, Observation
from testbed.channel.signalled import bounded, no_demand_yet

_FRESH = Meter()


class Following:
    """As much as the counters say, and, if it is `predictive`, as scenes like this one have needed."""

    uses_scenes, uses_counters = False, True

    def __init__(self, *, predictive: bool) -> None:
        self._predictive = predictive

    def decide(self, observation: Observation) -> Answer:
        """See `ChannelPolicy.decide`; what is remembered is the meter."""
        counted = observation.counted
        if counted is None:
            return Answer(no_demand_yet(observation))
        meter, measured = measure(
            observation.memory or _FRESH,
            counted,
            observation.now_ns,
            rate_bps=observation.rate_bps,
            need_bps=observation.needs_bps[0],
            serialisation_ns=observation.serialisation_ns,
            hold_ns=observation.hold_ns,
        )
        known_bps = coming_bps = 0
        if self._predictive:
            pattern = _seeing(observation, meter.pattern, measured, counted.interval_ns)
            meter = meter._replace(pattern=pattern)
            known_bps, coming_bps = pattern.expected_bps(observation.now_ns)
        return Answer(_need(observation, measured, known_bps, coming_bps), meter)


def _need(observation: Observation, measured: Measured, known_bps: int, coming_bps: int) -> Need:
    """The largest of what is measured, known and coming; one that is near to a need that counts is that."""
    wanted_bps = max(measured.rate_bps, known_bps, coming_bps)
    rate_bps = min(max(wanted_bps, observation.committed_bps), observation.peak_bps)
    for counts_bps in observation.needs_bps:
        if counts_bps == rate_bps or near(wanted_bps, counts_bps):
            return Need(rate_bps=counts_bps, reason="as before")
    if measured.rate_bps == wanted_bps:
        reason = measured.reason(observation.serialisation_ns)
    elif known_bps == wanted_bps:
        reason = f"a scene like this has needed {rounding.rate(wanted_bps)}"
    else:
        reason = f"a scene is about to begin that has needed {rounding.rate(wanted_bps)}"
    return bounded(observation, wanted_bps, reason)


def _seeing(
    observation: Observation, pattern: Pattern | None, measured: Measured, interval_ns: int
) -> Pattern:
    """The pattern after an interval; what lies within the committed rate makes no scene of its own."""
    now_ns, committed_bps = observation.now_ns, observation.committed_bps
    level_bps = max(measured.level_bps, committed_bps)
    need_bps = min(max(measured.steady_bps, committed_bps), observation.peak_bps)
    if pattern is None:
        return Pattern(CurrentScene(now_ns - interval_ns, now_ns, level_bps, need_bps))
    return pattern.seeing(level_bps, need_bps, interval_ns, now_ns, observation.hold_ns)
