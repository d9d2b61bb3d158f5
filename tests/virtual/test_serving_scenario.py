"""The shipped scenario of services, and a service whose node dies: what each is there to show."""

import json
from pathlib import Path
from typing import Any

import pytest
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import Summary, samples, summarise
from testbed.scenario import ScenarioFile, from_mapping, load

MS = 1_000_000
DIES_AT_NS = 2_000 * MS


def events(run: RunDirectory, kind: str, variant: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    return [each for each in lines if each["kind"] == kind and each["variant"] == variant]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(load("inference_supernode"), out=tmp_path_factory.mktemp("supernode") / "run")


@pytest.fixture(scope="module")
def summary(shipped: RunDirectory) -> Summary:
    return summarise(shipped, load("inference_supernode").expectations, ())


def test_everything_expected_of_the_shipped_scenario_holds(summary: Summary) -> None:
    assert [each["holds"] for each in summary["expectations"]] == [True] * len(summary["expectations"])
    assert summary["expectations"]


def test_both_networks_are_asked_the_same(shipped: RunDirectory) -> None:
    rows = samples(shipped)
    rows = rows[rows["measure"] == "first_token"]
    asked = {
        variant: list(zip(each["session"], each["seq"], each["sent_at_ns"] // 1000, strict=True))
        for variant, each in rows.sort_values(["session", "seq"]).groupby("variant")
    }
    assert asked["traditional"] == asked["traditional_continuous"] == asked["supernode"]


def test_steps_have_the_exchange_that_was_measured_in_the_fabric(shipped: RunDirectory) -> None:
    for variant in ("traditional", "supernode"):
        (experts,) = events(shipped, "experts.end", variant)
        assert experts["steps"] > 10
        for service in events(shipped, "service.end", variant):
            assert service["exchange_ns"] == pytest.approx(experts["exchange_ns"], rel=0.2)


def dying(**changes: Any) -> ScenarioFile:
    """A service with a client, on the first of three nodes, which dies for good; its lines are direct."""
    line = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}
    user = {"host": "home1", "starts": "1 s", "ends": "3 s", "arrivals": "constant", "interval": "100 ms"}
    service = {
        "job": {"weight": 10, "kind": "inference", "restart": "20 ms"},
        "starts": "1 s",
        "ends": "4 s",
        "prefill_rate": 50_000,
        "decode": [{"batch": 1, "tpot": "10 ms"}],
        "clients": {"user": {**user, "prompt_tokens": 100, "output_tokens": 30}},
    }
    document = {
        "title": "A service whose node dies",
        "seed": 3,
        "duration": "4 s",
        "network": {"topology": "elastic_supernode", "parameters": {"onus": 1, "nodes": 2, "per_chassis": 1}},
        "access": {"downstream": line, "upstream": line},
        "pon": {"model": "shaped_link"},
        "health": {"heartbeat": "10 ms"},
        "services": {"chat": service},
        "faults": {"dies": {"at": "2 s", "node": "npu1"}},
    }
    return from_mapping(document | changes, "dying")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(dying(), out=tmp_path_factory.mktemp("dying") / "run")


def test_a_service_whose_node_dies_answers_from_its_backup(moved: RunDirectory) -> None:
    (placed,) = events(moved, "job.place", "default")
    assert (placed["node"], placed["backup"]) == ("npu1", "npu2")
    (recovered,) = events(moved, "job.recover", "default")
    assert recovered["node"] == "npu2"
    assert recovered["recovery_ns"] < 100 * MS
    (ended,) = events(moved, "service.end", "default")
    assert ended["node"] == "npu2"


def test_no_prompt_is_lost_and_no_token_counts_twice(moved: RunDirectory) -> None:
    rows = samples(moved)
    for measure, count in (("first_token", 20), ("answer", 20), ("token", 20 * 29)):
        of_measure = rows[rows["measure"] == measure]
        assert len(of_measure) == count
        assert of_measure["received_at_ns"].notna().all()
    assert events(moved, "warning", "default") == []


def test_nothing_comes_while_the_service_is_away_and_the_gap_is_the_recovery(moved: RunDirectory) -> None:
    rows = samples(moved)
    arrivals = rows[rows["measure"].isin(["first_token", "token"])]["received_at_ns"].dropna()
    (back_ns,) = rows[rows["measure"] == "recovery"]["received_at_ns"]
    # What was on its way when the node died still arrives.
    assert not ((arrivals > DIES_AT_NS + MS) & (arrivals < back_ns)).any()
    assert (arrivals == back_ns).any()


def test_without_a_watch_the_service_stays_away(tmp_path: Path) -> None:
    """The control: nobody notices, and what had no answer by then has none at the end."""
    embedded_kernel()
    run = run_scenario(dying(health=None), out=tmp_path / "run")
    answers = samples(run)
    answers = answers[(answers["measure"] == "answer") & (answers["sent_at_ns"] > DIES_AT_NS)]
    assert len(answers) > 5
    assert answers["received_at_ns"].isna().all()


def test_two_runs_with_a_failure_give_the_same_bytes(moved: RunDirectory, tmp_path: Path) -> None:
    again = run_scenario(dying(), out=tmp_path / "again")
    for name in ("samples.parquet", "events.jsonl"):
        assert (again.path / name).read_bytes() == (moved.path / name).read_bytes(), name


def test_a_service_on_an_isolated_node_stops_before_its_backup_serves(tmp_path: Path) -> None:
    """Its node is alive, and still ends the server: nobody else would, and answers would come from two."""
    embedded_kernel()
    cut_off = {"cut_off": {"at": "2 s", "isolated": "npu1", "repaired": "3500 ms"}}
    run = run_scenario(dying(faults=cut_off), out=tmp_path / "run")
    stopped = next(each for each in events(run, "job.stop", "default") if each["node"] == "npu1")
    (_, serving_again) = events(run, "job.serve", "default")
    assert stopped["epoch"] < serving_again["epoch"]
    assert stopped["at_ns"] < serving_again["at_ns"]
    answers = samples(run)
    answers = answers[answers["measure"] == "answer"]
    assert len(answers) == 20
    assert answers["received_at_ns"].notna().all()
