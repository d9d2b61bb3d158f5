"""An application server books its channel from the operator's API, over the emulated network.

The nodes are joined by wires of 1 ms. A call takes a round trip for the connection and one for the request,
and nothing else takes time: computing does not, and the bytes of a message take microseconds at most.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile
from testbed.scenario.loading import from_mapping

MS = 10**6
SECOND = 10**9
ROUND_TRIP_NS = 2 * MS
MESSAGES_NS = 100_000
BOOKED_AT_NS = 1500 * MS
PROVISIONING_NS = 1200 * MS
POLL_NS = 100 * MS


def scenario() -> ScenarioFile:
    """A session that books at 1.5 s, from an API on a node without jobs."""
    line = {"rate": "100 Mbit/s", "committed": "20 Mbit/s", "queue": "770 kB"}
    nodes = {"edge": {"delay": "500 us"}, "operator": {"delay": "2 ms", "capacity": 1}}
    booking = {"profile": "rate-1g", "at": "1500 ms", "duration": "60 s"}
    return from_mapping(
        {
            "title": "A session that books its channel",
            "seed": 5,
            "duration": "4 s",
            "network": {
                "topology": "elastic_access",
                "parameters": {"pon": "50G-PON/25G", "onus": 2, "nodes": nodes},
            },
            "access": {"downstream": line, "upstream": line},
            "northbound": {"host": "operator"},
            "sessions": {
                "player": {
                    "player": "home1",
                    "starts": "1 s",
                    "ends": "3500 ms",
                    "job": {"weight": 3},
                    "scenes": [{"name": "ordinary", "at": "1 s", "rate": "8 Mbit/s"}],
                    "booking": booking,
                }
            },
            "variants": {
                "at_once": {},
                "provisioned": {"channels": {"provisioning": "1200 ms"}},
                "unknown": {"sessions": {"player": {"booking": {"profile": "rate-of-nobody"}}}},
            },
        },
        "booking",
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, RunDirectory]:
    embedded_kernel()
    out: Path = tmp_path_factory.mktemp("booking")
    return run_scenario(scenario(), out=out / "one"), run_scenario(scenario(), out=out / "two")


def events(run: RunDirectory, variant: str, *kinds: str) -> list[dict[str, Any]]:
    """The events of some kinds, in order."""
    found = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    return [event for event in found if event["variant"] == variant and event["kind"] in kinds]


def test_every_call_takes_two_round_trips_of_the_emulated_way(
    runs: tuple[RunDirectory, RunDirectory],
) -> None:
    calls = events(runs[0], "at_once", "api.call")
    assert [call["operation"] for call in calls] == ["createSession", "getSession", "deleteSession"]
    assert [call["status"] for call in calls] == [201, 200, 204]
    for call in calls:
        assert 2 * ROUND_TRIP_NS < call["took_ns"] < 2 * ROUND_TRIP_NS + MESSAGES_NS


def test_the_channel_opens_while_the_answer_is_on_its_way(runs: tuple[RunDirectory, RunDirectory]) -> None:
    """The order is there after one and a half round trips, and the class is made at once."""
    (order,) = events(runs[0], "at_once", "channel.order")
    assert (order["session"], order["device"], order["profile"]) == ("player", "home1", "rate-1g")
    opened = events(runs[0], "at_once", "net.open")
    assert {(event["direction"], event["rate_bps"]) for event in opened} == {
        ("downstream", 10**9),
        ("upstream", 5 * 10**8),
    }
    for event in opened:
        late_ns = event["at_ns"] - BOOKED_AT_NS - 3 * ROUND_TRIP_NS // 2
        assert 0 < late_ns < MESSAGES_NS


def test_the_session_s_end_lets_the_channel_go(runs: tuple[RunDirectory, RunDirectory]) -> None:
    (release,) = events(runs[0], "at_once", "channel.release")
    assert 3500 * MS < release["at_ns"] < 3500 * MS + 2 * ROUND_TRIP_NS
    assert len(events(runs[0], "at_once", "net.close")) == 2


def test_a_channel_that_is_being_provisioned_is_requested_until_it_opens(
    runs: tuple[RunDirectory, RunDirectory],
) -> None:
    calls = events(runs[0], "provisioned", "api.call")
    states = [call["qosStatus"] for call in calls if "qosStatus" in call]
    assert states[-1] == "AVAILABLE"
    assert set(states[:-1]) == {"REQUESTED"}
    # It asks every 100 ms after an answer, which takes two round trips.
    assert len(states) - 1 == -(-PROVISIONING_NS // (POLL_NS + 2 * ROUND_TRIP_NS))
    (order,) = events(runs[0], "provisioned", "channel.order")
    for event in events(runs[0], "provisioned", "net.open"):
        assert 0 <= event["at_ns"] - order["at_ns"] - PROVISIONING_NS < 1000


def test_what_the_api_refuses_is_on_record_and_the_session_goes_on(
    runs: tuple[RunDirectory, RunDirectory],
) -> None:
    (call,) = events(runs[0], "unknown", "api.call")
    assert (call["status"], call["code"]) == (400, "INVALID_ARGUMENT")
    assert "rate-of-nobody" in call["message"]
    assert events(runs[0], "unknown", "channel.order", "net.open") == []
    assert len(events(runs[0], "unknown", "session.end")) == 1


def test_a_server_and_its_client_make_the_same_bytes_twice(runs: tuple[RunDirectory, RunDirectory]) -> None:
    one, two = runs
    assert one.events_path.read_bytes() == two.events_path.read_bytes()
    assert one.samples_path.read_bytes() == two.samples_path.read_bytes()
