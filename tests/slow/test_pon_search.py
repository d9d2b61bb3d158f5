"""No queue waits while the line is idle: a random search, and controls in which some do."""

import pytest
from grants.line import GrantedLine
from grants.search import search

from testbed.pon import PonStandard, QuietWindow, Reporting, TCont
from testbed.pon.dba import demand_estimate
from testbed.pon.dba.grant_ledger import GrantLedger

PERIODS = 5_000


def test_no_queue_waits_while_the_line_is_idle() -> None:
    found = search(1, PERIODS)
    assert found.stuck == []
    assert found.total >= PERIODS
    assert {standard for standard, _ in found.periods} == set(PonStandard)
    assert {number for _, number in found.periods} == {1, 2, 3, 4, 5}
    assert found.ways.keys() == set(Reporting)
    # A report is answered by a grant, and what that grant leaves by one more.
    assert max(found.round_trips[way] for way in (Reporting.STATUS_REPORTING, Reporting.COOPERATIVE)) <= 2


def count_as_served(self: GrantLedger, index: int, grant_bytes: int) -> None:
    """Without the mechanism every grant counts as served, except the header of a frame that it splits."""
    cut = self.known[index] - self.granted[index] > grant_bytes and self.monitors[index] is None
    header_bytes = self.framing.header_bytes if self.framing.fragmentable else 0
    self.granted[index] += grant_bytes - header_bytes if cut and grant_bytes > header_bytes else grant_bytes


def test_where_grants_count_as_served_that_carry_nothing_queues_are_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""
    monkeypatch.setattr(GrantLedger, "count", count_as_served)
    monkeypatch.setattr(demand_estimate, "_little_left", lambda _, queued_bytes, left_bytes: left_bytes)
    found = search(1, PERIODS // 2)
    assert len(found.stuck) > 1


EVERY_FRAMES = 80
ASSURED = TCont(alloc_id=1, onu=1, assured_bps=10**8, maximum_bps=10**8)


def without(monkeypatch: pytest.MonkeyPatch, **forgotten: tuple[int, ...]) -> None:
    """Let the OLT forget something from frame to frame."""
    closed = GrantLedger.closed
    monkeypatch.setattr(GrantLedger, "closed", lambda ledger: closed(ledger)._replace(**forgotten))


def waited_frames() -> int | None:
    """How long a packet waits where quiet windows of 10 ms always meet the reports; None for ever."""
    # The window covers the frames in which ONU 1 would report, and no others.
    quiet = [QuietWindow((EVERY_FRAMES - 1) * 125_000, 125_000, 10_000_000)]
    line = GrantedLine(PonStandard.XGS_PON, [ASSURED], 4, EVERY_FRAMES, quiet)
    line.queues[1].add(0, 1518)
    for frame in range(20 * EVERY_FRAMES):
        line.step()
        if line.queues[1].delivered:
            return frame
    return None


def test_a_report_that_falls_into_a_quiet_window_comes_in_the_next_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert waited_frames() == EVERY_FRAMES + 1 + 4
    without(monkeypatch, overdue=())
    assert waited_frames() is None


def granted_bytes() -> int:
    """What is granted for one packet while reports are rare."""
    line, granted = GrantedLine(PonStandard.XGS_PON, [ASSURED], 4, EVERY_FRAMES), 0
    line.queues[1].add(0, 1518)
    for _ in range(10 * EVERY_FRAMES):
        line.step()
        granted += line.granted_bytes
    return granted


def test_a_report_is_heard_once_however_long_the_next_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes again in every frame until there is a newer one, when its grants are no longer remembered."""
    assert granted_bytes() == 1536
    without(monkeypatch, reported=(-1,))
    assert granted_bytes() == 2 * 1536
