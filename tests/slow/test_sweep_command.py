"""`testbed sweep` with a program that makes no network: exit statuses, what is said, and what is refused."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sweep_program

from testbed.cli import main, sweep_worker
from testbed.cli import sweep as command
from testbed.errors import NotReadyError
from testbed.record.run_directory import RunDirectory
from testbed.sweep import cluster
from testbed.sweep.run_order import LocalOrder, RunOrder

FAKE = (sys.executable, sweep_program.__file__)
SWEEP = ["sweep", "cloud_gaming", "--set", "network.parameters.onus=8,16", "--seeds", "2"]


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[str]]]:
    """Runs the command with runs that do what their text says: by default all finish."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWEEP_DONE", str(tmp_path / "done"))
    monkeypatch.setattr(command.kernel, "require", lambda: SimpleNamespace(key="k1"))
    monkeypatch.setattr(sweep_worker, "COMMAND", FAKE)
    monkeypatch.setattr("testbed.report.numbers.numbers", lambda _: [])
    monkeypatch.setattr("testbed.report.sweep_page.write_page", lambda *_: None)

    def run(*options: str, texts: tuple[str, ...] = ("finish",) * 4) -> tuple[int, list[str]]:
        def obeying(**fields: Any) -> RunOrder:
            number = int(fields["name"].partition("-")[0]) - 1
            return RunOrder(**{**fields, "text": texts[number]})

        monkeypatch.setattr(command, "RunOrder", obeying)
        done = tmp_path / "done"
        done.unlink(missing_ok=True)
        status = main([*SWEEP, *options])
        return status, sorted(done.read_text().split()) if done.exists() else []

    return run


def test_what_is_finished_is_not_run_again(sweep: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, first = sweep("--out", "out")
    assert (status, len(first)) == (0, 4)
    said = capsys.readouterr()
    assert "2 combinations of values, 2 seeds: 4 runs" in said.err
    assert "4 of 4 done, 0 running, 0 left" in said.err
    assert "4 runs finished" in said.out
    assert sweep("--out", "out") == (0, [])
    assert "4 of them finished before" in capsys.readouterr().err


def test_without_out_the_same_sweep_finds_its_folder_again(sweep: Any, tmp_path: Path) -> None:
    assert len(sweep()[1]) == 4
    assert len(sweep("--seeds", "3", texts=("finish",) * 6)[1]) == 6
    assert sweep() == (0, [])
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_failed_runs_are_named_with_their_logs_and_run_again(
    sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    status, done = sweep("--out", "out", texts=("finish", "fail 4", "finish", "fail 1"))
    assert (status, len(done)) == (4, 4)
    said = capsys.readouterr().out
    assert "2 runs failed, and will be tried again by the same command:" in said
    for name in (done[1], done[3]):
        assert f"  {name}: it could not be\n    log: out/logs/{name}.log" in said
        assert (Path("out/logs") / f"{name}.log").read_text() == "error: it could not be\n"
    assert sweep("--out", "out") == (0, [done[1], done[3]])


def test_a_run_that_crashed_is_our_defect(sweep: Any) -> None:
    assert sweep("--out", "out", texts=("finish", "finish", "finish", "fail 1"))[0] == 70


def test_an_expectation_that_does_not_hold_somewhere_is_status_1(
    sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep("--out", "out")[0] == 0
    path = sorted(Path("out/runs").iterdir())[2]
    RunDirectory(path).write_summary({"expectations": [{**sweep_program.VERDICT, "holds": False}]})
    assert sweep("--out", "out") == (1, [])
    assert f"in 1 run an expectation does not hold, the first is {path.name}" in capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["0", "-1", str(len(os.sched_getaffinity(0)) + 1)])
def test_more_runs_at_a_time_than_processors_are_refused(
    sweep: Any, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep("--jobs", jobs) == (2, [])
    assert f"--jobs {jobs}: this machine has" in capsys.readouterr().err


def test_jobs_are_of_this_machine_alone(sweep: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep("--jobs", "1", "--scheduler", "tcp://x:1") == (2, [])
    assert "--jobs is for runs on this machine" in capsys.readouterr().err


def test_a_folder_of_a_different_sweep_is_refused(sweep: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sweep("--out", "out")
    assert sweep("--out", "out", "--seeds", "3") == (2, [])
    assert "holds a different sweep: its seeds are" in capsys.readouterr().err


def test_without_dask_a_cluster_is_refused_with_what_to_install(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert sweep("--scheduler", "tcp://127.0.0.1:9", "--out", "out") == (4, [])
    assert "pip install 'testbed[cluster]'" in capsys.readouterr().err


def test_a_sweep_on_this_machine_loads_no_dask(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert sweep("--out", "out")[0] == 0


def test_a_run_with_another_kernel_than_the_sweep_s_is_refused(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order = RunOrder(
        name="run", text="", seed=1, settings=(), kernel="k2", wall_limit_s=1.0, stall_limit_s=1.0
    )
    with pytest.raises(NotReadyError, match="embedded kernel is k1, the sweep's is k2"):
        sweep_worker.carry_out(LocalOrder(order=order, out=str(tmp_path / "run"), side_by_side=1))


def test_what_a_worker_sends_home_is_the_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_DONE", str(tmp_path / "done"))
    order = RunOrder(
        name="run", text="finish", seed=1, settings=(), kernel="k1", wall_limit_s=1.0, stall_limit_s=1.0
    )
    status, log, packed = cluster.carry_out(LocalOrder(order=order, out="", side_by_side=1), FAKE[1:])
    assert (status, log) == (0, "")
    directory = command.SweepDirectory(tmp_path / "sweep")
    directory.path.mkdir()
    directory.clear("run")
    cluster.unpack(packed, directory, "run")
    assert directory.is_finished("run")
    summary = directory.run("run").summary()
    assert summary == {"expectations": [sweep_program.VERDICT], "run_dir": str(directory.run("run").path)}


def test_what_fails_on_a_worker_comes_home_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_DONE", str(tmp_path / "done"))
    order = RunOrder(
        name="run", text="fail 3", seed=1, settings=(), kernel="k1", wall_limit_s=1.0, stall_limit_s=1.0
    )
    found = cluster.carry_out(LocalOrder(order=order, out="", side_by_side=1), FAKE[1:])
    assert found == (3, "error: it could not be\n", b"")
