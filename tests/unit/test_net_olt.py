"""The OLT serves every frame in time, tells the line only what is new, and forgets before a queue goes."""

import time
from collections import deque
from dataclasses import asdict
from typing import Any

import pytest

from testbed.errors import InvariantError
from testbed.model.base import UPSTREAM
from testbed.model.pon import Eligibility, Reporting
from testbed.net import olt
from testbed.net.olt import Announced, Olt
from testbed.net.pon_messages import PonReport, PonStatus
from testbed.plan.network_plan import PonPlan, PonPort
from testbed.pon import GrantMap, PonStandard, TCont, framing, upstream_offset_ns

STANDARD = PonStandard.XGS_PON
EPOCH_NS = upstream_offset_ns(98_000)
LEAD_FRAMES = 3
FRAME_NS = 125_000


class FakeLine:
    """A line that is at whichever frame the test says, and keeps every map it is given."""

    def __init__(self) -> None:
        self.frame = 0
        self.queued: dict[int, int] = {}
        self.maps: list[GrantMap] = []
        self.late_maps = 0

    def exchange(self, grants: GrantMap | None = None) -> PonStatus:
        if grants is not None:
            self.maps.append(grants)
        reports = (PonReport(a, max(self.frame - 1, 0), queued, 0) for a, queued in self.queued.items())
        return PonStatus(self.frame, self.late_maps, 0, tuple(reports))


class FakeControl:
    """The driver's end: a stop when nothing else is left to say."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = deque(messages)
        self.said: list[dict[str, Any]] = []

    def say(self, kind: str, **fields: Any) -> None:
        self.said.append({"kind": kind, **fields})

    def hear(self) -> dict[str, Any]:
        return self.messages.popleft() if self.messages else {"kind": "stop"}

    heard = hear


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _clock: EPOCH_NS)


def make(control: FakeControl, line: FakeLine, *tconts: TCont, **changes: Any) -> Olt:
    plan = PonPlan(
        standard=STANDARD, tconts=tconts, report_every_frames=1, quiet_every_ns=None, quiet_window_ns=0
    )
    port = PonPort(framing=framing(STANDARD, UPSTREAM), epoch_ns=EPOCH_NS)
    return Olt(control, plan, port, line, **changes)  # type: ignore[arg-type]


def best_effort(alloc_id: int) -> TCont:
    return TCont(alloc_id=alloc_id, onu=alloc_id, maximum_bps=10**10, eligibility=Eligibility.BEST_EFFORT)


def serve(served: Olt, line: FakeLine, frame: int) -> None:
    line.frame = frame
    served._serve(frame)


def test_what_is_reported_is_granted_as_many_frames_later_as_processing_and_distance_need() -> None:
    line = FakeLine()
    served = make(FakeControl(), line, best_effort(17))
    serve(served, line, 1)
    line.queued[17] = 1_532
    serve(served, line, 2)
    serve(served, line, 3)
    granted = {grants.frame: grants.granted_bytes(17) for grants in line.maps}
    assert granted[2 + LEAD_FRAMES] >= 1_532
    assert granted[1 + LEAD_FRAMES] == 0


def test_a_map_that_says_nothing_new_is_not_sent() -> None:
    line = FakeLine()
    served = make(FakeControl(), line, best_effort(17))
    for frame in range(1, 50):
        serve(served, line, frame)
    assert len(line.maps) == 1


def test_fixed_grants_need_one_decision_for_all_frames() -> None:
    fixed = TCont(
        alloc_id=17, onu=1, fixed_bps=64_000 * 112, maximum_bps=64_000 * 112, reporting=Reporting.FIXED
    )
    line = FakeLine()
    served = make(FakeControl(), line, fixed)
    serve(served, line, 1)
    assert served._serve_at is None
    assert [grants.granted_bytes(17) for grants in line.maps] == [112]


def test_announced_bytes_are_granted_without_a_report() -> None:
    cooperative = TCont(
        alloc_id=17, onu=1, assured_bps=10**9, maximum_bps=10**9, reporting=Reporting.COOPERATIVE
    )
    line = FakeLine()
    at_ns = EPOCH_NS + 10 * FRAME_NS + 60_000
    served = make(FakeControl(), line, cooperative, announced=[Announced(17, 112, iter([at_ns]))])
    for frame in range(1, 12):
        serve(served, line, frame)
    granted = {grants.frame: grants.granted_bytes(17) for grants in line.maps if grants.granted_bytes(17)}
    assert granted == {10: 124}


def test_a_forgotten_t_cont_is_in_no_later_map_when_that_is_said() -> None:
    line, control = FakeLine(), FakeControl()
    served = make(control, line, best_effort(17), best_effort(18))
    line.queued = {17: 5_000, 18: 5_000}
    for frame in range(1, 8):
        serve(served, line, frame)
    served._heed({"kind": "forget", "alloc_id": 17})
    assert control.said[-1] == {"kind": "forgotten"}
    last = line.maps[-1]
    assert all(each.alloc_id != 17 for burst in last.bursts for each in burst.allocations)


def test_a_change_of_rate_counts_from_the_next_decision_on() -> None:
    line = FakeLine()
    served = make(FakeControl(), line, best_effort(17))
    channel = asdict(TCont(alloc_id=18, onu=17, assured_bps=10**9, maximum_bps=10**9))
    served._heed({"kind": "tcont", "tcont": channel})
    assert [tcont.alloc_id for tcont in served._state.tconts] == [17, 18]


def test_what_it_does_not_know_is_a_defect() -> None:
    with pytest.raises(InvariantError, match="'sing'"):
        make(FakeControl(), FakeLine())._heed({"kind": "sing"})


def test_maps_that_came_late_are_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    line = FakeLine()
    control = FakeControl({"kind": "go"}, {"kind": "tcont", "tcont": vars_of(best_effort(18))})
    monkeypatch.setattr(olt, "use_exact_timers", lambda: None)
    served = make(control, line, best_effort(17))
    line.late_maps = 3
    serve(served, line, 1)
    served.run()
    assert control.said[0] == {"kind": "ready"}
    assert control.said[-1]["remarks"] == [
        "3 bandwidth maps came after their frames had begun: "
        "this machine cannot keep up with the PON's frames"
    ]


def vars_of(tcont: TCont) -> dict[str, Any]:
    return {name: getattr(tcont, name) for name in tcont.__dataclass_fields__}
