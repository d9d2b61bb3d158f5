"""What little is left of a queue is granted in one piece, because a bare header would carry nothing."""

import pytest

from testbed.pon import PonStandard, QueueReport, TCont, decide, start
from testbed.pon.dba import demand_estimate
from testbed.pon.dba.grant_ledger import GrantLedger

LEAD_FRAMES = 3
STANDARDS = [PonStandard.XG_PON, PonStandard.XGS_PON, PonStandard.PON_50G]
ASSURED = TCont(alloc_id=1, onu=1, assured_bps=10**8, maximum_bps=10**8)


def grants(standard: PonStandard, queued: list[int]) -> list[int]:
    """What is granted in answer to the reports of frames one after another, whatever was granted before."""
    state, granted = start(standard, [ASSURED]), []
    for frame, queued_bytes in enumerate(queued, start=1):
        state, grant_map = decide(state, [QueueReport(1, frame - 1, queued_bytes, 0)], frame + LEAD_FRAMES)
        granted.append(grant_map.granted_bytes(1))
    return granted


def shortened(standard: PonStandard, queued_bytes: int) -> list[int]:
    """The grants until a fragment of this length, with its header, has gone; grants carry what they can."""
    state, granted, under_way = start(standard, [ASSURED]), list[int](), [0] * LEAD_FRAMES
    for frame in range(40):
        state, grant_map = decide(state, [QueueReport(1, frame, queued_bytes, 0)], frame + LEAD_FRAMES)
        under_way.append(grant_map.granted_bytes(1))
        granted.append(under_way[-1])
        now = under_way.pop(0)
        queued_bytes = 0 if now >= queued_bytes else queued_bytes - max(now - 8, 0)
    assert queued_bytes == 0
    return [grant for grant in granted if grant]


@pytest.mark.parametrize("standard", STANDARDS)
def test_no_grant_is_a_bare_header(standard: PonStandard) -> None:
    """8, 16, … 40 bytes and then 40 for ever, as from an ONU that no grant helps."""
    granted = grants(standard, [min(8 * frame, 40) for frame in range(1, 60)])
    assert all(grant == 0 or grant >= 12 for grant in granted)
    # Once all grants are answered, the whole of what still waits is granted again.
    assert min(grant for grant in granted[8:] if grant) >= 40
    assert all(any(granted[at : at + 6]) for at in range(8, 50))


def test_with_grants_that_count_as_served_a_bare_header_is_granted_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""

    def count(self: GrantLedger, index: int, grant_bytes: int) -> None:
        self.granted[index] += grant_bytes

    monkeypatch.setattr(GrantLedger, "count", count)
    monkeypatch.setattr(demand_estimate, "_little_left", lambda _, queued_bytes, left_bytes: left_bytes)
    granted = grants(PonStandard.XG_PON, [min(8 * frame, 40) for frame in range(1, 60)])
    assert set(granted[20:]) <= {0, 8}
    assert 8 in granted[20:]


@pytest.mark.parametrize("queued_bytes", [12, 16, 40, 64, 76])
@pytest.mark.parametrize("standard", STANDARDS)
def test_a_little_goes_with_one_grant(standard: PonStandard, queued_bytes: int) -> None:
    (only,) = shortened(standard, queued_bytes)
    assert queued_bytes <= only < queued_bytes + 16
