"""Inference services over the emulated network: tokens at the instants that arithmetic gives, twice alike."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile
from testbed.scenario.loading import from_mapping

MS = 1_000_000
WAY_NS = 500_000 + 60 * 4_900
"""One way between a home and node1: the node's own distance, and 60 km of fibre at 4.9 us a km."""
PREFILL_NS = -(-256 * 10**9 // 5_655)
STEP_NS = 20 * MS
CLOCK_NS = 100
"""What the clock reads of programs and of the kernel may add, 1 ns each; nothing waits for a line here."""

LINE = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}
CLIENTS = {"starts": "1 s", "ends": "3 s", "prompt_tokens": 256, "output_tokens": 5}


def scenario(trace: Path) -> ScenarioFile:
    """A service that is asked now and then, so that nobody waits, and one that is asked by a crowd."""
    even = {**CLIENTS, "host": "home1", "arrivals": "constant", "interval": "250 ms"}
    service = {"job": {"weight": 2, "kind": "inference"}, "starts": "1 s", "ends": "4 s"}
    decode = [{"batch": 1, "tpot": "20 ms"}]
    return from_mapping(
        {
            "title": "Inference services",
            "seed": 7,
            "duration": "4 s",
            "network": {"topology": "elastic_access", "parameters": {"onus": 2}},
            "access": {"downstream": LINE, "upstream": LINE},
            "pon": {"model": "shaped_link"},
            "services": {
                "quiet": {**service, "decode": decode, "clients": {"even": even}},
                "busy": {
                    **service,
                    "batch": 8,
                    "prefill_rate": 50_000,
                    "decode": "cloudmatrix384",
                    "clients": {
                        "bursts": {
                            **CLIENTS,
                            "host": "home2",
                            "arrivals": "bursty",
                            "burstiness": 3,
                            "interval": "8 ms",
                        },
                        "traced": {
                            "host": "home1",
                            "starts": "1 s",
                            "ends": "3 s",
                            "arrivals": "trace",
                            "trace": str(trace),
                        },
                    },
                },
            },
        },
        "serving",
    )


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "trace.csv"
    path.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4000,3\n"
        "2023-11-16 18:17:04.0799600,20,1\n"
        "2023-11-16 19:17:04.0799600,20,1\n"
    )
    return path


@pytest.fixture(scope="module")
def run(trace: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(scenario(trace), out=tmp_path_factory.mktemp("serving"))


def column(run: RunDirectory, clients: str, measure: str, name: str = "delay_ns") -> NDArray[np.int64]:
    """A column of one measure of some clients, of which nothing may be missing."""
    table = pyarrow.parquet.read_table(run.samples_path).to_pandas()
    rows = table[(table["session"] == clients) & (table["measure"] == measure)]
    assert set(rows["direction"]) == {"downstream"}
    found: NDArray[np.int64] = rows[name].to_numpy(dtype=np.int64)
    return found


def event(run: RunDirectory, kind: str, **fields: Any) -> dict[str, Any]:
    lines = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    (found,) = (each for each in lines if each["kind"] == kind and fields.items() <= each.items())
    return dict(found)


def test_prompts_are_sent_when_they_are_due(run: RunDirectory) -> None:
    sent_at_ns = column(run, "even", "first_token", "sent_at_ns")
    late_ns = sent_at_ns - np.arange(1000, 3000, 250) * MS
    assert 0 <= late_ns.min() <= late_ns.max() <= CLOCK_NS


def test_the_first_token_takes_both_ways_and_the_prefill(run: RunDirectory) -> None:
    delay_ns = column(run, "even", "first_token")
    least_ns = 2 * WAY_NS + PREFILL_NS
    assert len(delay_ns) == 8
    assert least_ns <= delay_ns.min() <= delay_ns.max() <= least_ns + CLOCK_NS


def test_a_token_comes_with_every_step_and_the_answer_with_the_last(run: RunDirectory) -> None:
    delay_ns = column(run, "even", "token")
    assert len(delay_ns) == 8 * 4
    assert abs(delay_ns - STEP_NS).max() <= CLOCK_NS
    answer_ns = column(run, "even", "answer")
    assert abs(answer_ns - column(run, "even", "first_token") - 4 * STEP_NS).max() <= CLOCK_NS


def test_a_crowd_waits_for_prefill_and_for_the_batch(run: RunDirectory) -> None:
    """The control of the quiet service: what is no distance and no prefill is waiting, and there is some."""
    first_ns = column(run, "bursts", "first_token")
    alone_ns = 2 * WAY_NS + 256 * 10**9 // 50_000
    assert alone_ns <= first_ns.min() <= alone_ns + CLOCK_NS
    assert first_ns.max() > 3 * alone_ns
    assert column(run, "bursts", "token").max() > 2 * 15 * MS


def test_a_trace_is_asked_until_the_clients_end(run: RunDirectory) -> None:
    assert column(run, "traced", "answer", "size_bytes").tolist() == [12, 4]
    sent_at_ns = column(run, "traced", "answer", "sent_at_ns")
    assert abs(sent_at_ns - np.array([1000, 1100]) * MS).max() <= CLOCK_NS


def test_what_a_service_did_is_written_down(run: RunDirectory) -> None:
    quiet = event(run, "service.end", service="quiet")
    assert quiet["node"] == event(run, "job.place", job="quiet")["node"] == "node1"
    assert (quiet["requests"], quiet["answered"], quiet["tokens"], quiet["steps"]) == (8, 8, 40, 32)
    assert (quiet["mean_batch"], quiet["of_ns"]) == (1, 3000 * MS)
    # A step of this table takes as long for 96 requests as for one.
    assert quiet["least_ns"] == pytest.approx(32 * STEP_NS / 96, abs=1)
    # One request after the other: no prefill goes on beside a step.
    assert quiet["busy_ns"] == quiet["prefill_ns"] + 32 * STEP_NS
    assert quiet["prefill_ns"] > 8 * MS
    busy = event(run, "service.end", service="busy")
    assert busy["least_ns"] / busy["of_ns"] > 4 * quiet["least_ns"] / quiet["of_ns"]
    assert busy["busy_ns"] <= busy["of_ns"]
    assert 1 < busy["mean_batch"] <= 8
    assert busy["answered"] == busy["requests"]


def test_two_runs_give_the_same_bytes(run: RunDirectory, trace: Path, tmp_path: Path) -> None:
    again = run_scenario(scenario(trace), out=tmp_path / "again")
    for name in ("samples.parquet", "events.jsonl"):
        assert (again.path / name).read_bytes() == (run.path / name).read_bytes(), name
