"""What T-CONTs have queued, as far as reports, announcements and past grants tell."""

from collections.abc import Sequence

from testbed.pon.dba.dba_state import DbaState, TrafficMonitor
from testbed.pon.dba.grant_map import QueueReport
from testbed.pon.framing import least_grant_bytes

_WRAP = 2**32


def hear(
    state: DbaState,
    reports: Sequence[QueueReport],
    frame: int,
    known: list[int],
    reported: list[int],
    monitors: list[TrafficMonitor | None],
) -> None:
    """Enter reports into `known`, `reported` and `monitors`, in place, before the map of `frame` is decided.

    Reports of T-CONTs that are gone are passed over: they were on their way. So is a report that was heard
    before: the grants that it leads to may be older by now than what is remembered. What was announced for
    a frame after the report's is not in it, so it is added.
    """
    place_of, announcements = state.arrangement.place_of, state.announcements
    granted, least_bytes = state.granted, state.arrangement.least_bytes
    history, first_frame = state.history, state.history_frame
    for report in reports:
        alloc_id, report_frame, queued_bytes, _ = report
        index = place_of.get(alloc_id)
        if index is None or report_frame <= reported[index]:
            continue
        reported[index] = report_frame
        # Nothing is known of what was granted more than 64 frames ago.
        ago = report_frame - first_frame
        before = (history[ago if ago > 0 else 0] if ago < len(history) else granted)[index]
        monitor = monitors[index]
        if monitor is not None:
            monitors[index] = _watched(state, index, monitor, report, before, frame)
            continue
        left_bytes = queued_bytes - (granted[index] - before)
        if queued_bytes and left_bytes < least_bytes:
            left_bytes = _little_left(state, queued_bytes, left_bytes)
        known[index] = granted[index] + left_bytes
        for announcement in announcements:
            if announcement.alloc_id == alloc_id and report_frame < announcement.frame <= state.frame:
                known[index] += announcement.announced_bytes


def _little_left(state: DbaState, queued_bytes: int, left_bytes: int) -> int:
    """What is still to be granted of a queue for which grants under way seem to leave less than is worth one.

    Those may take a header less than is thought: whoever was thought to have been granted all may have had
    a fragment left. So what seems to be left is exact only while it is much. Less than anything that can
    wait is nothing; if it is something after all, the report after those grants says so. And a little is
    granted as if they took nothing, because pieces of it would have a header each.
    """
    arrangement = state.arrangement
    if left_bytes == queued_bytes:
        return max(left_bytes, arrangement.useful_bytes)
    if left_bytes < arrangement.useful_bytes:
        return min(left_bytes, 0)
    return max(left_bytes, min(queued_bytes, arrangement.least_bytes))


def _watched(
    state: DbaState, index: int, monitor: TrafficMonitor, report: QueueReport, granted: int, frame: int
) -> TrafficMonitor:
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
        return TrafficMonitor(estimate, report.frame, report.used_bytes, granted, frame)
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
    return TrafficMonitor(max(estimate, probe), report.frame, report.used_bytes, granted, grown_frame)
