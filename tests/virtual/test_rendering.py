"""Sessions that render on one node wait for each other; on nodes of their own they do not."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import testbed

RENDER_NS = 4_000_000
SESSIONS = 5


def scenario(nodes: int, sessions: int) -> dict[str, Any]:
    """So many sessions at once over so many nodes; placement by load spreads them."""
    link = {"rate": "500 Mbit/s", "committed": "100 Mbit/s", "queue": "1 MB"}
    return {
        "name": "rendering",
        "title": "Games that share graphics processors",
        "duration": "3 s",
        "network": {
            "topology": "elastic_access",
            "parameters": {
                "onus": sessions,
                "nodes": {f"node{number}": {"delay": "1 ms", "capacity": 10} for number in range(nodes)},
            },
        },
        "access": {"downstream": link, "upstream": link},
        "pon": {"model": "shaped_link"},
        "placement": {"load_weight": 100, "delay_weight": 0, "backup": False},
        "sessions": {
            f"game{number}": {
                "player": f"home{number + 1}",
                "starts": "1 s",
                "ends": "3 s",
                "job": {"weight": 1},
                "render": "4 ms",
                "scenes": [{"name": "match", "at": "1 s", "rate": "8 Mbit/s"}],
            }
            for number in range(sessions)
        },
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    cases = {"alone": (1, 1), "three": (1, 3), "spread": (3, 3), "too many": (1, SESSIONS)}
    found = {}
    for name, (nodes, sessions) in cases.items():
        found[name] = tmp_path_factory.mktemp(name.replace(" ", "_")) / "run"
        testbed.run(scenario(nodes, sessions), out=found[name])
    return found


def median_ns(run: Path) -> float:
    """Of the delay of the first session's frames, from when each was due."""
    samples = pd.read_parquet(run / "samples.parquet")
    frames = samples[(samples["measure"] == "frame") & (samples["session"] == "game0")]
    return float(frames["delay_ns"].median())


def left_out(run: Path) -> dict[str, int]:
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return {event["session"]: event["left_out"] for event in events if event["kind"] == "session.render"}


def test_three_sessions_on_a_node_take_three_times_as_long(runs: dict[str, Path]) -> None:
    alone_ns, three_ns = median_ns(runs["alone"]), median_ns(runs["three"])
    assert three_ns - alone_ns == pytest.approx(2 * RENDER_NS, rel=0.1)
    assert left_out(runs["three"]) == {"game0": 0, "game1": 0, "game2": 0}


def test_on_nodes_of_their_own_they_do_not(runs: dict[str, Path]) -> None:
    """The control: it is the node that they share, not the network."""
    assert median_ns(runs["spread"]) == pytest.approx(median_ns(runs["alone"]), rel=0.05)


def test_what_a_node_cannot_render_is_left_out(runs: dict[str, Path]) -> None:
    """Five times 4 ms are more than the 16.7 ms between two frames: of six frames one is left out."""
    frames = 2 * 60
    assert all(frames * 0.1 < count < frames * 0.25 for count in left_out(runs["too many"]).values())
    assert len(left_out(runs["too many"])) == SESSIONS
