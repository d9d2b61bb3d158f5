"""What T-CONTs have queued, as far as reports, announcements and past grants tell."""

from collections.abc import Sequence

from testbed.pon.dba.grant_map import Report
from testbed.pon.dba.state import DbaState, Monitor
from testbed.pon.framing import least_grant_bytes

_WRAP = 2**32


def hear(
    state: DbaState, reports: Sequence[Report], frame: int, known: list[int], monitors: list[Monitor | None]
) -> None:
    """Enter reports into `known` and `monitors`, in place, before the map of `frame` is decided.

    Reports of T-CONTs that are gone are passed over: they were on their way. What was announced for a
    frame after the report's is not in it, so it is added.
    """
    place_of, announcements = state.arrangement.place_of, state.announcements
    for report in reports:
        index = place_of.get(report.alloc_id)
        if index is None:
            continue
        before = granted_before(state, index, report.frame)
        monitor = monitors[index]
        if monitor is not None:
            monitors[index] = _watched(state, index, monitor, report, before, frame)
            continue
        known[index] = before + report.occupancy_bytes
        for announcement in announcements:
            if announcement.alloc_id == report.alloc_id and report.frame < announcement.frame <= state.frame:
                known[index] += announcement.announced_bytes


def granted_before(state: DbaState, index: int, frame: int) -> int:
    """What a T-CONT had been granted when a frame began; nothing is known of more than 64 frames ago."""
    number = frame - state.history_frame
    if number >= len(state.history):
        return state.granted[index]
    return state.history[max(number, 0)][index]


def _watched(
    state: DbaState, index: int, monitor: Monitor, report: Report, granted: int, frame: int
) -> Monitor:
    """A new estimate: twice as much while grants are used up, else what was used, a quarter more and a probe.

    It grows no sooner than the last growth can have shown, and at once to the assured rate, which would
    be granted anyway. It shrinks by a quarter a report at most, so that one quiet frame means little.
    """
    arrangement = state.arrangement
    framing = arrangement.framing
    probe = arrangement.least_bytes
    frames = report.frame - monitor.frame
    if monitor.frame < 0 or frames <= 0:
        estimate = max(monitor.estimate_bytes, probe)
        if frames <= 0 <= monitor.frame:
            return monitor
        return Monitor(estimate, report.frame, report.used_bytes, granted, frame)
    used = (report.used_bytes - monitor.used_bytes) % _WRAP
    given = granted - monitor.granted_bytes
    estimate, grown_frame = monitor.estimate_bytes, monitor.grown_frame
    # The end of a grant may be too short for a header and a unit, or for a whole frame.
    slack = (
        least_grant_bytes(framing) if not framing.fragmentable else framing.header_bytes + framing.unit_bytes
    )
    if used > 0 and used + slack * frames >= given:
        if report.frame > grown_frame:
            assured = arrangement.guaranteed_bps[index] // framing.credit_units
            most = max(arrangement.maximum_units[index] // framing.credit_units, probe)
            estimate, grown_frame = min(max(2 * estimate, assured + probe), most + probe), frame
    elif given > 0:
        wanted = used * 5 // (4 * frames) + probe
        estimate = min(estimate, max(wanted, estimate * 3 // 4))
    return Monitor(max(estimate, probe), report.frame, report.used_bytes, granted, grown_frame)
