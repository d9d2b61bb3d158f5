"""With a survey, placement follows the network: a near node behind a full queue loses to a far one."""

import json
from pathlib import Path
from typing import Any

import pytest

import testbed

SURVEY = {"interval": "100 ms"}
FILLING = {
    "protocol": "udp", "source": "near", "destination": "home2", "starts": "0 s", "ends": "3 s",
    "rate": "120 Mbit/s",
}  # fmt: skip


def scenario(survey: dict[str, Any] | None, flow: dict[str, Any] | None) -> dict[str, Any]:
    nodes = {
        "near": {"delay": "500 us", "rate": "100 Mbit/s"},
        "far": {"delay": "4 ms", "rate": "100 Mbit/s"},
    }
    player = {
        "player": "home1", "starts": "2500 ms", "ends": "3 s", "job": {"weight": 1},
        "scenes": [{"name": "lobby", "at": "2500 ms", "rate": "8 Mbit/s"}],
    }  # fmt: skip
    link = {"rate": "500 Mbit/s", "committed": "100 Mbit/s", "queue": "1 MB"}
    return {
        "name": "survey",
        "title": "A near node behind a queue, and a far one",
        "duration": "3 s",
        "network": {"topology": "elastic_access", "parameters": {"onus": 2, "nodes": nodes}},
        "access": {"downstream": link, "upstream": link},
        "pon": {"model": "shaped_link"},
        "placement": {"load_weight": 0, "delay_weight": 100, "backup": False},
        "survey": survey,
        "sessions": {"player": player},
        "background": {"filling": flow} if flow is not None else {},
    }


def events(
    tmp_path: Path, survey: dict[str, Any] | None, flow: dict[str, Any] | None
) -> list[dict[str, Any]]:
    testbed.run(scenario(survey, flow), out=tmp_path / "run")
    return [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]


def node_of(found: list[dict[str, Any]]) -> str:
    [placed] = [event for event in found if event["kind"] == "job.place"]
    return str(placed["node"])


def test_a_job_goes_where_the_way_is_short_now(tmp_path: Path) -> None:
    found = events(tmp_path, SURVEY, FILLING)
    assert node_of(found) == "far"
    surveyed = [event for event in found if event["kind"] == "survey.delay"]
    near = [event["delay_ns"] for event in surveyed if event["a"] == "near"]
    # Empty at first: 60 km of fibre and the node's own 500 us. Then its queue takes 20 Mbit/s too much.
    assert near[0] == pytest.approx(60 * 4_900 + 500_000, abs=2_000)
    assert max(near) > 50_000_000


@pytest.mark.parametrize(("survey", "flow"), [(None, FILLING), (SURVEY, None)])
def test_without_the_survey_or_without_the_queue_it_goes_to_the_near_one(
    tmp_path: Path, survey: dict[str, Any] | None, flow: dict[str, Any] | None
) -> None:
    """The control: it takes both."""
    assert node_of(events(tmp_path, survey, flow)) == "near"
