"""Networks are built without processes, can be used as Mininet's, break silently and leave nothing behind."""

from typing import Any

import pytest
from mechanism import results_of


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return results_of("build.py", tmp_path_factory.mktemp("build") / "out")


def test_a_host_has_no_process_until_a_command_is_run_on_it(seen: dict[str, Any]) -> None:
    assert seen["mininet"]["processes_before"] == 0
    assert seen["mininet"]["processes_after"] == 1


def test_commands_and_processes_run_inside_the_host_as_under_mininet(seen: dict[str, Any]) -> None:
    mininet = seen["mininet"]
    assert mininet["by_shell"] == mininet["mac"]
    assert mininet["by_process"]
    assert mininet["pid"]
    assert mininet["is_up"]


def test_what_leaves_a_cut_interface_is_lost_and_counted_until_it_is_mended(seen: dict[str, Any]) -> None:
    faults = seen["faults"]
    assert faults["dropped_before"] == 0
    assert faults["whole"] == [5, 0]
    assert faults["cut"] == [0, 5]
    assert faults["mended"] == [5, 5]
    assert faults["cut again"] == [0, 10]


def test_a_packet_already_on_the_way_arrives_though_the_interface_is_cut(seen: dict[str, Any]) -> None:
    assert seen["faults"]["on the way"] == [1, 10]


def test_a_forked_program_has_sockets_on_other_hosts_than_its_own(seen: dict[str, Any]) -> None:
    assert seen["child"] == ["10.2.0.2"]


def test_nothing_is_left_of_a_network_after_its_end(seen: dict[str, Any]) -> None:
    before, after = seen["removed"]
    assert after == before


def test_nothing_is_left_of_a_network_that_the_kernel_refused_half_way(seen: dict[str, Any]) -> None:
    half_way = seen["half_way"]
    assert "refused to add the veth pair metro-eth" in half_way["error"]
    assert half_way["error"].endswith("File exists")
    before, after = half_way["left"]
    assert after == before
