"""The shipped scenarios of the PON show what they are there to show: all their expectations hold."""

from pathlib import Path

import pytest
from venue_boot import embedded_kernel

from testbed.cli import main


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "name", ["pon_idle_delay", "dba_classes", "dba_assured_restoration", "burst_overhead"]
)
def test_every_expectation_of_a_shipped_scenario_holds(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded_kernel()
    assert main(["run", name, "--out", str(tmp_path / "run")]) == 0, capsys.readouterr().out


def test_an_expectation_of_the_table_fails_where_the_grants_are_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The control: half the grants are not taken for all of them."""
    embedded_kernel()
    fewer = "variants.grants_8.pon.tconts.gold={fixed: 28672 kbit/s, grants: 4}"
    options = ["--variant", "grants_8", "--set", fewer, "--out", str(tmp_path / "run")]
    assert main(["run", "pon_idle_delay", *options]) == 1
    assert "FAIL" in capsys.readouterr().out
