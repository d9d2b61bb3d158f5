"""Every shipped topology under stock `mn`, with our link and switch classes."""

import shutil
import sys
from pathlib import Path

import pytest
from venue_boot import PYTHON, console_of, run_inside

from testbed.scenario import shipped_topologies

SMALL = {
    "supernode": ",nodes=8,planes=2",
    "elastic_supernode": ",onus=2,nodes=8,planes=2",
    "cluster": ",servers=16",
    "elastic_cluster": ",onus=2,servers=16",
}
"""Parameters for topologies that by default have more hosts than all can call one another in a test."""
TOPOLOGIES = Path(__file__).parents[2] / "topologies"
MN = shutil.which("mn", path=str(Path(sys.executable).parent))


@pytest.mark.parametrize("name", shipped_topologies())
@pytest.mark.skipif(shutil.which("mnexec") is None, reason="mnexec (package mininet) is not installed")
def test_all_hosts_of_a_topology_reach_each_other_under_stock_mininet(name: str, tmp_path: Path) -> None:
    assert MN is not None, "the mn script of the mininet package is missing beside this Python"
    stock = ["--link", "shaped", "--switch", "bridge", "--controller", "none", "--test", "pingall"]
    outcome = run_inside(
        tmp_path,
        PYTHON,
        MN,
        "--custom",
        str(TOPOLOGIES / f"{name}.py"),
        "--topo",
        name + SMALL.get(name, ""),
        *stock,
    )
    assert outcome.exit_status == 0, console_of(outcome)
    assert " 0% dropped" in console_of(outcome)


@pytest.mark.skipif(shutil.which("mnexec") is None, reason="mnexec (package mininet) is not installed")
def test_a_topology_that_cannot_be_is_refused_by_mn_with_its_reason(tmp_path: Path) -> None:
    assert MN is not None
    custom = str(TOPOLOGIES / "pon_tree.py")
    outcome = run_inside(
        tmp_path, PYTHON, MN, "-v", "info", "--custom", custom, "--topo", "pon_tree,onus=200"
    )
    # mn's own exit status is 0 whatever happens; this is ours.
    assert outcome.exit_status == 2
    assert "onus" in console_of(outcome)
    assert "less than or equal to 128" in console_of(outcome)
