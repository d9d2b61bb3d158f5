"""The frame-by-frame engine against the ideal: the same shares in the long run, whatever the mix."""

import pytest
from pon_line import PonLine, check_layout

from testbed.model.base import UPSTREAM
from testbed.pon import (
    Eligibility,
    PonStandard,
    Reporting,
    TCont,
    capacity_bps,
    engine_capacity_bps,
    shares,
    start,
)

MEGABIT = 10**6
GIGABIT = 10**9
OVERLOAD_BPS = 60 * GIGABIT
# Credits let a T-CONT catch up, and queues that grew before the first reports have to drain.
SETTLING_FRAMES = 1000
MEASURED_FRAMES = 1000
NON_ASSURED, BEST_EFFORT = Eligibility.NON_ASSURED, Eligibility.BEST_EFFORT
MONITORED, COOPERATIVE, FIXED = Reporting.TRAFFIC_MONITORING, Reporting.COOPERATIVE, Reporting.FIXED


def effort(alloc_id: int, maximum_bps: int = 50 * GIGABIT, priority: int = 1, weight: int = 1) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        maximum_bps=maximum_bps,
        eligibility=BEST_EFFORT,
        priority=priority,
        weight=weight,
    )


def assured(alloc_id: int, rate_bps: int) -> TCont:
    return TCont(alloc_id=alloc_id, onu=alloc_id, assured_bps=rate_bps, maximum_bps=rate_bps)


def surplus(alloc_id: int, assured_bps: int, maximum_bps: int = 50 * GIGABIT) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        assured_bps=assured_bps,
        maximum_bps=maximum_bps,
        eligibility=NON_ASSURED,
    )


def fixed(alloc_id: int, rate_bps: int, grants: int = 1) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        fixed_bps=rate_bps,
        maximum_bps=rate_bps,
        grants_per_frame=grants,
        reporting=FIXED,
    )


def any_mix(alloc_id: int, eligibility: Eligibility, grants: int = 1) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        fixed_bps=123_456_789,
        assured_bps=200 * MEGABIT,
        maximum_bps=3 * GIGABIT,
        eligibility=eligibility,
        grants_per_frame=grants,
    )


def monitored(alloc_id: int, assured_bps: int = 0, weight: int = 1) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        assured_bps=assured_bps,
        maximum_bps=50 * GIGABIT,
        eligibility=BEST_EFFORT,
        weight=weight,
        reporting=MONITORED,
    )


