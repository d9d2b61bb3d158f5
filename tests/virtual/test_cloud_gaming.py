"""The shipped scenario, shortened: what it shows, and the same bytes every time."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from venue_boot import embedded_kernel

from testbed.scenario import load

SETTINGS = (
    "duration=4 s",
    "sessions.player.ends=3900 ms",
    "sessions.player.scenes=[{name: lobby, at: 1 s, rate: 8 Mbit/s}, {name: 4k, at: 2 s, rate: 45 Mbit/s}]",
    "background.tv.ends=4 s",
    "background.camera.ends=4 s",
    "background.tablet_download.ends=4 s",
    "background.tablet_upload.ends=4 s",
    "background.neighbour_download.starts=1 s",
    "background.neighbour_download.ends=2 s",
    "background.neighbour_video.ends=4 s",
)
RECORDS = ("events.jsonl", "samples.parquet", "rates.parquet")


def run(out: Path, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`testbed run cloud_gaming`, shortened."""
    embedded_kernel()
    main = "import sys; from testbed.cli import main; sys.exit(main())"
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [
        *prefix,
        sys.executable,
        "-c",
        main,
        "run",
        "cloud_gaming",
        "--out",
        str(out),
        *settings,
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=550)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("runs") / "first"
    done = run(out, "--json")
    assert done.returncode in (0, 1), done.stderr
    return out, json.loads(done.stdout)


def test_json_is_one_object_with_the_keys_that_scripts_rely_on(first: tuple[Path, dict[str, Any]]) -> None:
    _, summary = first
    keys = {"scenario", "seed", "venue", "wall_s", "virtual_s", "run_dir", "variants", "expectations"}
    assert keys <= set(summary)
    probes = summary["variants"]["elastic"]["probes"]["player"]
    for direction in ("downstream", "upstream"):
        assert {"sent", "received", "lost", "reordered", "delay_ns"} == set(probes[direction])
        assert {"min", "mean", "p50", "p95", "p99", "p999", "max"} == set(probes[direction]["delay_ns"])


def test_the_channel_follows_the_scenes_without_losing_or_reordering_a_packet(
    first: tuple[Path, dict[str, Any]],
) -> None:
    out, summary = first
    elastic = summary["variants"]["elastic"]
    for stream in (elastic["packets"]["player"]["downstream"], elastic["commands"]["player"]["upstream"]):
        assert stream["sent"] > 0
        assert stream["lost"] == 0
        assert stream["reordered"] == 0
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    resizes = [event for event in events if event["kind"] == "channel.resize"]
    assert [resize["reason"] for resize in resizes]
    assert {event["kind"] for event in events} >= {
        "job.place",
        "channel.admit",
        "net.resize",
        "channel.release",
    }


def test_best_effort_waits_in_the_home_s_queue_and_a_channel_does_not(
    first: tuple[Path, dict[str, Any]],
) -> None:
    _, summary = first
    p50 = {
        name: variant["probes"]["player"]["downstream"]["delay_ns"]["p50"]
        for name, variant in summary["variants"].items()
    }
    assert p50["best_effort"] > 20_000_000
    # The distance alone: 500 us to the node, 60 km of metro and 20 km of fibre at 4.9 us/km.
    distance_ns = 500_000 + 80 * 4_900
    assert distance_ns <= p50["elastic"] < distance_ns + 10_000


def test_the_same_seed_gives_the_same_bytes_on_a_busy_machine_and_another_seed_does_not(
    first: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, _ = first
    busy = [
        multiprocessing.get_context("fork").Process(target=_spin, daemon=True)
        for _ in range(os.cpu_count() or 1)
    ]
    for process in busy:
        process.start()
    try:
        run(tmp_path / "second", prefix=("nice", "-n", "19"))
    finally:
        for process in busy:
            process.kill()
    run(tmp_path / "other", "--seed", "8")
    for name in RECORDS:
        assert (out / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name
    assert (out / "samples.parquet").read_bytes() != (tmp_path / "other" / "samples.parquet").read_bytes()


def _spin() -> None:
    # As nice as the run beside it: against loops of normal priority that would get a sixtieth of a core.
    os.nice(19)
    while True:
        pass


def test_an_expectation_that_does_not_hold_is_exit_status_1(tmp_path: Path) -> None:
    never = "expect=[{variant: elastic, session: player, direction: upstream, statistic: p50, at_most: 1 us}]"
    done = run(tmp_path / "run", "--variant", "elastic", "--set", never)
    assert done.returncode == 1, done.stderr
    assert "FAIL" in done.stdout


def test_every_shipped_scenario_can_be_loaded() -> None:
    assert list(load("cloud_gaming").variants) == ["best_effort", "elastic"]
