"""How a channel without the application's help follows its load: by the meter, and ahead of known scenes."""

from testbed.channel import words
from testbed.channel.demand import Need
from testbed.channel.events import Counted
from testbed.channel.meter import Measured, Meter, measure, near
from testbed.channel.pattern import Pattern, Scene
from testbed.channel.state import Lane
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy


def followed(
    request: ChannelRequest, lane: Lane, meter: Meter, counted: Counted, now_ns: int
) -> tuple[Lane, Meter]:
    """A lane and its meter after one interval; the lane itself if its wants are the same."""
    meter, measured = measure(
        meter,
        counted,
        now_ns,
        rate_bps=lane.rate_bps,
        need_bps=lane.need.rate_bps,
        serialisation_ns=request.serialisation_ns,
        hold_ns=lane.hold_ns,
    )
    bounds = request.towards(lane.direction)
    known_bps = coming_bps = 0
    if request.policy is ResizePolicy.PREDICTIVE:
        pattern = _seeing(bounds, lane, meter.pattern, measured, counted.interval_ns, now_ns)
        meter = meter._replace(pattern=pattern)
        known_bps, coming_bps = pattern.expected_bps(now_ns)
    wanted_bps = max(measured.rate_bps, known_bps, coming_bps)
    rate_bps = min(max(wanted_bps, bounds.committed_bps), bounds.peak_bps)
    for want in lane.wants:
        counts_bps = want.need.rate_bps
        if counts_bps == rate_bps or near(wanted_bps, counts_bps):
            same = want is lane.wants[-1]
            return lane if same else lane.wanting(want.need, now_ns), meter
    if measured.rate_bps == wanted_bps:
        reason = measured.reason(request.serialisation_ns)
    elif known_bps == wanted_bps:
        reason = f"a scene like this has needed {words.rate(wanted_bps)}"
    else:
        reason = f"a scene is about to begin that has needed {words.rate(wanted_bps)}"
    need = Need(rate_bps=rate_bps, reason=_bounded(reason, wanted_bps, rate_bps))
    return lane.wanting(need, now_ns), meter


def _seeing(
    bounds: ChannelRange,
    lane: Lane,
    pattern: Pattern | None,
    measured: Measured,
    interval_ns: int,
    now_ns: int,
) -> Pattern:
    """The pattern after an interval; what lies within the committed rate makes no scene of its own."""
    level_bps = max(measured.level_bps, bounds.committed_bps)
    need_bps = min(max(measured.steady_bps, bounds.committed_bps), bounds.peak_bps)
    if pattern is None:
        return Pattern(Scene(now_ns - interval_ns, now_ns, level_bps, need_bps))
    return pattern.seeing(level_bps, need_bps, interval_ns, now_ns, lane.hold_ns)


def _bounded(reason: str, wanted_bps: int, rate_bps: int) -> str:
    if rate_bps < wanted_bps:
        return f"{reason}, the peak rate is {words.rate(rate_bps)}"
    if rate_bps > wanted_bps:
        return f"{reason}, the committed rate is {words.rate(rate_bps)}"
    return reason
