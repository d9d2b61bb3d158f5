"""Every pair of nodes of a fabric is as far apart as configured, within a microsecond, at 384 nodes too."""

from collections import Counter
from pathlib import Path

import pytest
from mechanism import results_of

from testbed.pon import propagation_ns

MICROSECOND_NS = 1_000
PACKETS = 1_000
FIBRE_NS = propagation_ns(10_000)


def pairs(case: str, output: Path) -> list[tuple[int, int]]:
    """Of a thousand packets the delay configured and the delay measured; the largest deviation is printed."""
    rows = results_of("fabric_pairs.py", output, case)["pairs"]
    found = [
        (configured_ns, measured_ns) for *_, configured_ns, measured_ns in rows if measured_ns is not None
    ]
    assert len(found) == len(rows) == PACKETS, "all of them arrived"
    deviation_ns = max(abs(measured_ns - configured_ns) for configured_ns, measured_ns in found)
    print(f"{case}: the largest deviation of {PACKETS} packets is {deviation_ns} ns")
    return found


@pytest.mark.timeout(300)
def test_of_384_nodes_any_two_are_as_far_apart_as_configured(tmp_path: Path) -> None:
    found = pairs("tiers", tmp_path)
    tiers = Counter(configured_ns for configured_ns, _ in found)
    assert set(tiers) == {218, 929, 2_500, 2_500 + FIBRE_NS}, "the sample has some of each tier"
    for configured_ns, measured_ns in found:
        assert abs(measured_ns - configured_ns) < MICROSECOND_NS


@pytest.mark.timeout(300)
def test_a_matrix_from_a_file_gives_every_pair_its_own_delay_on_every_plane(tmp_path: Path) -> None:
    found = pairs("matrix", tmp_path)
    assert len({configured_ns for configured_ns, _ in found}) > 100
    for configured_ns, measured_ns in found:
        assert abs(measured_ns - configured_ns) < MICROSECOND_NS


@pytest.mark.timeout(300)
def test_without_a_distance_there_is_no_delay(tmp_path: Path) -> None:
    """The control: what was measured above is the distance, and not this program."""
    assert max(measured_ns for _, measured_ns in pairs("no_distance", tmp_path)) < 50
