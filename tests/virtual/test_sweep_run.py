"""Sweeps of real runs: killed and carried on, failing in part, on a Dask cluster, and the pages."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import dask_cluster
import pyarrow.parquet as pq
import pytest
import yaml
from headless import CHROMIUM, Page
from venue_boot import embedded_kernel

TESTBED = [sys.executable, "-c", "import sys; from testbed.cli import main; sys.exit(main())"]
SYNTHETIC = Path(__file__).parents[1] / "unit" / "synthetic_seeds.py"
TINY: dict[str, Any] = {
    "title": "A player beside a download in the same home",
    "duration": "400 ms",
    "seed": 3,
    "network": {"topology": "elastic_access", "parameters": {"onus": 1, "devices": {"onu1": ["tablet"]}}},
    "pon": {"model": "shaped_link"},
    "access": {
        "downstream": {"rate": "10 Mbit/s", "committed": "5 Mbit/s", "queue": "500 kB"},
        "upstream": {"rate": "50 Mbit/s", "committed": "10 Mbit/s", "queue": "200 kB"},
    },
    "background": {
        "download": {
            "protocol": "udp",
            "measured": True,
            "source": "node1",
            "destination": "tablet",
            "starts": "0 s",
            "ends": "400 ms",
            "interval": "1 ms",
            "packet": "1000 B",
            "arrivals": "poisson",
        }
    },
}
SWEPT = ("--set", "background.download.packet=500 B,1000 B", "--seeds", "2")
RUNS = 4


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    embedded_kernel()
    path = tmp_path_factory.mktemp("scenario") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY, sort_keys=False))
    return path


def command(scenario: Path, out: Path, *options: str) -> list[str]:
    return [*TESTBED, "sweep", str(scenario), *SWEPT, "--out", str(out), *options]


def swept(scenario: Path, out: Path, *options: str) -> Any:
    return subprocess.run(command(scenario, out, *options), capture_output=True, text=True, check=False)


def finished(out: Path) -> dict[str, int]:
    """The finished runs with the instant at which each was finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("runs/*/summary.json")}


