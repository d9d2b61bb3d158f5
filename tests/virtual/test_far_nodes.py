"""In the embedded kernel: nodes are watched from afar, and only those that die are given up."""

from typing import Any

import pytest
from recorded import objects
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.scenario import from_mapping

MS = 1_000_000
WAYS_MS = {
    "near": 0,
    "frankfurt": 4,
    "warsaw": 12,
    "madrid": 16,
    "reykjavik": 29,
    "boston": 45,
    "sydney": 140,
}
CONTROLLER_MS, HEARTBEAT_MS, MISSED = 1, 10, 3
DIES_MS = {"warsaw": 1203, "sydney": 1207}


def scenario() -> dict[str, Any]:
    line = {"rate": "100 Mbit/s", "committed": "20 Mbit/s", "queue": "500 kB"}
    nodes = {name: {"delay": f"{way} ms", "capacity": 3} for name, way in WAYS_MS.items()}
    return {
        "title": "Nodes near and far; nothing breaks, or two nodes die",
        "duration": "2 s",
        "network": {
            "topology": "elastic_access",
            "parameters": {"onus": 1, "controller": f"{CONTROLLER_MS} ms", "nodes": nodes},
        },
        "access": {"downstream": line, "upstream": line},
        "placement": {"policy": "nearest", "backup": False},
        "health": {"heartbeat": f"{HEARTBEAT_MS} ms", "missed": MISSED},
        "jobs": {
            "work": {
                "job": {"weight": 2, "state": "50 kB", "restart": "1 ms"},
                "count": 5,
                "starts": "100 ms",
                "ends": "2 s",
                "requests": {"source": "home1"},
            }
        },
        "variants": {
            "whole": {},
            "two_die": {
                "faults": {name: {"at": f"{at_ms} ms", "node": name} for name, at_ms in DIES_MS.items()}
            },
        },
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    return run_scenario(from_mapping(scenario(), "far"), out=tmp_path_factory.mktemp("far") / "run")


def events(run: RunDirectory, variant: str, *kinds: str) -> list[dict[str, Any]]:
    return [each for each in objects(run) if each["variant"] == variant and each["kind"] in kinds]


def test_no_node_fails_while_its_heartbeats_arrive_however_far_it_is(run: RunDirectory) -> None:
    early = [each for each in events(run, "whole", "job.stop") if each["at_ns"] < 2000 * MS]
    assert [*events(run, "whole", "node.fail", "node.return", "job.evict"), *early] == []
    assert len(events(run, "whole", "job.serve")) == 5


def test_a_node_that_dies_is_given_up_when_the_missed_heartbeats_are_due(run: RunDirectory) -> None:
    """Counted from the arrival of its last one; beats are spread over the interval by the node's number."""
    failed = {each["node"]: each for each in events(run, "two_die", "node.fail")}
    assert failed.keys() == DIES_MS.keys()
    begins_ns = -500 * MS - HEARTBEAT_MS * MS
    for name, dies_ms in DIES_MS.items():
        number = [*WAYS_MS].index(name)
        first_ns = begins_ns + HEARTBEAT_MS * MS * number // len(WAYS_MS)
        beats = (dies_ms * MS - first_ns) // (HEARTBEAT_MS * MS)
        last_ns = first_ns + beats * HEARTBEAT_MS * MS
        arrives_ns = last_ns + (WAYS_MS[name] + CONTROLLER_MS) * MS
        assert failed[name]["silent_ns"] == pytest.approx(MISSED * HEARTBEAT_MS * MS, abs=1000)
        assert failed[name]["at_ns"] == pytest.approx(arrives_ns + MISSED * HEARTBEAT_MS * MS, abs=20_000)


def test_its_jobs_serve_elsewhere_even_where_the_state_comes_from_afar(run: RunDirectory) -> None:
    lost = {
        each["job"]
        for each in events(run, "two_die", "job.place")
        if each["node"] in DIES_MS and each["at_ns"] < 10**9
    }
    assert {each["job"] for each in events(run, "two_die", "job.recover")} == lost
    assert lost
