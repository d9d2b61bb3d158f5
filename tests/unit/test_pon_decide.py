"""The OLT's decisions one by one: what a map answers to, and what comes back when it was taken away."""

import pytest
from pon_line import PonLine, check_layout

from testbed.model.base import UPSTREAM
from testbed.pon import (
    DbaState,
    Eligibility,
    GrantMap,
    PonStandard,
    QueueReport,
    QuietWindow,
    Reporting,
    TCont,
    announce,
    decide,
    engine_capacity_bps,
    framing,
    start,
    whole_grant,
    with_tcont,
    without_tcont,
)

MEGABIT = 10**6
GIGABIT = 10**9
XGS = PonStandard.XGS_PON
XGS_UP = framing(XGS, UPSTREAM)
FRAME_BYTES = 155_520
FRAME_NS = 125_000
TWO_MILLISECONDS = 16
"""In frames."""


def effort(alloc_id: int, onu: int | None = None, maximum_bps: int = 50 * GIGABIT) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id if onu is None else onu,
        maximum_bps=maximum_bps,
        eligibility=Eligibility.BEST_EFFORT,
    )


def assured(alloc_id: int, rate_bps: int, reporting: Reporting = Reporting.STATUS_REPORTING) -> TCont:
    return TCont(
        alloc_id=alloc_id, onu=alloc_id, assured_bps=rate_bps, maximum_bps=rate_bps, reporting=reporting
    )


def fixed(alloc_id: int, rate_bps: int, grants: int = 1, onu: int | None = None) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id if onu is None else onu,
        fixed_bps=rate_bps,
        maximum_bps=rate_bps,
        grants_per_frame=grants,
        reporting=Reporting.FIXED,
    )


def decided(state: DbaState, reports: list[QueueReport], frames: range) -> tuple[DbaState, list[GrantMap]]:
    """Reports before the first of some frames, and nothing after."""
    maps = []
    for frame in frames:
        state, grant_map = decide(state, reports if frame == frames[0] else [], frame)
        maps.append(grant_map)
    return state, maps


def starts_of(grant_map: GrantMap, alloc_id: int) -> list[int]:
    return [
        allocation.start_byte
        for burst in grant_map.bursts
        for allocation in burst.allocations
        if allocation.alloc_id == alloc_id
    ]


def test_an_idle_t_cont_is_polled_in_every_frame() -> None:
    _, maps = decided(start(XGS, [effort(1), effort(2)]), [], range(3))
    for grant_map in maps:
        assert [burst.onu for burst in grant_map.bursts] == [1, 2]
        for burst in grant_map.bursts:
            (allocation,) = burst.allocations
            assert (allocation.grant_bytes, allocation.report, allocation.skip_bytes) == (0, True, 8)
            # Guard time apart: headers, one block of 16 bytes with the report, parity.
            assert burst.end_byte - burst.start_byte == 4 + 16 + 4 + 32


def test_onus_take_turns_when_reports_are_rarer() -> None:
    tconts = [effort(1), effort(2), effort(3)]
    _, maps = decided(start(XGS, tconts, report_every_frames=4), [], range(8))
    assert [[burst.onu for burst in grant_map.bursts] for grant_map in maps] == [[], [3], [2], [1]] * 2


def test_the_t_conts_of_an_onu_share_a_burst() -> None:
    state = start(XGS, [effort(1, onu=7), effort(2, onu=7)])
    _, (grant_map,) = decided(state, [QueueReport(1, 0, 400, 0), QueueReport(2, 0, 800, 0)], range(1))
    (burst,) = grant_map.bursts
    # With their reports of 4 bytes, 26 and 51 blocks of 16 bytes.
    assert [(each.grant_bytes, each.skip_bytes) for each in burst.allocations] == [
        (412, 8),
        (812, 8 + 412 + 4),
    ]


def test_a_report_is_answered_once_however_long_the_answer_is_under_way() -> None:
    state = start(XGS, [effort(1)])
    state, _ = decided(state, [], range(5))
    state, maps = decided(state, [QueueReport(1, 2, 1000, 0)], range(5, 8))
    assert [each.granted_bytes(1) for each in maps] == [1004, 0, 0]
    # The reports of frames 3 to 5 tell of the same bytes, because the grant came in frame 5.
    for frame, reported in ((8, 3), (9, 4), (10, 5)):
        state, grant_map = decide(state, [QueueReport(1, reported, 1000, 0)], frame)
        assert grant_map.granted_bytes(1) == 0
    _, grant_map = decide(state, [QueueReport(1, 6, 1000, 1000)], 11)
    assert grant_map.granted_bytes(1) == 1004


