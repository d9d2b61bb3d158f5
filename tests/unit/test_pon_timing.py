"""Ranging and waiting, against published tables and against a walk through every instant."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.pon import (
    equalisation_delay_ns,
    idle_delay_ns,
    lead_frames,
    pipeline_frames,
    propagation_ns,
    quiet_window_ns,
    status_report_floor_ns,
    status_report_mean_ns,
    upstream_offset_ns,
)

FRAME_NS = 125_000
PHASE_NS = 27_500
"""How far below the planning figure lucky phases can bring a system: 62.5 µs of waiting, less 35 µs."""


@pytest.mark.parametrize(("length_m", "delay_ns"), [(0, 392_000), (20_000, 196_000), (40_000, 0)])
def test_a_near_onu_holds_back_for_both_ways_that_the_farthest_needs_more(
    length_m: int, delay_ns: int
) -> None:
    assert equalisation_delay_ns(propagation_ns(length_m), propagation_ns(40_000)) == delay_ns


def test_an_onu_beyond_the_farthest_is_refused() -> None:
    with pytest.raises(ValueError, match="the farthest must be at least 98000 ns"):
        equalisation_delay_ns(98_000, 49_000)


@pytest.mark.parametrize("length_m", [0, 7_000, 20_000])
def test_every_onu_appears_at_the_upstream_offset(length_m: int) -> None:
    own_ns, farthest_ns = propagation_ns(length_m), propagation_ns(20_000)
    first_bit_ns = own_ns + 35_000 + equalisation_delay_ns(own_ns, farthest_ns) + own_ns
    assert first_bit_ns == upstream_offset_ns(farthest_ns)


@pytest.mark.parametrize(("differential_m", "window_ns"), [(20_000, 250_000), (40_000, 450_000)])
def test_a_quiet_window_lasts_as_published(differential_m: int, window_ns: int) -> None:
    assert quiet_window_ns(differential_m) == window_ns


@pytest.mark.parametrize(
    ("length_m", "grants", "worst_us", "mean_us"),
    [
        (0, 1, 125, 62.5),
        (10_000, 2, 111.5, 80.25),
        (20_000, 4, 129.25, 113.625),
        (40_000, 8, 211.625, 203.8125),
    ],
)
def test_fixed_grants_wait_as_in_the_table(
    length_m: int, grants: int, worst_us: float, mean_us: float
) -> None:
    worst_ns, mean_ns = idle_delay_ns(grants, propagation_ns(length_m))
    assert (worst_ns / 1000, mean_ns / 1000) == (worst_us, mean_us)


@pytest.mark.parametrize(("length_m", "floor_us"), [(0, 250), (10_000, 397), (20_000, 544), (40_000, 838)])
def test_reports_cost_at_least_the_planning_figure(length_m: int, floor_us: int) -> None:
    assert status_report_floor_ns(propagation_ns(length_m)) == floor_us * 1000


def walked_mean_ns(own_ns: int, farthest_ns: int, report_ns: int, grant_ns: int, processing_ns: int) -> float:
    """Follow packets that arrive at 1000 evenly spread instants of a frame through an OLT's clockwork."""
    offset_ns = upstream_offset_ns(farthest_ns)
    waits = []
    for step in range(1000):
        at_ns = Fraction(FRAME_NS * (2 * step + 1), 2000)
        frame = 0
        while frame * FRAME_NS + report_ns < at_ns:
            frame += 1
        reported_ns = frame * FRAME_NS + report_ns + offset_ns
        boundary = -(-reported_ns // FRAME_NS)
        sent_in = boundary
        while sent_in * FRAME_NS < boundary * FRAME_NS + processing_ns:
            sent_in += 1
        waits.append(sent_in * FRAME_NS + grant_ns - at_ns)
    return own_ns + float(sum(waits)) / len(waits)


@settings(deadline=None, derandomize=True)
@given(
    lengths=st.tuples(st.integers(0, 40_000), st.integers(0, 20_000)),
    report_ns=st.integers(0, FRAME_NS - 1),
    grant_ns=st.integers(0, FRAME_NS - 1),
    processing_ns=st.integers(1, 300_000),
)
def test_the_mean_is_what_a_walk_through_the_olts_clockwork_gives(
    lengths: tuple[int, int], report_ns: int, grant_ns: int, processing_ns: int
) -> None:
    own_ns, farthest_ns = propagation_ns(lengths[0]), propagation_ns(sum(lengths))
    mean_ns = status_report_mean_ns(own_ns, farthest_ns, report_ns, grant_ns, processing_ns)
    assert float(mean_ns) == pytest.approx(
        walked_mean_ns(own_ns, farthest_ns, report_ns, grant_ns, processing_ns), abs=FRAME_NS / 1000
    )


@settings(deadline=None, derandomize=True)
@given(length_m=st.integers(0, 60_000), offset_ns=st.integers(0, FRAME_NS - 1))
def test_a_grant_where_the_report_was_is_below_the_planning_figure_by_a_lucky_phase_at_most(
    length_m: int, offset_ns: int
) -> None:
    far_ns = propagation_ns(length_m)
    mean_ns = status_report_mean_ns(far_ns, far_ns, offset_ns, offset_ns)
    assert mean_ns >= status_report_floor_ns(far_ns) - PHASE_NS + offset_ns


@pytest.mark.parametrize("length_m", [0, 10_000, 20_000, 40_000, 60_000])
def test_over_all_phases_the_mean_is_above_the_planning_figure(length_m: int) -> None:
    far_ns = propagation_ns(length_m)
    phases = range(0, FRAME_NS, 500)
    means = [status_report_mean_ns(far_ns, far_ns, phase, phase) for phase in phases]
    assert sum(means) / len(means) >= status_report_floor_ns(far_ns)


@pytest.mark.parametrize(("length_m", "frames"), [(0, 2), (10_000, 3), (20_000, 3), (40_000, 5), (60_000, 7)])
def test_a_report_is_answered_some_frames_later(length_m: int, frames: int) -> None:
    assert pipeline_frames(propagation_ns(length_m), 5_000) == frames


@settings(deadline=None, derandomize=True)
@given(length_m=st.integers(0, 60_000), offset_ns=st.integers(0, FRAME_NS - 1))
def test_an_olt_that_waits_for_the_whole_frame_is_never_below_the_planning_figure(
    length_m: int, offset_ns: int
) -> None:
    far_ns = propagation_ns(length_m)
    mean_ns = status_report_mean_ns(far_ns, far_ns, offset_ns, offset_ns, taken_offset_ns=FRAME_NS)
    assert mean_ns >= status_report_floor_ns(far_ns)
    answered_frames = 1 + lead_frames(upstream_offset_ns(far_ns))
    assert mean_ns == far_ns + Fraction(FRAME_NS, 2) + answered_frames * FRAME_NS
