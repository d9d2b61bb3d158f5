"""Frames byte by byte, against the rates that the same overheads leave in the mean."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.pon import (
    Framing,
    PonStandard,
    capacity_bps,
    carried_bytes,
    downstream_payload,
    encapsulated_bytes,
    framing,
    goodput_bps,
    line_bytes,
    whole_grant,
)

ITU = [standard for standard in PonStandard if not standard.is_epon]
XGS_UP = framing(PonStandard.XGS_PON, UPSTREAM)
FRAMES_PER_SECOND = 8000


def gigabits(rate_bps: float) -> str:
    return f"{rate_bps / 1e9:.3f}"


def evenly_split_bps(upstream: Framing, bursts: int) -> int:
    """Payload when bursts share a frame evenly, each in whole bytes."""
    share = upstream.frame_bytes // bursts - upstream.burst_overhead_bytes
    around = upstream.burst_header_bytes + upstream.burst_trailer_bytes + upstream.report_bytes
    return bursts * (carried_bytes(upstream, share) - around) * 8 * upstream.frames_per_second


@pytest.mark.parametrize(
    ("frame_bytes", "expected"), [(64, "7.690"), (512, "8.518"), (1518, "8.594"), (9018, "8.641")]
)
def test_a_downstream_payload_of_frames_is_the_goodput_without_fragmentation(
    frame_bytes: int, expected: str
) -> None:
    down = framing(PonStandard.XGS_PON, DOWNSTREAM)
    payload_bytes = downstream_payload(down, 32).payload_bytes
    sent_bytes = encapsulated_bytes(down, frame_bytes - down.sdu_extra_bytes)
    rate_bps = payload_bytes * 8 * FRAMES_PER_SECOND * frame_bytes / sent_bytes
    assert gigabits(rate_bps) == expected
    assert rate_bps == pytest.approx(goodput_bps(PonStandard.XGS_PON, DOWNSTREAM, frame_bytes, 32), abs=1)


@pytest.mark.parametrize("allocations", [1, 32, 128])
@pytest.mark.parametrize("standard", ITU)
def test_a_downstream_payload_is_the_capacity_exactly(standard: PonStandard, allocations: int) -> None:
    payload = downstream_payload(framing(standard, DOWNSTREAM), allocations)
    assert payload.payload_bytes * 8 * FRAMES_PER_SECOND == capacity_bps(standard, DOWNSTREAM, allocations)


def test_the_sync_block_is_outside_the_code_at_ten_gigabit_and_inside_at_fifty() -> None:
    assert downstream_payload(framing(PonStandard.XGS_PON, DOWNSTREAM), 3) == (
        24,
        4 + 3 * 8,
        135_432 - 4 - 3 * 8 - 4,
        155_520,
    )
    assert downstream_payload(framing(PonStandard.PON_50G, DOWNSTREAM), 3) == (
        0,
        24 + 4 + 3 * 8,
        656_640 - 24 - 4 - 3 * 8 - 4,
        777_600,
    )


def test_ethernet_pon_downstream_loses_a_gate_for_each_allocation_and_less_than_a_codeword() -> None:
    down = framing(PonStandard.EPON_10G, DOWNSTREAM)
    assert (down.frame_bytes, down.frame_ns) == (1_250_000, 1_000_000)
    payload = downstream_payload(down, 32)
    assert payload.skip_bytes == 32 * 84
    lost_bps = capacity_bps(PonStandard.EPON_10G, DOWNSTREAM, 32) - payload.payload_bytes * 8000
    assert 0 <= lost_bps < down.codeword_bytes * 8000


def test_a_map_that_fills_the_frame_is_refused_with_the_number_that_fits() -> None:
    down = framing(PonStandard.XGS_PON, DOWNSTREAM)
    with pytest.raises(ValueError, match=r"20000 allocations .* XGS-PON downstream; at most 16927 fit"):
        downstream_payload(down, 20_000)
    assert downstream_payload(down, 16_927).payload_bytes > 0
    with pytest.raises(ValueError, match="at most 16927 fit"):
        downstream_payload(down, 16_928)


@pytest.mark.parametrize(
    ("bursts", "expected_bps"),
    [(1, 8.650e9), (8, 8.505e9), (16, 8.368e9), (32, 8.029e9), (64, 7.415e9), (128, 6.187e9)],
)
def test_upstream_bursts_leave_the_capacity_less_the_rounding_to_whole_bytes(
    bursts: int, expected_bps: float
) -> None:
    rate_bps = evenly_split_bps(XGS_UP, bursts)
    exact_bps = capacity_bps(PonStandard.XGS_PON, UPSTREAM, bursts)
    # A burst loses less than a byte by its share of the frame and less than one by its guard time.
    byte_bps = 8 * FRAMES_PER_SECOND
    assert expected_bps == pytest.approx(exact_bps, abs=0.5e6)
    # Where less than a codeword's parity is left over, `capacity_bps` counts it as a loss beyond its bytes.
    assert -2 * bursts * byte_bps < rate_bps - exact_bps < XGS_UP.parity_bytes * bursts * byte_bps


@pytest.mark.parametrize("bursts", [1, 32, 64])
def test_ethernet_pon_upstream_bursts_lose_less_than_a_codeword_each(bursts: int) -> None:
    up = framing(PonStandard.EPON_10G, UPSTREAM)
    assert (up.burst_overhead_bytes, up.report_bytes) == (2140, 84)
    lost_bps = capacity_bps(PonStandard.EPON_10G, UPSTREAM, bursts) - evenly_split_bps(up, bursts)
    assert -1e5 < lost_bps < bursts * up.codeword_bytes * 8000


@pytest.mark.parametrize(
    ("standard", "gap_bytes", "block_bytes", "poll_bytes"),
    [
        # 64 + 160 + 32 bits in XG-PON, 257 ns in the others, rounded up to whole bytes.
        (PonStandard.XG_PON, 32, 4, 4),
        (PonStandard.XGS_PON, 320, 16, 16),
        (PonStandard.PON_50G_12G5, 400, 16, 16),
        (PonStandard.PON_50G_25G, 800, 16, 16),
        (PonStandard.PON_50G, 1599, 16, 16),
        (PonStandard.EPON_10G, 2140, 1, 84),
    ],
)
def test_the_gap_of_a_burst_and_the_unit_of_a_grant_are_those_of_the_line_rate(
    standard: PonStandard, gap_bytes: int, block_bytes: int, poll_bytes: int
) -> None:
    up = framing(standard, UPSTREAM)
    assert (up.burst_overhead_bytes, up.block_bytes, up.poll_bytes) == (gap_bytes, block_bytes, poll_bytes)


@pytest.mark.parametrize(
    ("standard", "wanted_bytes", "report", "expected"),
    [
        (PonStandard.XG_PON, 12, True, 12),
        (PonStandard.XG_PON, 13, False, 16),
        (PonStandard.XGS_PON, 12, True, 12),
        (PonStandard.XGS_PON, 12, False, 16),
        (PonStandard.XGS_PON, 13, True, 28),
        (PonStandard.EPON_10G, 1541, True, 1541),
    ],
)
def test_a_grant_is_whole_words_or_blocks_with_its_report(
    standard: PonStandard, wanted_bytes: int, report: bool, expected: int
) -> None:
    assert whole_grant(framing(standard, UPSTREAM), wanted_bytes, report) == expected


@pytest.mark.parametrize(
    ("standard", "sdu_bytes", "expected"),
    [
        (PonStandard.XGS_PON, 60, 8 + 64),
        (PonStandard.XGS_PON, 61, 8 + 68),
        (PonStandard.XGS_PON, 1514, 8 + 1520),
        (PonStandard.XGS_PON, 42, 8 + 64),
        (PonStandard.EPON_10G, 42, 20 + 64),
        (PonStandard.EPON_10G, 61, 20 + 65),
        (PonStandard.EPON_10G, 1514, 20 + 1518),
    ],
)
def test_a_frame_grows_by_check_sequence_padding_and_header(
    standard: PonStandard, sdu_bytes: int, expected: int
) -> None:
    assert encapsulated_bytes(framing(standard, UPSTREAM), sdu_bytes) == expected


def test_the_last_codeword_is_shortened_and_its_parity_full() -> None:
    assert [line_bytes(XGS_UP, carried) for carried in (0, 1, 216, 217, 432)] == [0, 33, 248, 281, 496]


@settings(deadline=None, derandomize=True)
@given(
    standard=st.sampled_from(PonStandard),
    direction=st.sampled_from(Direction),
    within_bytes=st.integers(0, 100_000),
)
def test_what_is_said_to_fit_fits_and_a_byte_more_does_not(
    standard: PonStandard, direction: Direction, within_bytes: int
) -> None:
    frame = framing(standard, direction)
    carried = carried_bytes(frame, within_bytes)
    assert line_bytes(frame, carried) <= within_bytes
    assert line_bytes(frame, carried + 1) > within_bytes
