"""The lines of each standard: rates on the fibre and after error correction."""

import csv
import os
from fractions import Fraction
from pathlib import Path

import pytest

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.pon import PonStandard, line
from testbed.pon.standard import FRAMES_PER_SECOND

FOLDER_VARIABLE = "TESTBED_SHARED"
PUBLISHED = Path("data/published_tables/pon_rates.csv")


@pytest.mark.parametrize("standard", [PonStandard.XG_PON, PonStandard.XGS_PON])
def test_ten_gigabit_downstream_leaves_135432_bytes_of_each_frame(standard: PonStandard) -> None:
    down = line(standard, DOWNSTREAM)
    assert down.line_rate_bps == 9_953_280_000
    assert down.frame_bytes == 155_520
    assert down.after_fec_bps == 135_432 * 8 * FRAMES_PER_SECOND == 8_667_648_000


@pytest.mark.parametrize(
    ("standard", "rate_bps", "frame_bytes", "after_fec_bps"),
    [
        (PonStandard.XG_PON, 2_488_320_000, 38_880, Fraction(2_488_320_000 * 232, 248)),
        (PonStandard.XGS_PON, 9_953_280_000, 155_520, Fraction(9_953_280_000 * 216, 248)),
        (PonStandard.EPON_10G, 10_312_500_000, None, Fraction(10_000_000_000 * 27, 31)),
        (PonStandard.PON_50G, 49_766_400_000, 777_600, Fraction(42_024_960_000)),
        (PonStandard.PON_50G_25G, 24_883_200_000, 388_800, Fraction(21_012_480_000)),
        (PonStandard.PON_50G_12G5, 12_441_600_000, 194_400, Fraction(10_506_240_000)),
    ],
)
def test_upstream_keeps_the_code_rate_of_the_line(
    standard: PonStandard, rate_bps: int, frame_bytes: int | None, after_fec_bps: Fraction
) -> None:
    up = line(standard, UPSTREAM)
    assert (up.line_rate_bps, up.frame_bytes, up.after_fec_bps) == (rate_bps, frame_bytes, after_fec_bps)


@pytest.mark.parametrize("standard", [PonStandard.PON_50G, PonStandard.PON_50G_25G, PonStandard.PON_50G_12G5])
def test_every_fifty_gigabit_pon_has_the_same_downstream(standard: PonStandard) -> None:
    down = line(standard, DOWNSTREAM)
    assert (down.line_rate_bps, down.frame_bytes) == (49_766_400_000, 777_600)
    assert down.after_fec_bps == 42_024_960_000


def test_only_the_slowest_fifty_gigabit_upstream_is_deprecated() -> None:
    deprecated = {standard for standard in PonStandard if line(standard, UPSTREAM).deprecated}
    assert deprecated == {PonStandard.PON_50G_12G5}
    assert not any(line(standard, DOWNSTREAM).deprecated for standard in PonStandard)


def test_a_standard_is_named_as_users_write_it() -> None:
    assert PonStandard("XGS-PON") is PonStandard.XGS_PON
    assert [str(standard) for standard in PonStandard] == [
        "XG-PON",
        "XGS-PON",
        "10G-EPON",
        "50G-PON",
        "50G-PON/25G",
        "50G-PON/12.5G",
    ]


def _published_rows() -> list[dict[str, str]]:
    project = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get(FOLDER_VARIABLE, project.parent / "shared"))
    table = folder / PUBLISHED
    if not table.is_file():
        pytest.skip(
            f"no published table at {table}; set {FOLDER_VARIABLE} to the folder that holds {PUBLISHED}"
        )
    with table.open(newline="") as rows:
        return list(csv.DictReader(rows))


def _standard_of(row: dict[str, str]) -> PonStandard:
    by_upstream = {"24.8832": PonStandard.PON_50G_25G, "12.4416": PonStandard.PON_50G_12G5}
    return by_upstream.get(row["line_rate_gbps"], PonStandard(row["system"]))


def test_all_rates_agree_with_the_published_table() -> None:
    rows = _published_rows()
    assert len(rows) == 10
    for row in rows:
        direction = {"down": DOWNSTREAM, "up": UPSTREAM}[row["direction"]]
        ours = line(_standard_of(row), direction)
        assert f"{ours.line_rate_bps / 1e9:g}" == f"{float(row['line_rate_gbps']):g}"
        assert str(ours.frame_bytes or "") == row["bytes_per_125us"]
        assert ours.fec.name in row["fec"].replace("RS(255,223) over", "RS(255,223)")
        assert f"{float(ours.fec.code_rate):.6f}" == row["code_rate"]
        assert f"{float(ours.after_fec_bps) / 1e9:.6f}" == row["post_fec_gbps"]


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("standard", list(PonStandard))
def test_every_line_cites_its_source(standard: PonStandard, direction: Direction) -> None:
    assert line(standard, direction).source.startswith(("ITU-T G.", "IEEE Std 802.3"))
