"""The experts' exchange, as measured in the emulated fabric, is in the time from token to token."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import samples
from testbed.scenario import ScenarioFile, from_mapping

MS = 1_000_000
LAYERS = 20
CLOCK_NS = 100


def scenario() -> ScenarioFile:
    """One client, whose tokens take 10 ms by the table, of which 4 ms are the exchange of the experts."""
    line = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}
    user = {"host": "home1", "starts": "1 s", "ends": "2 s", "arrivals": "constant", "interval": "200 ms"}
    service: dict[str, Any] = {
        "job": {"weight": 2, "kind": "inference"},
        "starts": "1 s",
        "ends": "2 s",
        "decode": [{"batch": 1, "tpot": "10 ms"}],
        "experts": "moe",
        "exchange_share": 0.4,
        "exchange_layers": LAYERS,
        "clients": {"user": {**user, "prompt_tokens": 20, "output_tokens": 5}},
    }
    moe = {"ranks": 4, "job": {"weight": 6}, "starts": "600 ms", "ends": "2 s", "interval": "100 ms"}
    slow = {"network": {"parameters": {"rate": "300 Gbit/s"}}}
    return from_mapping(
        {
            "title": "Experts and tokens",
            "seed": 3,
            "duration": "2 s",
            "network": {"topology": "elastic_supernode", "parameters": {"onus": 1, "nodes": 4}},
            "access": {"downstream": line, "upstream": line},
            "pon": {"model": "shaped_link"},
            "placement": {"backup": False},
            "services": {"chat": service},
            "experts": {"moe": moe},
            "variants": {
                "fast": None,
                "slow": slow,
                "by_table": {"services": {"chat": {"experts": None}}},
            },
        },
        "experts_and_tokens",
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(scenario(), out=tmp_path_factory.mktemp("exchange") / "run")


def delays_ns(run: RunDirectory, variant: str, measure: str) -> NDArray[np.int64]:
    rows = samples(run)
    rows = rows[(rows["variant"] == variant) & (rows["measure"] == measure)]
    found: NDArray[np.int64] = rows["delay_ns"].to_numpy(dtype=np.int64)
    return found


@pytest.mark.parametrize("variant", ["fast", "slow"])
def test_a_token_takes_the_rest_of_its_step_and_an_exchange_for_every_layer(
    run: RunDirectory, variant: str
) -> None:
    tokens_ns = delays_ns(run, variant, "token")
    steps_ns = 6 * MS + LAYERS * delays_ns(run, variant, "exchange")
    assert len(tokens_ns) == 5 * 4
    nearest_ns = np.abs(tokens_ns[:, None] - steps_ns[None, :]).min(axis=1)
    assert nearest_ns.max() <= CLOCK_NS


def test_a_slower_fabric_makes_tokens_slower(run: RunDirectory) -> None:
    assert delays_ns(run, "slow", "exchange").min() > 5 * delays_ns(run, "fast", "exchange").max()
    assert delays_ns(run, "slow", "token").min() > delays_ns(run, "fast", "token").max()


def test_without_experts_a_token_takes_what_the_table_says_whatever_they_do(run: RunDirectory) -> None:
    """The control: the same exchanges, and nobody who waits for them."""
    assert len(delays_ns(run, "by_table", "exchange")) > 5
    assert np.abs(delays_ns(run, "by_table", "token") - 10 * MS).max() <= CLOCK_NS


def test_two_runs_give_the_same_bytes(run: RunDirectory, tmp_path: Path) -> None:
    again = run_scenario(scenario(), out=tmp_path / "again")
    for name in ("samples.parquet", "events.jsonl"):
        assert (again.path / name).read_bytes() == (run.path / name).read_bytes(), name
