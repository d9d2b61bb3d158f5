"""What a PON carries after frames, maps and bursts, against figures worked out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.pon import PonStandard, capacity_bps, goodput_bps, line, per_frame_overhead_bytes


def gigabits(rate_bps: int) -> str:
    return f"{rate_bps / 1e9:.3f}"


@pytest.mark.parametrize(
    ("frame_bytes", "expected"), [(64, "7.690"), (512, "8.518"), (1518, "8.594"), (9018, "8.641")]
)
def test_xgs_pon_downstream_goodput_with_32_allocations(frame_bytes: int, expected: str) -> None:
    assert gigabits(goodput_bps(PonStandard.XGS_PON, DOWNSTREAM, frame_bytes, 32)) == expected


@pytest.mark.parametrize(
    ("bursts", "expected"),
    [(1, "8.650"), (8, "8.505"), (16, "8.368"), (32, "8.029"), (64, "7.415"), (128, "6.187")],
)
def test_xgs_pon_upstream_falls_with_the_bursts_per_frame(bursts: int, expected: str) -> None:
    assert gigabits(capacity_bps(PonStandard.XGS_PON, UPSTREAM, bursts)) == expected


def test_upstream_goodput_is_the_capacity_less_encapsulation() -> None:
    capacity = capacity_bps(PonStandard.XGS_PON, UPSTREAM, 1)
    assert goodput_bps(PonStandard.XGS_PON, UPSTREAM, 1000, 1) == pytest.approx(capacity * 1000 / 1008, abs=1)


def test_fifty_gigabit_downstream_loses_the_sync_block_inside_the_code() -> None:
    # 360 codewords carry 656,640 bytes; off come PSBd (24), HLend (4), a map entry (8) and the trailer (4).
    assert capacity_bps(PonStandard.PON_50G, DOWNSTREAM, 1) == (656_640 - 24 - 4 - 8 - 4) * 64_000


def test_ten_gigabit_downstream_lost_the_sync_block_before_the_code() -> None:
    assert capacity_bps(PonStandard.XGS_PON, DOWNSTREAM, 1) == (135_432 - 4 - 8 - 4) * 64_000


def test_ethernet_pon_pays_a_gate_downstream_and_a_burst_upstream_per_cycle() -> None:
    after_fec_bps = 10e9 * 27 / 31
    gate_bps = 84 * 8 * 1000
    assert capacity_bps(PonStandard.EPON_10G, DOWNSTREAM, 32) == int(after_fec_bps - 32 * gate_bps)
    gap_bps = after_fec_bps * 1712e-9 * 1000
    assert capacity_bps(PonStandard.EPON_10G, UPSTREAM, 32) == pytest.approx(
        after_fec_bps - 32 * (gate_bps + gap_bps)
    )


def test_padding_to_four_bytes_costs_a_frame_that_is_not_a_multiple() -> None:
    def bytes_sent(frame_bytes: int) -> float:
        capacity = capacity_bps(PonStandard.XGS_PON, DOWNSTREAM, 32)
        return capacity * frame_bytes / goodput_bps(PonStandard.XGS_PON, DOWNSTREAM, frame_bytes, 32)

    assert bytes_sent(64) == pytest.approx(72, rel=1e-8)
    assert bytes_sent(65) == pytest.approx(76, rel=1e-8)
    assert bytes_sent(68) == pytest.approx(76, rel=1e-8)


def test_a_frame_costs_its_encapsulation_and_its_check_sequence() -> None:
    assert per_frame_overhead_bytes(PonStandard.XGS_PON) == 8 + 4
    assert per_frame_overhead_bytes(PonStandard.EPON_10G) == 8 + 12 + 4


def test_no_allocation_is_refused() -> None:
    with pytest.raises(ValueError, match="0 allocations on XGS-PON: a PON serves at least 1"):
        capacity_bps(PonStandard.XGS_PON, DOWNSTREAM, 0)


def test_more_bursts_than_a_frame_holds_are_refused_with_the_number_that_fits() -> None:
    with pytest.raises(
        ValueError, match=r"1000 allocations leave nothing of XGS-PON upstream .* at most \d+ fit"
    ) as e:
        capacity_bps(PonStandard.XGS_PON, UPSTREAM, 1000)
    fit = int(str(e.value).split("at most ")[1].split()[0])
    assert capacity_bps(PonStandard.XGS_PON, UPSTREAM, fit) > 0
    with pytest.raises(ValueError, match=f"at most {fit} fit"):
        capacity_bps(PonStandard.XGS_PON, UPSTREAM, fit + 1)


@settings(deadline=None, derandomize=True)
@given(
    standard=st.sampled_from(PonStandard),
    direction=st.sampled_from(Direction),
    allocations=st.integers(1, 128),
)
def test_capacity_is_positive_for_128_onus_and_below_the_rate_after_fec(
    standard: PonStandard, direction: Direction, allocations: int
) -> None:
    assert 0 < capacity_bps(standard, direction, allocations) < line(standard, direction).after_fec_bps


def test_a_25_gigabit_channel_fits_only_fifty_gigabit_downstream_and_once() -> None:
    wanted_bps = 25_000_000_000
    fits = {
        (standard, direction)
        for standard in PonStandard
        for direction in Direction
        if capacity_bps(standard, direction, 32) >= wanted_bps
    }
    downstream = {(s, DOWNSTREAM) for s in PonStandard if s.startswith("50G")}
    assert fits == downstream | {(PonStandard.PON_50G, UPSTREAM)}
    assert capacity_bps(PonStandard.PON_50G, DOWNSTREAM, 32) < 2 * wanted_bps
