"""Cleaning ends exactly the processes that were recorded, and never a stranger with the same number."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.net.ledger import Ledger, clean, is_under_way, ledger_folder

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that wait for as long as the test lasts."""
    started = []

    def start(program: str = sys.executable) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [program, "-S", "-c", "print(flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger that does not hold this process itself: the test is to survive."""
    ledger = Ledger(tmp_path / "state" / "1.jsonl")
    assert [entry["pid"] for entry in entries(ledger)] == [os.getpid()]
    ledger.path.write_text("")
    return ledger


def entries(ledger: Ledger) -> list[dict[str, int]]:
    return [json.loads(line) for line in ledger.path.read_text().splitlines()]


def test_what_is_recorded_and_still_there_is_ended(ledger: Ledger, start: Start) -> None:
    recorded, stranger = start(), start()
    ledger.add(recorded.pid)
    assert clean(ledger.path) == [recorded.pid]
    assert recorded.wait(10) == -9
    assert stranger.poll() is None
    assert not ledger.path.exists()


def test_another_process_that_was_given_the_number_is_left_alone(ledger: Ledger, start: Start) -> None:
    """The control is above: the same entry with the true start time ends the process."""
    process = start()
    ledger.add(process.pid)
    (entry,) = entries(ledger)
    ledger.path.write_text(json.dumps({**entry, "started": entry["started"] - 1}) + "\n")
    assert clean(ledger.path) == []
    assert process.poll() is None


def test_what_has_ended_by_itself_is_no_fault(ledger: Ledger, start: Start) -> None:
    process = start()
    ledger.add(process.pid)
    process.communicate(b"\n")
    ledger.add(process.pid)  # already gone: there is nothing to record
    assert len(entries(ledger)) == 1
    assert clean(ledger.path) == []


def test_a_program_may_have_any_name(ledger: Ledger, start: Start, tmp_path: Path) -> None:
    """/proc/PID/stat puts the name, with whatever brackets and spaces it has, before the numbers."""
    odd = tmp_path / "x) S 1 (y"
    odd.symlink_to(sys.executable)
    process = start(str(odd))
    ledger.add(process.pid)
    assert f"({odd.name})" in Path(f"/proc/{process.pid}/stat").read_text()
    assert clean(ledger.path) == [process.pid]


def test_a_run_whose_starter_is_there_is_under_way_and_one_that_crashed_is_not(
    start: Start, tmp_path: Path
) -> None:
    """The starter's number names the ledger; after a crash the first process has another parent."""
    process = start()
    for name, under_way in ((os.getpid(), True), (1, False)):
        ledger = Ledger(tmp_path / f"{name}.jsonl")
        ledger.path.write_text("")
        assert not is_under_way(ledger.path)
        ledger.add(process.pid)
        assert is_under_way(ledger.path) is under_way
    process.communicate(b"\n")
    assert not is_under_way(tmp_path / f"{os.getpid()}.jsonl")


def test_a_closed_ledger_leaves_no_file(ledger: Ledger) -> None:
    ledger.close()
    assert not ledger.path.exists()
    ledger.close()


def test_ledgers_are_kept_with_the_user_s_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ledger_folder() == tmp_path / "testbed" / "ledgers"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")  # not allowed by the XDG specification
    monkeypatch.setenv("HOME", "/home/somebody")
    assert ledger_folder() == Path("/home/somebody/.local/state/testbed/ledgers")
