"""What a scheduled rate loses to the headers of second fragments, and how long it saves up to lose less."""

import pytest
from grants.line import GrantedLine

from testbed.model.base import UPSTREAM
from testbed.pon import Eligibility, PonStandard, TCont, encapsulated_bytes, framing
from testbed.pon.dba.arrangement import Arrangement
from testbed.pon.dba.gathering import GATHER_NS, fragment_loss, gathered_bytes

ITU = [standard for standard in PonStandard if not standard.is_epon]
RATES_BPS = (500_000, 1_000_000, 2_000_000, 5_000_000, 20_000_000, 50_000_000, 200_000_000)
FRAME_BYTES = 1518


def measured(standard: PonStandard, rate_bps: int, *, limited_by: str = "assured") -> tuple[float, int]:
    """The loss of a T-CONT that always wants more, and its longest time without a grant, in frames."""
    more = Eligibility.BEST_EFFORT if limited_by == "maximum" else Eligibility.NONE
    assured_bps = rate_bps if limited_by == "assured" else 0
    tcont = TCont(alloc_id=1, onu=1, assured_bps=assured_bps, maximum_bps=rate_bps, eligibility=more)
    line = GrantedLine(standard, [tcont], lead_frames=3)
    queue, packets = line.queues[1], 40 + rate_bps // 500_000
    for _ in range(packets):
        queue.add(0, FRAME_BYTES)
    granted, waited, longest = 0, 0, 0
    while len(queue.waiting) > packets // 4:
        line.step()
        now = line.grants.get(1, 0)
        granted += now
        waited = 0 if now else waited + 1
        longest = max(longest, waited)
    # What of a packet has gone without its last part counts as gone.
    rest = queue.framed(queue.waiting[0][1]) - queue.framed(FRAME_BYTES)
    carried = queue.delivered * queue.framed(FRAME_BYTES) - rest
    return 1 - carried / granted, longest


@pytest.mark.parametrize("limited_by", ["assured", "maximum"])
@pytest.mark.parametrize("rate_bps", RATES_BPS)
@pytest.mark.parametrize("standard", [PonStandard.XG_PON, PonStandard.XGS_PON])
def test_the_loss_of_a_rate_is_what_the_function_says(
    standard: PonStandard, rate_bps: int, limited_by: str
) -> None:
    loss, _ = measured(standard, rate_bps, limited_by=limited_by)
    expected = float(fragment_loss(framing(standard, UPSTREAM), rate_bps))
    # A grant may end between two packets, and a block or a header at the end of a grant may carry nothing.
    assert loss == pytest.approx(expected, rel=0.15, abs=0.0005)


@pytest.mark.parametrize("rate_bps", RATES_BPS)
def test_nobody_waits_longer_for_a_grant_than_two_milliseconds(rate_bps: int) -> None:
    _, longest = measured(PonStandard.XGS_PON, rate_bps)
    # A block may be missing in the frame that would have been in time; four frames until the first report.
    assert longest * 125_000 <= GATHER_NS + 5 * 125_000


def test_a_rate_of_5_megabit_loses_less_than_a_percent_and_one_of_half_a_megabit_a_sixteenth() -> None:
    up = framing(PonStandard.XGS_PON, UPSTREAM)
    losses = [round(float(fragment_loss(up, rate_bps)) * 100, 2) for rate_bps in RATES_BPS]
    assert losses == [6.4, 3.2, 1.6, 0.64, 0.51, 0.51, 0.26]


def test_granted_in_every_frame_5_megabit_would_lose_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without saving up every grant is about as long as a header is worth, 64 bytes."""
    least = property(lambda self: [self.least_bytes] * len(self.tconts))
    monkeypatch.setattr(Arrangement, "assured_gathered", least)
    monkeypatch.setattr(Arrangement, "maximum_gathered", least)
    loss, _ = measured(PonStandard.XGS_PON, 5_000_000)
    assert 0.09 < loss < 0.14


@pytest.mark.parametrize("standard", ITU)
def test_what_is_saved_up_is_at_most_a_whole_frame_and_at_least_worth_its_header(
    standard: PonStandard,
) -> None:
    up = framing(standard, UPSTREAM)
    saved = [gathered_bytes(up, rate_bps) for rate_bps in (0, 1, 10**5, 10**6, 10**9)]
    assert saved == [64, 64, 64, 250, encapsulated_bytes(up, 1518)]


def test_where_frames_are_not_split_a_grant_holds_one_and_nothing_is_lost_to_fragments() -> None:
    epon = framing(PonStandard.EPON_10G, UPSTREAM)
    assert gathered_bytes(epon, 10**5) == gathered_bytes(epon, 10**9) == 20 + 1522
    assert fragment_loss(epon, 10**6) == 0


def test_packets_come_when_their_rate_has_earned_them() -> None:
    tcont = TCont(alloc_id=1, onu=1, assured_bps=5_000_000, maximum_bps=5_000_000)
    line = GrantedLine(PonStandard.XGS_PON, [tcont], lead_frames=3)
    for _ in range(60):
        line.step()
    for _ in range(3):
        line.queues[1].add(line.frame * line.framing.frame_bytes, FRAME_BYTES)
    gone = []
    while line.queues[1].waiting:
        line.step()
        gone.append(line.queues[1].delivered)
    # An idle T-CONT has kept the credit of two grants; what is beyond comes at the rate, in whatever pieces.
    beyond_bytes = 3 * 1528 - 2 * gathered_bytes(line.framing, 5_000_000)
    # Two second headers and a block are on top, and a round trip of report and grant is before.
    most_frames = (beyond_bytes + 2 * 8 + 16) * 64_000 / 5_000_000 + 1 + line.lead_frames + 1
    assert beyond_bytes * 64_000 / 5_000_000 <= len(gone) <= most_frames + 1
