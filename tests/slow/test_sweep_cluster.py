"""Sweeps on a Dask cluster of which parts are killed; the runs are stand-ins that make no network."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask_cluster
import pytest
import sweep_program

from testbed.cli import main, sweep_worker
from testbed.cli import sweep as command
from testbed.sweep import cluster as clusters
from testbed.sweep.run_order import RunOrder

pytest.importorskip("distributed", reason="dask.distributed is not installed")

SWEEP = ["sweep", "cloud_gaming", "--seeds", "3", "--out", "out", "--scheduler"]


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which each run notes that it was started; everything else stands in for what takes long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWEEP_DONE", str(tmp_path / "done"))
    monkeypatch.setattr(command.kernel, "require", lambda: SimpleNamespace(key="k1"))
    monkeypatch.setattr(sweep_worker, "ARGUMENTS", (sweep_program.__file__,))
    monkeypatch.setattr("testbed.report.numbers.numbers", lambda _: [])
    monkeypatch.setattr("testbed.report.sweep_page.write_page", lambda *_: None)
    return tmp_path / "done"


def obey(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    """Have each of the runs do what its text says."""

    def obeying(**fields: Any) -> RunOrder:
        return RunOrder(**{**fields, "text": texts[int(fields["name"].partition("-")[0]) - 1]})

    monkeypatch.setattr(command, "RunOrder", obeying)


def started(done: Path) -> list[str]:
    return [name.partition("-")[0] for name in done.read_text().split()] if done.exists() else []


def when(reached: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Do something as soon as something is so."""

    def wait() -> None:
        pause = threading.Event()
        while not reached():
            pause.wait(0.05)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def folders(of: Path) -> Iterator[Path]:
    return of.glob("testbed-sweep-*")


def test_a_scheduler_that_dies_is_told_in_a_line_and_the_same_command_carries_on(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    obey(monkeypatch, "finish", "wait", "finish")
    with dask_cluster.running(tmp_path / "first", workers=1) as cluster:
        when(lambda: "2" in started(done), cluster.scheduler.kill)
        assert main([*SWEEP, cluster.address]) == 4
    said = capfd.readouterr().err
    assert "the connection to the scheduler was lost; what was finished is kept" in said
    assert "Traceback" not in said
    before = sorted(path.parent.name for path in Path("out/runs").glob("*/SHA256SUMS"))
    done.unlink()
    obey(monkeypatch, "finish", "finish", "finish")
    with dask_cluster.running(tmp_path / "second", workers=1) as cluster:
        assert main([*SWEEP, cluster.address]) == 0
    assert sorted(started(done)) == sorted({"1", "2", "3"} - {name[0] for name in before})


def test_a_run_whose_worker_was_killed_is_done_by_another_which_removes_what_was_left(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    obey(monkeypatch, "finish", "once", "finish")
    with dask_cluster.running(tmp_path / "cluster", workers=1) as cluster:

        def replace_worker() -> None:
            cluster.workers[0].kill()
            assert len(list(folders(tmp_path / "cluster"))) == 1
            cluster.add_worker()

        replacing = when(lambda: "2" in started(done), replace_worker)
        assert main([*SWEEP, cluster.address]) == 0
        replacing.join()
        assert list(folders(tmp_path / "cluster")) == []
    assert sorted(started(done)) == ["1", "2", "2", "3"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_cluster_without_any_worker_left_is_not_waited_for_for_ever(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    obey(monkeypatch, "finish", "wait", "finish")
    monkeypatch.setattr(clusters, "NO_WORKER_S", 0.5)
    monkeypatch.setattr(clusters, "LOOK_EVERY_S", 0.2)
    with dask_cluster.running(tmp_path / "cluster", workers=1) as cluster:
        when(lambda: "2" in started(done), cluster.workers[0].kill)
        assert main([*SWEEP, cluster.address]) == 4
    said = capfd.readouterr().err
    assert "all of its workers are gone; what was finished is kept" in said
    assert "Traceback" not in said
