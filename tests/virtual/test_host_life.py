"""However a run on the host venue ends, nothing of it lives on; and the commands beside it, in real time."""

from typing import Any

import pytest
from mechanism import results_of

LIMITS_S = {"wall_limit_s": 300.0, "stall_limit_s": 300.0}


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of each step of `mechanisms/host_life.py`, by its name."""
    return results_of("host_life.py", tmp_path_factory.mktemp("host_life"), time_travel=False, **LIMITS_S)


@pytest.mark.parametrize(("step", "status"), [("interrupted", 130), ("terminated", 143)])
def test_a_run_that_is_ended_takes_everything_with_it(
    lives: dict[str, dict[str, Any]], step: str, status: int
) -> None:
    """Also a program of the user's that would go on for a thousand seconds, and the run directory."""
    life = lives[step]
    assert (life["status"], life["left"], life["kept"], life["ledgers"]) == (status, [], False, 0)


def test_a_run_whose_command_is_killed_ends_in_order(lives: dict[str, dict[str, Any]]) -> None:
    assert (lives["crashed"]["left"], lives["crashed"]["ledgers"]) == ([], 0)


def test_clean_ends_exactly_what_could_not_end_by_itself(lives: dict[str, dict[str, Any]]) -> None:
    """The control: before it the network's programs are there, and so is the user's."""
    cleaned = lives["cleaned"]
    assert "is under way, and left alone" in cleaned["too_early"]
    assert any("testbed.cli.guest_main" in words for words in cleaned["orphans"])
    assert any(words.startswith("sleep 1000") for words in cleaned["orphans"])
    assert cleaned["status"] == 0
    assert "ended" in cleaned["said"]
    assert (cleaned["left"], cleaned["ledgers"]) == ([], 0)


def test_a_program_is_executed_on_a_host(lives: dict[str, dict[str, Any]]) -> None:
    """20 km of fibre and 2 ms to the node, twice: nothing is faster than light."""
    executed = lives["executed"]
    assert executed["status"] == 0, executed["said"]
    rtts_ms = [float(line.rpartition("time=")[2].split()[0]) for line in executed["out"].splitlines()[1:4]]
    assert min(rtts_ms) > 2 * (20 * 0.0049 + 2)
    assert executed["left"] == []


def test_a_shell_looks_at_the_network(lives: dict[str, dict[str, Any]]) -> None:
    shell = lives["shell"]
    assert shell["status"] == 0
    assert {"home1", "metro", "node", "olt", "onu1"} <= set(shell["said"].split())
    assert "1 received, 0% packet loss" in shell["said"]
    assert shell["left"] == []