@pytest.fixture(scope="module")
def reference(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "sweep"
    done = swept(scenario, out)
    assert done.returncode == 0, done.stderr
    return out


def test_every_run_is_in_the_table_and_progress_was_told(reference: Path) -> None:
    rows = pq.read_table(reference / "sweep.parquet").to_pylist()
    assert {(row["background.download.packet"], row["seed"]) for row in rows} == {
        (packet, seed) for packet in ("500 B", "1000 B") for seed in (3, 4)
    }
    delays = {row["run"]: row["value"] for row in rows if row["statistic"] == "p99"}
    assert len(delays) == RUNS
    assert all(value > 0 for value in delays.values())
    assert len(set(delays.values())) > 1
    manifest = json.loads(next(reference.glob("runs/1-*/manifest.json")).read_text())
    assert (manifest["seed"], manifest["settings"]) == (3, ["background.download.packet=500 B"])
    assert (reference / "report.html").is_file()
    assert list((reference / "logs").iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_ended_half_way_runs_only_what_was_not_finished(
    scenario: Path, reference: Path, tmp_path: Path, ending: signal.Signals
) -> None:
    out = tmp_path / "sweep"
    # Whoever runs the tests may ignore signals, and a program inherits that.
    words = ["env", "--default-signal", *command(scenario, out)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if re.search(r"finished; 1 of 4 done", line):
                break
        os.kill(process.pid, ending)
        process.stderr.read()
    before = finished(out)
    assert process.returncode == (-ending if ending is signal.SIGKILL else 130)
    assert 1 <= len(before) < RUNS
    done = swept(scenario, out)
    assert done.returncode == 0, done.stderr
    after = finished(out)
    assert len(after) == RUNS
    assert {name: after[name] for name in before} == before
    again = [line for line in done.stderr.splitlines() if " finished; " in line]
    assert len(again) == RUNS - len(before)
    assert f"{len(before)} of them finished before" in done.stderr
    # And what it says is what a sweep says that nobody ended.
    assert (out / "sweep.parquet").read_bytes() == (reference / "sweep.parquet").read_bytes()


def test_a_failed_run_stops_no_other_and_is_named_at_the_end_with_its_log(
    scenario: Path, tmp_path: Path
) -> None:
    """A wall limit that none can keep fails all; without it, the same command makes all of them."""
    out = tmp_path / "sweep"
    done = swept(scenario, out, "--wall-limit", "0.1")
    assert done.returncode == 5
    assert f"{RUNS} runs failed, and will be tried again by the same command:" in done.stdout
    logs = re.findall(r"log: (\S+)", done.stdout)
    assert len(logs) == RUNS
    assert "stopped at its limit of 0.1 s" in Path(logs[0]).read_text()
    done = swept(scenario, out, "--variant", "default")
    assert done.returncode == 0, done.stderr
    assert len(finished(out)) == RUNS
    assert list((out / "logs").iterdir()) == []


def test_a_folder_of_another_sweep_is_refused_and_left_alone(scenario: Path, reference: Path) -> None:
    before = finished(reference)
    done = swept(scenario, reference, "--seed", "70")
    assert done.returncode == 2
    assert "holds a different sweep: its seeds are [3, 4], not [70, 71]" in done.stderr
    assert finished(reference) == before


def test_a_dask_cluster_of_two_workers_gives_the_same_numbers(
    scenario: Path, reference: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    out = tmp_path / "sweep"
    with dask_cluster.running(tmp_path, workers=2) as cluster:
        done = swept(scenario, out, "--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    assert (out / "sweep.parquet").read_bytes() == (reference / "sweep.parquet").read_bytes()
    for name in finished(reference):
        pair = [each / "runs" / name / "samples.parquet" for each in (out, reference)]
        assert pair[0].read_bytes() == pair[1].read_bytes()
        summary = json.loads((out / "runs" / name / "summary.json").read_text())
        assert summary["run_dir"] == str(out / "runs" / name)
    log = (tmp_path / "cluster.log").read_text()
    assert len(set(re.findall(r"Start worker at:\s+(\S+)", log))) == 2


def test_a_run_that_fails_on_the_cluster_is_named_with_its_log(scenario: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    out = tmp_path / "sweep"
    with dask_cluster.running(tmp_path, workers=1) as cluster:
        done = swept(scenario, out, "--scheduler", cluster.address, "--wall-limit", "0.1")
    assert done.returncode == 5, done.stderr
    logs = re.findall(r"log: (\S+)", done.stdout)
    assert len(logs) == RUNS
    assert "stopped at its limit of 0.1 s" in Path(logs[0]).read_text()


def test_a_scheduler_that_is_not_there_is_status_4(scenario: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    done = swept(scenario, tmp_path / "sweep", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 4
    assert "no Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def pages(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The page of the real sweep, of a synthetic one that failed in part, and of a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    subprocess.run([sys.executable, SYNTHETIC, folder / "synthetic"], check=True)
    runs = [str(path) for path in sorted(reference.glob("runs/*"))[:3]]
    page = folder / "compare.html"
    subprocess.run([*TESTBED, "compare", *runs, "--out", str(page)], check=True, capture_output=True)
    return [reference / "report.html", folder / "synthetic" / "report.html", page]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here to show the pages in")
@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_pages_draw_their_plots_complain_about_nothing_and_never_scroll_sideways(
    pages: list[Path], width_px: int, colour_scheme: str
) -> None:
    assert CHROMIUM is not None
    with Page(CHROMIUM) as page:
        for path in pages:
            page.open(path.as_uri(), width_px, colour_scheme)
            page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
            drawn = page.evaluate(
                "[...document.querySelectorAll('.plot')].map(plot => plot.querySelectorAll('.trace').length)"
            )
            assert drawn
            assert min(drawn) >= 1
            assert page.evaluate("document.documentElement.scrollWidth") <= width_px
            assert page.complaints() == []
            assert page.requests() == [path.as_uri()]