TCONTS: dict[str, list[TCont]] = {
    "equals": [effort(i) for i in range(8)],
    "150 to 1": [effort(1, weight=150), effort(2)],
    "150 to 1 among many": [*(effort(i, weight=150) for i in range(10)), effort(99)],
    "priorities": [
        effort(1, 2 * GIGABIT),
        effort(2, priority=2),
        effort(3, priority=2, weight=3),
        effort(4, priority=3),
    ],
    "assured": [assured(1, 2 * GIGABIT), assured(2, 900 * MEGABIT), effort(3), effort(4, weight=2)],
    "non-assured": [
        surplus(1, GIGABIT),
        surplus(2, GIGABIT // 2),
        surplus(3, 250 * MEGABIT, 400 * MEGABIT),
        effort(4),
    ],
    "fixed": [
        fixed(1, 777 * MEGABIT, 8),
        fixed(2, 50_000_001),
        fixed(3, 640 * MEGABIT, 3),
        effort(4),
        effort(5),
    ],
    "one of each type": [
        fixed(1, 500 * MEGABIT, 4),
        assured(2, 600 * MEGABIT),
        surplus(3, 300 * MEGABIT, 4 * GIGABIT),
        effort(4),
        any_mix(5, NON_ASSURED),
        any_mix(6, BEST_EFFORT, grants=2),
    ],
    "watched": [monitored(1), monitored(2, weight=2), monitored(3, GIGABIT), effort(4)],
    "cooperative": [
        TCont(
            alloc_id=1,
            onu=1,
            assured_bps=GIGABIT,
            maximum_bps=5 * GIGABIT,
            eligibility=BEST_EFFORT,
            reporting=COOPERATIVE,
        ),
        effort(2),
    ],
    "several in one ONU": [
        TCont(
            alloc_id=i, onu=i % 2, assured_bps=i * MEGABIT, maximum_bps=9 * GIGABIT, eligibility=BEST_EFFORT
        )
        for i in range(8)
    ],
}

LOADS = ("overload", "underload", "every other idle")


def load_of(load: str, standard: PonStandard, tconts: list[TCont]) -> dict[int, int]:
    if load == "underload":
        ideal_bps = capacity_bps(standard, UPSTREAM, len(tconts))
        return {
            tcont.alloc_id: ideal_bps * (3 + number % 4) // (8 * len(tconts))
            for number, tcont in enumerate(tconts)
        }
    return {
        tcont.alloc_id: OVERLOAD_BPS if load == "overload" or number % 2 else 0
        for number, tcont in enumerate(tconts)
    }


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("name", TCONTS)
@pytest.mark.parametrize("standard", [PonStandard.XGS_PON, PonStandard.PON_50G])
def test_the_engine_gives_what_the_ideal_gives(standard: PonStandard, name: str, load: str) -> None:
    tconts = TCONTS[name]
    offered_bps = load_of(load, standard, tconts)
    line = PonLine(start(standard, tconts))
    line.run(SETTLING_FRAMES, offered_bps)
    rates_bps = line.rates_bps(MEASURED_FRAMES, offered_bps)
    ideal = shares(engine_capacity_bps(standard, tconts), tconts, offered_bps)
    for tcont in tconts:
        expected_bps = float(ideal[tcont.alloc_id].carried_bps)
        assert rates_bps[tcont.alloc_id] == pytest.approx(expected_bps, rel=0.01, abs=1), tcont
    check_layout(standard, tconts, line.maps[-1])


@pytest.mark.parametrize("name", ["equals", "150 to 1 among many", "assured", "non-assured", "watched"])
def test_ethernet_pon_shares_alike_in_cycles_of_a_millisecond(name: str) -> None:
    tconts = TCONTS[name]
    offered_bps = load_of("overload", PonStandard.EPON_10G, tconts)
    line = PonLine(start(PonStandard.EPON_10G, tconts), pipeline_frames=2)
    line.run(300, offered_bps)
    rates_bps = line.rates_bps(500, offered_bps)
    ideal = shares(engine_capacity_bps(PonStandard.EPON_10G, tconts), tconts, offered_bps)
    for tcont in tconts:
        assert rates_bps[tcont.alloc_id] == pytest.approx(float(ideal[tcont.alloc_id].carried_bps), rel=0.01)
    check_layout(PonStandard.EPON_10G, tconts, line.maps[-1])


@pytest.mark.parametrize("report_every_frames", [2, 4, 8])
def test_rarer_reports_leave_more_of_the_line_and_the_same_shares(report_every_frames: int) -> None:
    tconts = TCONTS["equals"]
    offered_bps = load_of("every other idle", PonStandard.XGS_PON, tconts)
    line = PonLine(start(PonStandard.XGS_PON, tconts, report_every_frames=report_every_frames))
    line.run(SETTLING_FRAMES, offered_bps)
    rates_bps = line.rates_bps(800, offered_bps)
    busy = [rates_bps[tcont.alloc_id] for tcont in tconts if offered_bps[tcont.alloc_id]]
    assert busy == pytest.approx([busy[0]] * len(busy), rel=0.001)
    assert sum(busy) > engine_capacity_bps(PonStandard.XGS_PON, tconts)


@pytest.mark.parametrize("pipeline_frames", [3, 8])
def test_the_distance_of_the_onus_does_not_change_the_shares(pipeline_frames: int) -> None:
    tconts = TCONTS["one of each type"]
    offered_bps = load_of("overload", PonStandard.XGS_PON, tconts)
    line = PonLine(start(PonStandard.XGS_PON, tconts), pipeline_frames)
    line.run(SETTLING_FRAMES, offered_bps)
    rates_bps = line.rates_bps(MEASURED_FRAMES, offered_bps)
    ideal = shares(engine_capacity_bps(PonStandard.XGS_PON, tconts), tconts, offered_bps)
    for tcont in tconts:
        assert rates_bps[tcont.alloc_id] == pytest.approx(float(ideal[tcont.alloc_id].carried_bps), rel=0.01)
