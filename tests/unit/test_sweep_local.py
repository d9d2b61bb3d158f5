"""Runs on this machine: so many at a time, each failure by itself, and nothing left when the sweep ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.errors import ScenarioError
from testbed.sweep import sweep_directory as directories
from testbed.sweep.local import LocalRuns, last_words
from testbed.sweep.run_counts import RunCounts, spoken
from testbed.sweep.run_order import LocalOrder, RunOrder, RunResult, RunStarted, RunUpdate
from testbed.sweep.sweep_directory import SweepDirectory

PROGRAM = Path(__file__).with_name("sweep_program.py")
COMMAND = (sys.executable, str(PROGRAM))


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the runs' program notes what it was started for."""
    monkeypatch.setenv("SWEEP_DONE", str(tmp_path / "done"))
    return tmp_path / "done"


def orders(*texts: str) -> list[RunOrder]:
    return [
        RunOrder(
            name=f"run{n}",
            text=text,
            seed=n,
            settings=("a=1",),
            kernel="k",
            wall_limit_s=9.0,
            stall_limit_s=9.0,
        )
        for n, text in enumerate(texts)
    ]


def work_off(folder: Path, wanted: list[RunOrder], slots: int = 2) -> list[RunUpdate]:
    sweep = SweepDirectory(folder / "sweep")
    sweep.path.mkdir(exist_ok=True)
    with sweep.locked() as lock:
        return list(LocalRuns(sweep, COMMAND, slots).work_off(wanted, lock))


def test_an_order_is_the_same_after_its_way_to_the_program() -> None:
    placed = LocalOrder(order=orders("title: ü\nseed: 1\n")[0], out="/x", side_by_side=3)
    assert LocalOrder.from_line(placed.line()) == placed
    assert placed.line().count("\n") == 1


def test_never_more_run_at_a_time_than_there_are_slots(tmp_path: Path, done: Path) -> None:
    running: set[str] = set()
    most = 0
    for happened in work_off(tmp_path, orders(*["finish"] * 7), slots=3):
        if isinstance(happened, RunStarted):
            running.add(happened.name)
        else:
            running.remove(happened.name)
        most = max(most, len(running))
    assert (most, running) == (3, set())
    assert sorted(done.read_text().split()) == [f"run{n}" for n in range(7)]


def test_a_failed_run_stops_no_other_and_leaves_its_log(tmp_path: Path, done: Path) -> None:
    happened = work_off(tmp_path, orders("finish", "fail 3", "finish", "fail 70", "finish"))
    failed = {each.name: each for each in happened if isinstance(each, RunResult) and each.status}
    assert failed == {
        "run1": RunResult("run1", 3, "it could not be"),
        "run3": RunResult("run3", 70, "it could not be"),
    }
    sweep = SweepDirectory(tmp_path / "sweep")
    assert [sweep.is_finished(f"run{n}") for n in range(5)] == [True, False, True, False, True]
    assert [path.name for path in sorted((sweep.path / "logs").iterdir())] == ["run1.log", "run3.log"]
    assert len(done.read_text().split()) == 5


def test_a_run_that_failed_is_made_anew_without_what_it_left(tmp_path: Path, done: Path) -> None:
    work_off(tmp_path, orders("fail 3"))
    sweep = SweepDirectory(tmp_path / "sweep")
    (sweep.run("run0").path / "half").write_text("of a table")
    assert work_off(tmp_path, orders("finish"))[-1] == RunResult("run0", 0)
    assert not (sweep.run("run0").path / "half").exists()
    assert sweep.is_finished("run0")
    assert list((sweep.path / "logs").iterdir()) == []


def test_leaving_early_ends_the_runs_that_are_under_way(tmp_path: Path, done: Path) -> None:
    sweep = SweepDirectory(tmp_path / "sweep")
    sweep.path.mkdir()
    with sweep.locked() as lock:
        news = LocalRuns(sweep, COMMAND, 2).work_off(orders("wait", "wait", "finish"), lock)
        assert [next(news), next(news)] == [RunStarted("run0"), RunStarted("run1")]
        news.close()
    # Every run holds the lock while it lasts, so this would be refused if one were left.
    with sweep.locked():
        pass


SWEEP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_sweep_local as tests
sweep = tests.SweepDirectory(Path(sys.argv[2]))
with sweep.locked() as lock:
    for happened in tests.LocalRuns(sweep, tests.COMMAND, 2).work_off(tests.orders("wait", "wait"), lock):
        print(happened.name, flush=True)
"""


def test_runs_end_when_their_sweep_is_killed(tmp_path: Path, done: Path) -> None:
    """Their standard input closes with it, however it ends; they hold the lock until they are gone."""
    sweep = SweepDirectory(tmp_path / "sweep")
    sweep.path.mkdir()
    command = [sys.executable, "-c", SWEEP, str(PROGRAM.parent), str(sweep.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["run0", "run1"]
        process.send_signal(signal.SIGKILL)
    with sweep.locked() as lock:
        assert os.fstat(lock).st_nlink == 1


def test_two_sweeps_in_one_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "_PATIENCE_S", 0.0)
    sweep = SweepDirectory(tmp_path)
    with (
        sweep.locked(),
        pytest.raises(ScenarioError, match="another testbed sweep is at work"),
        sweep.locked(),
    ):
        pytest.fail("both have the lock")


def test_the_last_words_are_the_error_or_the_end_of_the_log() -> None:
    assert last_words("much\nerror: no\nbecause\n", 3) == "no\nbecause"
    assert last_words("Traceback (most recent)\n  x\nKeyError: 1\n", 1).endswith("KeyError: 1")
    assert last_words("\n".join(map(str, range(50))), 1).splitlines() == [str(n) for n in range(20, 50)]
    assert last_words("", -9) == "its program ended by signal 9"
    assert last_words("", 3) == "its program ended with status 3"


def test_the_tally_counts_and_foretells() -> None:
    tally = RunCounts(total=12, before=2)
    assert tally.line(0.0) == "2 of 12 done, 0 running, 10 left"
    tally.take(RunStarted("a"))
    tally.take(RunStarted("b"))
    assert tally.to_go_s(5.0) is None
    tally.take(RunResult("a", 0))
    tally.take(RunStarted("c"))
    tally.take(RunResult("b", 3))
    # Two ended in 20 s; one is half done, and seven are left.
    assert tally.line(20.0) == "3 of 12 done, 1 running, 7 left, 1 failed, about 1 min to go"
    assert tally.to_go_s(20.0) == 75.0


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59, "59 s"), (90, "2 min"), (3600, "1 h"), (12_000, "3 h 20 min")]
)
def test_times_to_go_are_rounded_for_people(seconds: float, words: str) -> None:
    assert spoken(seconds) == words
