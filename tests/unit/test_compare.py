"""Runs side by side: what is compared with what, how differences are told, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import synthetic_run
import synthetic_sweep

from testbed.cli import main
from testbed.errors import ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.report import comparison
from testbed.report.compare_page import write_page
from testbed.report.comparison import Comparison, Stream, compared

DOWN = Stream("elastic", "player", "probe", "downstream")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return synthetic_run.make_run(tmp_path_factory.mktemp("before") / "run")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The same run, in which every packet of every stream took 1 ms more."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    run = synthetic_run.make_run(tmp_path_factory.mktemp("after") / "run")
    table = pq.read_table(run.samples_path)
    for name in ("received_at_ns", "delay_ns"):
        later = pc.add(table[name], pa.scalar(synthetic_run.MS, pa.int64()))
        table = table.set_column(table.column_names.index(name), name, later)
    pq.write_table(table, run.samples_path)
    run.write_manifest(run.manifest())
    return run


@pytest.fixture(scope="module")
def found(first: RunDirectory, second: RunDirectory) -> Comparison:
    return compared([first, second])


def changed(run: RunDirectory, path: Path, **manifest: Any) -> RunDirectory:
    """The run under another name with another manifest."""
    path.mkdir()
    for each in run.path.iterdir():
        if each.name not in ("manifest.json", "SHA256SUMS") and each.is_file():
            (path / each.name).symlink_to(each)
    RunDirectory(path).write_manifest({**run.manifest(), **manifest})
    return RunDirectory.open(path)


def test_a_run_that_is_slower_by_a_millisecond_is_found_to_be(found: Comparison) -> None:
    labels = [label for label, _ in found.runs]
    assert [label.split("/")[-1] for label in labels] == ["run", "run"]
    assert len(set(labels)) == 2
    by_run = found.streams[DOWN]
    assert by_run[labels[0]].differences == {}
    differs = by_run[labels[1]].differences
    assert list(differs) == ["mean", "p50", "p95", "p99"]
    for each in differs.values():
        assert each.value == pytest.approx(synthetic_run.MS)
        assert (each.low, each.high) == pytest.approx((synthetic_run.MS, synthetic_run.MS))
        assert each.is_clear


def test_a_stream_of_which_nothing_arrived_is_there_without_a_difference(found: Comparison) -> None:
    silent = found.streams[Stream("elastic", "guest", "probe", "downstream")]
    assert all(each.differences == {} for each in silent.values())
    assert all(each.metrics["lost"] == 20 for each in silent.values())


def test_runs_of_two_venues_are_not_compared(
    first: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_host = changed(first, tmp_path / "on_host", venue="host")
    with pytest.raises(ScenarioError, match="different venues") as refused:
        compared([first, on_host])
    assert "run is virtual, on_host is host" in str(refused.value)
    monkeypatch.setattr(comparison, "differences", lambda *_, **__: {})
    assert compared([first, changed(first, tmp_path / "again")]).streams


def test_one_run_and_the_same_run_twice_are_no_comparison(first: RunDirectory) -> None:
    with pytest.raises(ScenarioError, match="two runs at least"):
        compared([first])
    with pytest.raises(ScenarioError, match="named twice"):
        compared([first, first])


def test_runs_with_nothing_in_common_are_refused_with_what_they_have(
    first: RunDirectory, tmp_path: Path
) -> None:
    other = synthetic_sweep.make_run(tmp_path / "other", synthetic_sweep.VARIANTS[:2])
    with pytest.raises(ScenarioError, match="no stream of packets in common") as refused:
        compared([first, other])
    assert "best_effort, elastic" in str(refused.value)
    assert "load_5, load_10" in str(refused.value)


def test_the_command_prints_differences_and_writes_the_page(
    first: RunDirectory,
    second: RunDirectory,
    found: Comparison,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "page.html"
    assert main(["compare", str(first.path), str(second.path), "--out", str(page)]) == 0
    output = capsys.readouterr()
    assert "+1.000" in output.out
    assert str(page) in output.err
    text = page.read_text()
    assert "+1.000 [+1.000 to +1.000] *" in text
    assert "1000 resamples and seed 1" in text
    write_page(found, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == text


def test_the_folder_of_a_sweep_is_told_from_that_of_a_run(
    tmp_path: Path, first: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sweep.json").write_text("{}")
    assert main(["compare", str(first.path), str(tmp_path)]) == 2
    assert "is a sweep; name two of its runs" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_says_so(found: Comparison, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot write"):
        write_page(found, tmp_path / "nowhere" / "page.html")
