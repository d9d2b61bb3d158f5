"""What holds for every map, whatever the T-CONTs and whatever they report."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pon_line import check_layout

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
    carried_bytes,
    check_tconts,
    decide,
    framing,
    start,
)
from testbed.pon.dba.arrangement import CREDIT_FRAMES

# The same examples on every machine and every run: a failure here must be a change of ours.
REPEATABLE = settings(max_examples=60, deadline=None, derandomize=True)
FRAMES = 40
MEGABIT = 10**6


@st.composite
def tconts_of(draw: st.DrawFn, standard: PonStandard) -> list[TCont]:
    """T-CONTs that together fit, each of any type."""
    tconts: list[TCont] = []
    for alloc_id in range(draw(st.integers(1, 10))):
        tcont = draw(one_tcont(alloc_id))
        try:
            check_tconts(standard, [*tconts, tcont])
        except ValueError:
            continue
        tconts.append(tcont)
    return tconts


@st.composite
def one_tcont(draw: st.DrawFn, alloc_id: int) -> TCont:
    fixed_bps = draw(st.sampled_from([0, 0, 13_000_001, 64_000_000, 700_000_000]))
    assured_bps = draw(st.sampled_from([0, 1_000_003, 300_000_000, 2_000_000_000]))
    eligibility = draw(st.sampled_from(Eligibility if fixed_bps + assured_bps else [Eligibility.BEST_EFFORT]))
    more_bps = 0 if eligibility is Eligibility.NONE else draw(st.sampled_from([10**6, 5 * 10**8, 10**11]))
    only_fixed = fixed_bps and not assured_bps and eligibility is Eligibility.NONE
    ways = list(Reporting) if only_fixed else [each for each in Reporting if each is not Reporting.FIXED]
    return TCont(
        alloc_id=alloc_id,
        onu=draw(st.integers(0, 5)),
        fixed_bps=fixed_bps,
        assured_bps=assured_bps,
        maximum_bps=fixed_bps + assured_bps + more_bps,
        eligibility=eligibility,
        priority=draw(st.integers(1, 2)),
        weight=draw(st.sampled_from([1, 7, 150])),
        grants_per_frame=draw(st.sampled_from([1, 2, 3, 8])) if fixed_bps else 1,
        reporting=draw(st.sampled_from(ways)),
    )


History = tuple[PonStandard, DbaState, list[list[QueueReport]]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A PON and what is reported before each frame: anything at all, three frames old."""
    standard = draw(st.sampled_from([PonStandard.XGS_PON, PonStandard.PON_50G_25G, PonStandard.EPON_10G]))
    tconts = draw(tconts_of(standard))
    quiet = draw(
        st.lists(
            st.builds(
                QuietWindow,
                start_ns=st.integers(0, 3_000_000),
                length_ns=st.integers(1, 450_000),
                period_ns=st.none() | st.integers(450_001, 4_000_000),
            ),
            max_size=2,
        )
    )
    every = draw(st.sampled_from([1, 3]))
    state = start(standard, tconts, quiet=quiet, report_every_frames=every)
    loads = [draw(st.sampled_from([0, 64, 1532, 40_000, 10**7])) for _ in tconts]
    used = [0] * len(tconts)
    reports = []
    for frame in range(FRAMES):
        heard = []
        for place, tcont in enumerate(tconts):
            used[place] += loads[place] // 8
            if draw(st.integers(0, 2)):
                heard.append(QueueReport(tcont.alloc_id, max(frame - 3, 0), loads[place], used[place]))
        reports.append(heard)
    return standard, state, reports


def maps_of(history: History) -> list[GrantMap]:
    _, state, reports = history
    maps = []
    for frame, heard in enumerate(reports):
        state, grant_map = decide(state, heard, frame)
        maps.append(grant_map)
    return maps


@REPEATABLE
@given(histories())
def test_bursts_never_overlap_nor_leave_the_frame(history: History) -> None:
    standard, state, _ = history
    for grant_map in maps_of(history):
        check_layout(standard, state.tconts, grant_map)


@REPEATABLE
@given(histories())
def test_a_frame_never_grants_more_than_its_code_leaves(history: History) -> None:
    standard, _, _ = history
    upstream = framing(standard, UPSTREAM)
    most = carried_bytes(upstream, upstream.frame_bytes)
    for grant_map in maps_of(history):
        assert sum(each.grant_bytes for burst in grant_map.bursts for each in burst.allocations) < most


@REPEATABLE
@given(histories())
def test_nothing_is_sent_in_a_quiet_window(history: History) -> None:
    standard, state, _ = history
    upstream = framing(standard, UPSTREAM)
    frame_ns, frame_bytes = upstream.frame_ns, upstream.frame_bytes
    for grant_map in maps_of(history):
        for burst in grant_map.bursts:
            begin = grant_map.frame * frame_bytes + burst.start_byte - upstream.burst_overhead_bytes
            end = grant_map.frame * frame_bytes + burst.end_byte
            for window in state.arrangement.quiet:
                for number in range(FRAMES * frame_ns // (window.period_ns or 10**9) + 1):
                    quiet_ns = window.start_ns + number * (window.period_ns or 0)
                    before = end * frame_ns <= quiet_ns * frame_bytes
                    after = begin * frame_ns >= (quiet_ns + window.length_ns) * frame_bytes
                    assert before or after


@REPEATABLE
@given(histories())
def test_nobody_is_granted_more_than_its_maximum_and_the_credit_of_some_frames(history: History) -> None:
    standard, state, reports = history
    upstream = framing(standard, UPSTREAM)
    frames = len(reports) + CREDIT_FRAMES + state.arrangement.report_every_frames
    maps = maps_of(history)
    for tcont in state.tconts:
        granted = sum(grant_map.granted_bytes(tcont.alloc_id) for grant_map in maps)
        slack = 2 * state.arrangement.least_bytes + tcont.grants_per_frame * upstream.unit_bytes
        assert granted * upstream.credit_units <= frames * tcont.maximum_bps + slack * upstream.credit_units


@REPEATABLE
@given(histories())
def test_fixed_grants_come_whatever_is_reported(history: History) -> None:
    _, state, reports = history
    silent = (history[0], state, [[] for _ in reports])

    def pinned(maps: list[GrantMap]) -> list[list[tuple[int, int, int]]]:
        fixed = [start for each in state.arrangement.pinned for start in each.starts]
        return [
            [
                (burst.start_byte, each.alloc_id, each.grant_bytes)
                for burst in grant_map.bursts
                for each in burst.allocations
                if burst.start_byte in fixed
            ]
            for grant_map in maps
            if not state.arrangement.quiet
        ]

    assert pinned(maps_of(history)) == pinned(maps_of(silent))


@REPEATABLE
@given(histories())
def test_a_history_replays_to_the_same_maps(history: History) -> None:
    standard, state, reports = history
    again = start(
        standard,
        list(state.tconts),
        quiet=state.arrangement.quiet,
        report_every_frames=state.arrangement.report_every_frames,
    )
    first = maps_of(history)
    assert first == maps_of(history) == maps_of((standard, again, reports))