def test_where_a_grant_cuts_a_frame_the_second_header_is_granted_too() -> None:
    state = start(XGS, [effort(1)])
    _, maps = decided(state, [QueueReport(1, 0, 200_000, 0)], range(4))
    first, second, *rest = (each.granted_bytes(1) for each in maps)
    assert first > 100_000
    assert second == whole_grant(XGS_UP, 200_000 - first + 8, report=True)
    assert rest == [0, 0]


def test_fixed_grants_are_evenly_spaced_always_at_the_same_bytes_and_exact_in_the_long_run() -> None:
    rate_bps = 123_456_789
    state = start(XGS, [fixed(1, rate_bps, grants=4), fixed(2, 50 * MEGABIT, grants=4), effort(3)])
    maps = []
    for frame in range(8000):
        state, grant_map = decide(state, [QueueReport(3, frame, 200_000, 0)], frame)
        maps.append(grant_map)
    for alloc_id in (1, 2):
        starts = starts_of(maps[0], alloc_id)
        assert starts == [starts[0] + number * FRAME_BYTES // 4 for number in range(4)]
        assert all(starts_of(grant_map, alloc_id) == starts for grant_map in maps)
    granted_bits = 8 * sum(each.granted_bytes(1) for each in maps)
    assert rate_bps - 8 * 4 * 16 <= granted_bits <= rate_bps


def test_a_gold_class_is_granted_the_same_whatever_the_others_do() -> None:
    tconts = [fixed(1, 500 * MEGABIT, grants=8), *(effort(i) for i in range(2, 10))]
    idle, busy = PonLine(start(XGS, tconts)), PonLine(start(XGS, tconts))
    idle.run(100, {1: 400 * MEGABIT})
    busy.run(100, {tcont.alloc_id: 20 * GIGABIT for tcont in tconts} | {1: 400 * MEGABIT})

    def gold(line: PonLine) -> list[list[tuple[int, int]]]:
        return [
            [(burst.start_byte, burst.allocations[0].grant_bytes) for burst in each.bursts if burst.onu == 1]
            for each in line.maps
        ]

    assert gold(idle) == gold(busy)
    assert busy.queued[1] == idle.queued[1] == 0
    assert busy.queued[2] > 10**6


@pytest.mark.parametrize("reporting", [Reporting.STATUS_REPORTING, Reporting.TRAFFIC_MONITORING])
def test_an_assured_rate_is_back_within_two_milliseconds_of_the_demand(reporting: Reporting) -> None:
    tconts = [assured(1, 2 * GIGABIT, reporting), *(effort(i) for i in range(2, 8))]
    others = dict.fromkeys(range(2, 8), 20 * GIGABIT)
    line = PonLine(start(XGS, tconts), pipeline_frames=4)
    line.run(200, others)
    assert line.used[1] == 0
    line.run(TWO_MILLISECONDS, others | {1: 2 * GIGABIT})
    rates_bps = line.rates_bps(TWO_MILLISECONDS, others | {1: 2 * GIGABIT})
    assert rates_bps[1] >= 2 * GIGABIT * 0.99


def test_without_assured_rate_the_same_demand_gets_a_seventh() -> None:
    """The control: it is the assured rate that brings the capacity back."""
    tconts = [effort(i) for i in range(1, 8)]
    line = PonLine(start(XGS, tconts), pipeline_frames=4)
    line.run(200, dict.fromkeys(range(2, 8), 20 * GIGABIT))
    rates_bps = line.rates_bps(100, dict.fromkeys(range(1, 8), 20 * GIGABIT))
    assert rates_bps[1] < engine_capacity_bps(XGS, tconts) / 7 * 1.01


def test_a_maximum_holds_to_the_byte_in_the_long_run() -> None:
    rate_bps = 333_333_333
    line = PonLine(start(XGS, [effort(1, maximum_bps=rate_bps), effort(2)]))
    line.run(1000, {1: GIGABIT, 2: 20 * GIGABIT})
    before = line.granted[1]
    line.run(8000, {1: GIGABIT, 2: 20 * GIGABIT})
    assert 8 * (line.granted[1] - before) == pytest.approx(rate_bps, abs=8 * 64)


def test_a_quiet_window_silences_everybody_and_what_it_took_is_made_up_for() -> None:
    window = QuietWindow(start_ns=100 * FRAME_NS + 31_000, length_ns=250_000, period_ns=80 * FRAME_NS)
    tconts = [fixed(1, 320 * MEGABIT, grants=2), assured(2, GIGABIT), effort(3)]
    line = PonLine(start(XGS, tconts, quiet=[window]))
    line.run(SETTLED := 90, {1: 320 * MEGABIT, 2: GIGABIT, 3: 20 * GIGABIT})
    rates_bps = line.rates_bps(800, {1: 320 * MEGABIT, 2: GIGABIT, 3: 20 * GIGABIT})
    assert rates_bps[1] == pytest.approx(320 * MEGABIT, rel=0.01)
    assert rates_bps[2] == pytest.approx(GIGABIT, rel=0.01)
    for grant_map in line.maps[SETTLED:]:
        check_layout(XGS, tconts, grant_map)
        for burst in grant_map.bursts:
            begin_ns = grant_map.frame * FRAME_NS + (burst.start_byte - 320) * FRAME_NS / FRAME_BYTES
            end_ns = grant_map.frame * FRAME_NS + burst.end_byte * FRAME_NS / FRAME_BYTES
            if grant_map.frame >= 100:
                since_ns = (begin_ns - window.start_ns) % (80 * FRAME_NS)
                assert since_ns >= window.length_ns - 1e-3
                assert since_ns + (end_ns - begin_ns) <= 80 * FRAME_NS + 1e-3
    assert len(line.maps[101].bursts) == 0


def test_a_window_that_leaves_no_time_to_send_is_refused() -> None:
    with pytest.raises(ValueError, match="the period must be at least 101 ns"):
        start(XGS, [effort(1)], quiet=[QuietWindow(0, 100, 100)])


def test_announced_bytes_are_granted_in_their_frame_without_a_report() -> None:
    tconts = [
        TCont(
            alloc_id=1,
            onu=1,
            maximum_bps=50 * GIGABIT,
            eligibility=Eligibility.BEST_EFFORT,
            reporting=Reporting.COOPERATIVE,
        ),
        effort(2),
    ]
    state = start(XGS, tconts)
    state, _ = decided(state, [], range(10))
    state = announce(state, 1, at_ns=12 * FRAME_NS + 60_000, announced_bytes=20_000)
    _, maps = decided(state, [], range(10, 15))
    assert [each.granted_bytes(1) for each in maps] == [0, 0, 20_012, 0, 0]
    at_byte = -(-60_000 * FRAME_BYTES // FRAME_NS)
    assert starts_of(maps[2], 1) == [at_byte]


def test_what_was_announced_is_not_granted_again_for_a_report_before_or_after_it() -> None:
    tcont = TCont(
        alloc_id=1,
        onu=1,
        maximum_bps=50 * GIGABIT,
        eligibility=Eligibility.BEST_EFFORT,
        reporting=Reporting.COOPERATIVE,
    )
    state = announce(start(XGS, [tcont]), 1, at_ns=3 * FRAME_NS, announced_bytes=20_000)
    state, maps = decided(state, [], range(5))
    assert [each.granted_bytes(1) for each in maps] == [0, 0, 0, 20_012, 0]
    # Frame 2 was before the bytes came; in frame 3 they were there, about to go.
    for frame, reported, queued in ((5, 2, 0), (6, 3, 20_000), (7, 4, 0)):
        state, grant_map = decide(state, [QueueReport(1, reported, queued, 0)], frame)
        assert grant_map.granted_bytes(1) == 0


def test_only_a_cooperative_t_cont_can_be_announced_for() -> None:
    with pytest.raises(ValueError, match="T-CONT 1 has reporting status_reporting; only with cooperative"):
        announce(start(XGS, [effort(1)]), 1, 0, 100)
    with pytest.raises(ValueError, match="no T-CONT has Alloc-ID 5; known: 1"):
        announce(start(XGS, [effort(1)]), 5, 0, 100)


def test_a_map_of_whole_fixed_grants_repeats_until_the_next_quiet_window() -> None:
    gold = fixed(1, 64_000 * 4 * 112, grants=4)
    _, (forever,) = decided(start(XGS, [gold]), [], range(1))
    assert forever.repeats
    assert forever.next_frame is None
    window = QuietWindow(start_ns=50 * FRAME_NS, length_ns=100_000)
    state = start(XGS, [gold], quiet=[window])
    state, first = decide(state, [], 0)
    assert first.next_frame == 50
    state, quiet = decide(state, [], 50)
    assert not quiet.repeats
    # All four grants fell into the window; behind it, they are made up for in one.
    assert quiet.granted_bytes(1) == 448
    assert starts_of(quiet, 1) == [100_000 * FRAME_BYTES // FRAME_NS + 320]
    _, after = decide(state, [], 51)
    assert after.next_frame is None
    assert after.bursts == first.bursts


@pytest.mark.parametrize("tconts", [[effort(1)], [fixed(1, 64_000 * 4 * 112 + 1, grants=4)]])
def test_a_map_that_may_change_does_not_repeat(tconts: list[TCont]) -> None:
    _, (grant_map,) = decided(start(XGS, tconts), [], range(1))
    assert grant_map.next_frame == 1


def test_a_t_cont_that_is_resized_under_traffic_leaves_the_others_alone() -> None:
    tconts = [assured(1, GIGABIT), assured(2, GIGABIT), effort(3)]
    load = {1: 5 * GIGABIT, 2: GIGABIT, 3: 20 * GIGABIT}
    line = PonLine(start(XGS, tconts))
    line.run(100, load)
    line.state = with_tcont(line.state, assured(1, 4 * GIGABIT))
    line.run(TWO_MILLISECONDS, load)
    rates_bps = line.rates_bps(200, load)
    assert rates_bps[1] == pytest.approx(4 * GIGABIT, rel=0.01)
    assert rates_bps[2] == pytest.approx(GIGABIT, rel=0.001)


def test_a_newcomer_is_served_and_one_that_left_is_not() -> None:
    line = PonLine(start(XGS, [assured(1, GIGABIT), effort(2)]))
    line.run(50, {1: GIGABIT, 2: 20 * GIGABIT})
    line.state = without_tcont(with_tcont(line.state, assured(3, 2 * GIGABIT)), 2)
    # Reports of the one that left are still on their way, and harmless.
    line.queued[3] = line.used[3] = line.granted[3] = line._earned[3] = 0
    line.run(50, {1: GIGABIT, 3: 2 * GIGABIT})
    rates_bps = line.rates_bps(200, {1: GIGABIT, 3: 2 * GIGABIT})
    assert rates_bps == pytest.approx({1: GIGABIT, 2: 0, 3: 2 * GIGABIT}, rel=0.01)


def test_a_t_cont_that_does_not_fit_is_refused_and_the_state_is_as_it_was() -> None:
    state = start(XGS, [assured(1, 5 * GIGABIT)])
    with pytest.raises(ValueError, match=r"add up to 10 Gbit/s .* the most that fits is 8.6\d* Gbit/s"):
        with_tcont(state, assured(2, 5 * GIGABIT))
    with pytest.raises(ValueError, match="no T-CONT has Alloc-ID 9; known: 1"):
        without_tcont(state, 9)
    assert decide(state, [], 0) == decide(start(XGS, [assured(1, 5 * GIGABIT)]), [], 0)


def test_a_frame_is_decided_once() -> None:
    state, _ = decide(start(XGS, [effort(1)]), [], 5)
    with pytest.raises(ValueError, match="frame 5 has been decided; the next one is 6"):
        decide(state, [], 5)


def test_a_watched_t_cont_gets_a_probe_while_idle_and_its_load_once_it_has_one() -> None:
    tcont = TCont(
        alloc_id=1,
        onu=1,
        maximum_bps=50 * GIGABIT,
        eligibility=Eligibility.BEST_EFFORT,
        reporting=Reporting.TRAFFIC_MONITORING,
    )
    line = PonLine(start(XGS, [tcont]))
    line.run(20, {})
    assert line.maps[-1].granted_bytes(1) == 64
    assert not any(each.report for burst in line.maps[-1].bursts for each in burst.allocations)
    line.run(100, {1: GIGABIT})
    rates_bps = line.rates_bps(100, {1: GIGABIT})
    assert rates_bps[1] == pytest.approx(GIGABIT, rel=0.01)
    assert line.maps[-1].granted_bytes(1) < 1.4 * GIGABIT / 64_000
    line.run(100, {})
    assert line.maps[-1].granted_bytes(1) == 64
