"""The upstream line frame by frame: the OLT takes reports, decides ahead, and the ONUs carry its maps out."""

from collections import deque
from collections.abc import Sequence

from grants.queue import Queue
from testbed.model.base import UPSTREAM
from testbed.model.pon import Reporting
from testbed.pon import (
    DbaState,
    GrantMap,
    PonStandard,
    QueueReport,
    QuietWindow,
    TCont,
    announce,
    decide,
    framing,
    start,
)


class GrantedLine:
    """The loop of `testbed.net.olt`: at the start of a frame, take earlier reports and decide a later map."""

    def __init__(
        self,
        standard: PonStandard,
        tconts: Sequence[TCont],
        lead_frames: int,
        report_every_frames: int = 1,
        quiet: Sequence[QuietWindow] = (),
    ) -> None:
        self.framing = framing(standard, UPSTREAM)
        self.tconts = {tcont.alloc_id: tcont for tcont in tconts}
        self.queues = {alloc_id: Queue(self.framing) for alloc_id in self.tconts}
        self.state: DbaState = start(standard, tconts, quiet=quiet, report_every_frames=report_every_frames)
        self.frame = 0
        self.lead_frames = lead_frames
        self.granted_bytes = 0
        """In the last frame, to all."""
        self.grants: dict[int, int] = {}
        """In the last frame, by Alloc-ID."""
        self._reports: dict[int, QueueReport] = {}
        self._maps: deque[GrantMap] = deque()
        for early in range(lead_frames):
            self._decide(early)

    def announce(self, alloc_id: int, frame: int, announced_bytes: int) -> None:
        """Tell the OLT what will be there at the start of a frame."""
        self.state = announce(self.state, alloc_id, frame * self.framing.frame_ns, announced_bytes)

    def step(self) -> None:
        """Let one frame pass."""
        self._decide(self.frame + self.lead_frames)
        grants = self._maps.popleft()
        self.granted_bytes, self.grants = 0, {}
        begin = self.frame * self.framing.frame_bytes
        for burst in grants.bursts:
            for alloc_id, start_byte, skip_bytes, grant_bytes, _, report in burst.allocations:
                queue = self.queues[alloc_id]
                if report:
                    queued_bytes = queue.reported(begin + start_byte)
                    self._reports[alloc_id] = QueueReport(
                        alloc_id, self.frame, queued_bytes, queue.used_bytes
                    )
                if grant_bytes:
                    self.granted_bytes += grant_bytes
                    self.grants[alloc_id] = self.grants.get(alloc_id, 0) + grant_bytes
                    queue.serve(self.frame, start_byte, skip_bytes, grant_bytes)
        self.frame += 1
        for alloc_id, tcont in self.tconts.items():
            if tcont.reporting is Reporting.TRAFFIC_MONITORING:
                used_bytes = self.queues[alloc_id].used_bytes
                self._reports[alloc_id] = QueueReport(alloc_id, self.frame, 0, used_bytes)

    def _decide(self, frame: int) -> None:
        self.state, grants = decide(self.state, list(self._reports.values()), frame)
        self._maps.append(grants)
