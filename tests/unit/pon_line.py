"""An upstream line in a few lines: queues of bytes, maps carried out, reports some frames old."""

from collections import deque
from collections.abc import Iterable, Mapping

from testbed.model.base import UPSTREAM
from testbed.pon import (
    DbaState,
    GrantMap,
    PonStandard,
    QueueReport,
    Reporting,
    TCont,
    decide,
    framing,
    line_bytes,
)

PIPELINE_FRAMES = 5
"""From a report's frame to the first frame whose map knows of it; timing says 4 to 8 for real distances."""


class PonLine:
    """What T-CONTs offer comes in evenly, frame by frame; a grant takes as much of a queue as it holds."""

    def __init__(self, state: DbaState, pipeline_frames: int = PIPELINE_FRAMES) -> None:
        self.state = state
        self.frame = state.frame
        self.queued = {tcont.alloc_id: 0 for tcont in state.tconts}
        self.used = dict.fromkeys(self.queued, 0)
        self.granted = dict.fromkeys(self.queued, 0)
        self.maps: list[GrantMap] = []
        self._earned = dict.fromkeys(self.queued, 0)
        self._under_way: deque[list[QueueReport]] = deque([[] for _ in range(pipeline_frames)])

    def run(self, frames: int, offered_bps: Mapping[int, int]) -> None:
        """Let frames pass under a steady load."""
        units = self.state.arrangement.framing.credit_units
        for _ in range(frames):
            self.frame += 1
            for alloc_id, rate_bps in offered_bps.items():
                arrived, self._earned[alloc_id] = divmod(self._earned[alloc_id] + rate_bps, units)
                self.queued[alloc_id] += arrived
            self._step()

    def _step(self) -> None:
        self.state, grant_map = decide(self.state, self._under_way.popleft(), self.frame)
        self.maps.append(grant_map)
        reports = [
            QueueReport(tcont.alloc_id, self.frame, 0, self.used[tcont.alloc_id])
            for tcont in self.state.tconts
            if tcont.reporting is Reporting.TRAFFIC_MONITORING
        ]
        for burst in grant_map.bursts:
            for alloc_id, _, _, grant_bytes, _, report in burst.allocations:
                if report:
                    reports.append(
                        QueueReport(alloc_id, self.frame, self.queued[alloc_id], self.used[alloc_id])
                    )
                sent = min(self.queued[alloc_id], grant_bytes)
                self.queued[alloc_id] -= sent
                self.used[alloc_id] += sent
                self.granted[alloc_id] += grant_bytes
        self._under_way.append(reports)

    def rates_bps(self, frames: int, offered_bps: Mapping[int, int]) -> dict[int, float]:
        """What each T-CONT sends over the next frames."""
        before = dict(self.used)
        self.run(frames, offered_bps)
        units = self.state.arrangement.framing.credit_units
        return {alloc_id: (self.used[alloc_id] - before[alloc_id]) * units / frames for alloc_id in before}


def check_layout(standard: PonStandard, tconts: Iterable[TCont], grant_map: GrantMap) -> None:
    """Assert that a map can be carried out: bursts apart and within the frame, allocations within bursts."""
    upstream = framing(standard, UPSTREAM)
    onus = {tcont.alloc_id: tcont.onu for tcont in tconts}
    reports = {tcont.alloc_id: tcont.reports for tcont in tconts}
    cursor = 0
    for burst in grant_map.bursts:
        assert burst.start_byte >= cursor + upstream.burst_overhead_bytes
        assert burst.end_byte <= upstream.frame_bytes
        cursor = burst.end_byte
        carried = upstream.burst_header_bytes
        assert burst.allocations
        for allocation in burst.allocations:
            assert (allocation.start_byte, allocation.end_byte) == (burst.start_byte, burst.end_byte)
            assert onus[allocation.alloc_id] == burst.onu
            own = upstream.report_bytes if allocation.report else 0
            assert (allocation.grant_bytes + own) % upstream.block_bytes == 0 or not allocation.grant_bytes
            assert allocation.grant_bytes > 0 or allocation.report
            assert not allocation.report or reports[allocation.alloc_id]
            carried += upstream.report_bytes if allocation.report else 0
            assert allocation.skip_bytes == carried
            carried += allocation.grant_bytes or upstream.poll_bytes - upstream.report_bytes
        assert burst.end_byte - burst.start_byte == line_bytes(
            upstream, carried + upstream.burst_trailer_bytes
        )
    polled = [each.alloc_id for burst in grant_map.bursts for each in burst.allocations if each.report]
    assert len(polled) == len(set(polled))
