"""How a channel without the application's help follows its load: by the meter, and ahead of known scenes."""

from testbed.channel import words
from testbed.channel.demand import Need
from testbed.channel.events import Counted
from testbed.channel.meter import Measured, Meter, measure, near
from testbed.channel.state import Lane
from testbed.model.channel import ChannelRequest


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
    return _wanting(request, lane, measured, now_ns), meter


def _wanting(request: ChannelRequest, lane: Lane, measured: Measured, now_ns: int) -> Lane:
    bounds = request.towards(lane.direction)
    wanted_bps = measured.rate_bps
    rate_bps = min(max(wanted_bps, bounds.committed_bps), bounds.peak_bps)
    for want in lane.wants:
        known_bps = want.need.rate_bps
        if known_bps == rate_bps or near(wanted_bps, known_bps):
            return lane if want is lane.wants[-1] else lane.wanting(want.need, now_ns)
    reason = measured.reason(request.serialisation_ns)
    if rate_bps < wanted_bps:
        reason += f", the peak rate is {words.rate(rate_bps)}"
    elif rate_bps > wanted_bps:
        reason += f", the committed rate is {words.rate(rate_bps)}"
    return lane.wanting(Need(rate_bps=rate_bps, reason=reason), now_ns)
