"""Distances and splits: what light needs, and what a standard allows."""

import pytest

from testbed.pon import PonStandard, check_distances, check_split, propagation_ns


@pytest.mark.parametrize(
    ("length_m", "delay_ns"), [(0, 0), (1, 5), (10_000, 49_000), (20_000, 98_000), (40_000, 196_000)]
)
def test_light_takes_49_microseconds_for_ten_kilometres(length_m: int, delay_ns: int) -> None:
    assert propagation_ns(length_m) == delay_ns


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 m"):
        propagation_ns(-1)


def test_a_tree_within_reach_is_accepted() -> None:
    check_distances(PonStandard.XGS_PON, [20_000, 60_000])
    check_distances(PonStandard.EPON_10G, [0, 20_000])
    check_distances(PonStandard.XGS_PON, [])


def test_a_fibre_beyond_the_reach_is_refused_with_the_length_that_fits() -> None:
    with pytest.raises(ValueError, match=r"61 km is beyond the reach of XGS-PON; at most 60 km"):
        check_distances(PonStandard.XGS_PON, [30_000, 61_000])
    with pytest.raises(ValueError, match=r"25 km is beyond the reach of 10G-EPON; at most 20 km"):
        check_distances(PonStandard.EPON_10G, [25_000])


def test_onus_too_far_apart_are_refused_with_the_length_that_fits() -> None:
    with pytest.raises(ValueError, match=r"5 km and 50 km .* the farthest may be at 45 km"):
        check_distances(PonStandard.PON_50G, [50_000, 5_000])


@pytest.mark.parametrize(("split", "onus"), [(2, 1), (32, 32), (128, 3)])
def test_a_split_with_a_port_for_each_onu_is_accepted(split: int, onus: int) -> None:
    check_split(PonStandard.XGS_PON, split, onus)


@pytest.mark.parametrize(
    ("standard", "split", "onus", "says"),
    [
        (PonStandard.XGS_PON, 256, 8, "1:256 is beyond XGS-PON; at most 1:128"),
        (PonStandard.EPON_10G, 128, 8, "1:128 is beyond 10G-EPON; at most 1:64"),
        (PonStandard.XGS_PON, 24, 20, "not a power of two from 2 up; 1:32 serves 20 ONUs"),
        (PonStandard.XGS_PON, 1, 1, "not a power of two from 2 up; 1:2 serves 1 ONUs"),
        (PonStandard.XGS_PON, 0, 1, "not a power of two from 2 up; 1:2 serves 1 ONUs"),
        (PonStandard.XGS_PON, 8, 9, "no port for 9 ONUs; 1:16 has"),
        (PonStandard.XGS_PON, 128, 129, "129 ONUs are more than one XGS-PON serves; at most 128"),
    ],
)
def test_an_impossible_split_is_refused_with_one_that_fits(
    standard: PonStandard, split: int, onus: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        check_split(standard, split, onus)
