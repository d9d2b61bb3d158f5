"""When more is wanted than fits, the frame is used as far as its shares allow, and nothing ever leaves it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pon_line import PonLine, check_layout

from testbed.model.base import UPSTREAM
from testbed.pon import (
    Eligibility,
    PonStandard,
    QueueReport,
    QuietWindow,
    TCont,
    capacity_bps,
    decide,
    engine_capacity_bps,
    start,
)
from testbed.pon.dba.arrangement import check_tconts, sure_capacity_bps

REPEATABLE = settings(max_examples=60, deadline=None, derandomize=True)
MEGABIT = 10**6
OVERLOAD_BPS = 60 * 10**9
SETTLING_FRAMES = 50
MEASURED_FRAMES = 100
ONUS = (1, 8, 16, 32, 64, 128)
STANDARDS = (PonStandard.XG_PON, PonStandard.XGS_PON, PonStandard.PON_50G, PonStandard.PON_50G_25G)


def effort(alloc_id: int, weight: int = 1, assured_bps: int = 0, onu: int | None = None) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id if onu is None else onu,
        assured_bps=assured_bps,
        maximum_bps=OVERLOAD_BPS,
        eligibility=Eligibility.BEST_EFFORT,
        weight=weight,
    )


def granted_bps(standard: PonStandard, tconts: list[TCont]) -> dict[int, float]:
    """What each T-CONT is granted while all of them ask for more than the line has."""
    line = PonLine(start(standard, tconts))
    offered_bps = {tcont.alloc_id: OVERLOAD_BPS for tcont in tconts}
    line.run(SETTLING_FRAMES, offered_bps)
    before = dict(line.granted)
    line.run(MEASURED_FRAMES, offered_bps)
    check_layout(standard, tconts, line.maps[-1])
    units = line.state.arrangement.units
    return {
        alloc_id: (granted - before[alloc_id]) * units / MEASURED_FRAMES
        for alloc_id, granted in line.granted.items()
    }


@pytest.mark.parametrize("onus", ONUS)
@pytest.mark.parametrize("standard", STANDARDS)
def test_equal_t_conts_are_granted_what_evenly_long_bursts_carry(standard: PonStandard, onus: int) -> None:
    tconts = [effort(i) for i in range(onus)]
    rates_bps = granted_bps(standard, tconts)
    total_bps = sum(rates_bps.values())
    assert total_bps >= capacity_bps(standard, UPSTREAM, onus) * (1 - 0.004)
    assert engine_capacity_bps(standard, tconts) == pytest.approx(total_bps, rel=0.001)
    # What one is ahead of another is what each may carry over to the next frame, 256 bytes.
    assert max(rates_bps.values()) - min(rates_bps.values()) <= 2 * 256 * 64_000 / MEASURED_FRAMES


@pytest.mark.parametrize(
    ("standard", "onus"), [(PonStandard.XG_PON, 90), (PonStandard.XGS_PON, 128), (PonStandard.PON_50G, 64)]
)
def test_what_is_sure_however_it_is_divided_is_less_by_far(standard: PonStandard, onus: int) -> None:
    """The control: with the last codeword of every burst counted whole, the table above is not met."""
    tconts = [effort(i) for i in range(onus)]
    assert sure_capacity_bps(standard, tconts) < capacity_bps(standard, UPSTREAM, onus) * (1 - 0.02)


@pytest.mark.parametrize("onus", [3, 20, 64])
@pytest.mark.parametrize("standard", [*STANDARDS, PonStandard.EPON_10G])
def test_unequal_t_conts_attain_what_the_engine_is_said_to_have(standard: PonStandard, onus: int) -> None:
    tconts = [effort(i, weight=1 + i * 7 % 13) for i in range(onus)]
    total_bps = sum(granted_bps(standard, tconts).values())
    assert sure_capacity_bps(standard, tconts) <= total_bps * 1.001
    assert engine_capacity_bps(standard, tconts) <= total_bps * 1.001


@pytest.mark.parametrize("standard", STANDARDS)
def test_what_is_sure_can_be_promised_in_uneven_parts(standard: PonStandard) -> None:
    onus = 32
    spare_bps = sure_capacity_bps(standard, [effort(i, assured_bps=MEGABIT) for i in range(onus)])
    parts = [4 + i for i in range(onus)]
    promised = [
        effort(i, assured_bps=spare_bps * part // sum(parts), weight=onus - i) for i, part in enumerate(parts)
    ]
    state = start(standard, promised)
    granted = dict.fromkeys(range(onus), 0)
    for frame in range(MEASURED_FRAMES):
        state, grant_map = decide(state, [QueueReport(i, frame, 10**7, 0) for i in range(onus)], frame)
        for i in granted:
            granted[i] += grant_map.granted_bytes(i)
    for tcont in promised:
        # The last frame may leave over what is too little to grant: less than is gathered, or a block.
        promised_bytes = MEASURED_FRAMES * tcont.assured_bps // state.arrangement.units
        left_over_bytes = state.arrangement.assured_gathered[tcont.alloc_id]
        assert granted[tcont.alloc_id] > promised_bytes - left_over_bytes, tcont


@st.composite
def saturated(draw: st.DrawFn) -> tuple[PonStandard, list[TCont], list[QuietWindow], list[list[int]]]:
    """Many T-CONTs that report much, and little now and then, with all of the frame free or parts of it."""
    standard = draw(st.sampled_from(PonStandard))
    onus = draw(st.sampled_from([1, 2, 7, 30, 64]))
    tconts: list[TCont] = []
    for alloc_id in range(onus + draw(st.sampled_from([0, 5, 20]))):
        weight = draw(st.sampled_from([1, 1, 1, 3, 150]))
        tconts.append(effort(alloc_id, weight, draw(st.sampled_from([0, MEGABIT])), alloc_id % onus))
    for alloc_id in range(100, 100 + draw(st.integers(0, 2))):
        rate_bps = draw(st.sampled_from([20 * MEGABIT, 77_000_001]))
        grants = draw(st.sampled_from([1, 3]))
        tcont = TCont(
            alloc_id=alloc_id, onu=90, fixed_bps=rate_bps, maximum_bps=rate_bps, grants_per_frame=grants
        )
        try:
            check_tconts(standard, [*tconts, tcont])
        except ValueError:
            continue
        tconts.append(tcont)
    quiet = draw(
        st.lists(st.builds(QuietWindow, st.integers(0, 10**6), st.just(250_000), st.none()), max_size=1)
    )
    queued = st.sampled_from([10**7, 10**7, 10**7, 3000, 100, 0])
    frames = draw(
        st.lists(st.lists(queued, min_size=len(tconts), max_size=len(tconts)), min_size=6, max_size=6)
    )
    return standard, tconts, quiet, frames


@REPEATABLE
@given(saturated())
def test_a_saturated_frame_is_never_left(
    case: tuple[PonStandard, list[TCont], list[QuietWindow], list[list[int]]],
) -> None:
    standard, tconts, quiet, frames = case
    state = start(standard, tconts, quiet=quiet)
    for frame, queued in enumerate(frames):
        reports = [
            QueueReport(tcont.alloc_id, frame, much, 0) for tcont, much in zip(tconts, queued, strict=True)
        ]
        state, grant_map = decide(state, reports, frame)
        check_layout(standard, tconts, grant_map)
