"""Every queue of a PON has the AQM that its scenario says, where its packets wait, and a session runs."""

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from mechanism import results_of
from recorded import objects
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.scenario import load

DISCIPLINES = {"fifo": {"bfifo"}, "fq_codel": {"fq_codel"}, "cake": {"cake"}, "l4s": {"dualpi2", "fq_codel"}}
SENT = 8
"""Packets to each class, faster than any leaves."""


def test_every_class_of_every_model_holds_its_packets_in_its_own_kind_of_queue(tmp_path: Path) -> None:
    """A PON's models, its AQMs, both directions, and in each a home, a channel and a class of traffic."""
    walk = results_of("aqm_walk.py", tmp_path)["walk"]
    seen = {(each["model"], each["aqm"], each["direction"], each["class"]) for each in walk}
    both = ("downstream", "upstream")
    assert seen == {
        (model, aqm, direction, of)
        for model, classes in (("frames", ("home", "channel", "gold")), ("shaped_link", ("home", "channel")))
        for aqm in DISCIPLINES
        for direction in both
        for of in classes
    }
    for each in walk:
        kinds = DISCIPLINES["fifo"] if each["class"] == "channel" else DISCIPLINES[each["aqm"]]
        assert each["kind"] in kinds, each
        assert each["queue"]["kind"] == each["kind"], each
        assert each["waiting"] > 0, each
        lost = each["queue"]["dropped_packets"]
        assert each["class_sent"] + each["class_waiting"] + lost == SENT, each


SCENARIO: dict[str, Any] = {
    "title": "A session and a download behind the same managed queue",
    "duration": "1 s",
    "network": {"topology": "elastic_access", "parameters": {"onus": 1, "devices": {"onu1": ["tablet"]}}},
    "access": {
        "downstream": {"rate": "100 Mbit/s", "committed": "20 Mbit/s", "queue": "500 kB", "aqm": "fq_codel"},
        "upstream": {"rate": "50 Mbit/s", "committed": "10 Mbit/s", "queue": "200 kB", "aqm": "cake"},
    },
    "sessions": {
        "player": {
            "player": "home1",
            "starts": "500 ms",
            "ends": "1 s",
            "job": {"weight": 1},
            "scenes": [{"name": "ordinary", "at": "500 ms", "rate": "30 Mbit/s"}],
        }
    },
    "background": {
        "download": {
            "protocol": "tcp",
            "source": "node1",
            "destination": "tablet",
            "starts": "0 s",
            "ends": "1 s",
            "flows": 2,
        }
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    folder = tmp_path_factory.mktemp("session")
    path = folder / "session.yaml"
    path.write_text(yaml.safe_dump(SCENARIO), encoding="utf-8")
    return run_scenario(load(str(path)), out=folder / "run")


def test_the_queues_of_a_session_s_home_are_told_with_what_they_did(made: RunDirectory) -> None:
    told = {each["direction"]: each for each in objects(made) if each["kind"] == "queue.end"}
    assert {direction: each["discipline"] for direction, each in told.items()} == {
        "downstream": "fq_codel",
        "upstream": "cake",
    }
    assert told["downstream"]["dropped_packets"] > 0
    assert told["upstream"]["dropped_packets"] == 0


def test_what_an_aqm_drops_counts_among_the_drops_of_a_session_s_class(made: RunDirectory) -> None:
    rows = pyarrow.parquet.read_table(made.rates_path).to_pylist()
    dropped = {row["direction"]: row["dropped"] for row in rows if row["session"] == "player"}
    told = {
        each["direction"]: each["dropped_packets"] for each in objects(made) if each["kind"] == "queue.end"
    }
    assert 0 < dropped["downstream"] <= told["downstream"]
