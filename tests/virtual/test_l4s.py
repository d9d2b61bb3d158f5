"""Scalable senders are marked from a millisecond of waiting on, and nobody else is: packet by packet."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from recorded import objects
from scapy.utils import RawPcapNgReader
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import summarise
from testbed.scenario import load

THRESHOLD_NS = 1_000_000
TICK_NS = 1_024
"""CoDel counts waits in these: one that is this near to the threshold may be seen on its other side."""
MANY, FEW = 24, 8
"""Packets back to back: the last of many wait for longer than the threshold, and none of few does."""
NOT_ECT, ECT1, ECT0, CE = range(4)


def run(folder: Path, scenario: dict[str, Any]) -> RunDirectory:
    embedded_kernel()
    path = folder / "marks.yaml"
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return run_scenario(load(str(path)), out=folder / "run")


def burst(at_ms: int, packets: int, ecn: str, *, upstream: bool = False) -> dict[str, Any]:
    ends = (
        {"source": "home1", "destination": "node1"}
        if upstream
        else {"source": "node1", "destination": "home1"}
    )
    times = {"starts": f"{at_ms} ms", "ends": f"{at_ms * 1000 + 10 * packets} us", "interval": "10 us"}
    return {"protocol": "udp", "packet": "1 kB", "measured": True, "ecn": ecn, **ends, **times}


BURSTS: dict[str, Any] = {
    "title": "Bursts of every ECN codepoint through an l4s queue, and one through fq_codel",
    "duration": "100 ms",
    "network": {"topology": "elastic_access", "parameters": {"onus": 1}},
    "pon": {"model": "shaped_link"},
    "access": {
        "downstream": {"rate": "100 Mbit/s", "committed": "50 Mbit/s", "queue": "1 MB", "aqm": "l4s"},
        "upstream": {"rate": "100 Mbit/s", "committed": "50 Mbit/s", "queue": "1 MB", "aqm": "fq_codel"},
    },
    "background": {
        "scalable": burst(0, MANY, "ect1"),
        "short": burst(20, FEW, "ect1"),
        "classic": burst(40, MANY, "ect0"),
        "marked_before": burst(60, FEW, "ce"),
        "not_capable": burst(80, MANY, "not_ect"),
        "through_fq_codel": burst(0, MANY, "ect1", upstream=True),
    },
}


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run(tmp_path_factory.mktemp("bursts"), BURSTS)


def waits_ns(made: RunDirectory, flow: str) -> list[int]:
    """How long each packet of a flow waited: beyond the one that found the queue empty."""
    rows = pyarrow.parquet.read_table(made.samples_path).to_pylist()
    delays = [row["delay_ns"] for row in rows if row["session"] == flow]
    return sorted(delay - min(delays) for delay in delays)


def ended(made: RunDirectory, flow: str) -> dict[str, Any]:
    (event,) = (each for each in objects(made) if each["kind"] == "flow.end" and each["flow"] == flow)
    return event


def test_exactly_the_packets_that_waited_for_more_than_a_millisecond_are_marked(bursts: RunDirectory) -> None:
    waits = waits_ns(bursts, "scalable")
    assert all(abs(wait - THRESHOLD_NS) > 2 * TICK_NS for wait in waits), "it would be a matter of rounding"
    longer = sum(wait > THRESHOLD_NS for wait in waits)
    assert 0 < longer < MANY
    event = ended(bursts, "scalable")
    assert (event["packets"], event["ce_packets"]) == (MANY, longer)


def test_a_scalable_sender_that_does_not_wait_so_long_is_not_marked(bursts: RunDirectory) -> None:
    assert max(waits_ns(bursts, "short")) < THRESHOLD_NS
    assert ended(bursts, "short")["ce_packets"] == 0


@pytest.mark.parametrize("flow", ["classic", "through_fq_codel"])
def test_without_ect1_or_without_l4s_the_same_burst_is_not_marked(bursts: RunDirectory, flow: str) -> None:
    """The control: only both together mark."""
    assert max(waits_ns(bursts, flow)) > THRESHOLD_NS
    event = ended(bursts, flow)
    assert (event["packets"], event["ce_packets"]) == (MANY, 0)


def test_what_was_marked_before_arrives_marked_and_who_is_not_capable_has_no_count(
    bursts: RunDirectory,
) -> None:
    assert ended(bursts, "marked_before")["ce_packets"] == FEW
    assert "ce_packets" not in ended(bursts, "not_capable")


def test_the_queue_tells_the_marks_of_its_flows(bursts: RunDirectory) -> None:
    told = {each["direction"]: each for each in objects(bursts) if each["kind"] == "queue.end"}
    assert told["downstream"]["discipline"] in ("dualpi2", "fq_codel")
    # CE that arrives is CE that leaves, and fq_codel counts it if it waited; these did not.
    assert told["downstream"]["marks"] == ended(bursts, "scalable")["ce_packets"]
    assert told["upstream"]["marks"] == 0


def tcp(source: str, destination: str, **keys: str) -> dict[str, Any]:
    ends = {"source": source, "destination": destination, "starts": "0 s", "ends": "1 s"}
    return {"protocol": "tcp", **ends, **keys}


FLOWS: dict[str, Any] = {
    "title": "A scalable and a classic flow share an l4s queue",
    "duration": "1 s",
    "network": {
        "topology": "elastic_access",
        "parameters": {
            "onus": 1,
            "devices": {"onu1": ["tablet"]},
            "nodes": {
                "node1": {"delay": "5 ms", "rate": "1 Gbit/s"},
                "node2": {"delay": "5 ms", "rate": "1 Gbit/s"},
            },
        },
    },
    "access": {
        "downstream": {"rate": "100 Mbit/s", "committed": "50 Mbit/s", "queue": "2 MB", "aqm": "l4s"},
        "upstream": {"rate": "100 Mbit/s", "committed": "50 Mbit/s", "queue": "500 kB"},
    },
    "background": {
        "scalable": tcp("node1", "home1", congestion="dctcp"),
        "classic": tcp("node2", "tablet", congestion="cubic"),
    },
    "capture": ["home1"],
    "variants": {"ect1": None, "ect0": {"background": {"scalable": {"ecn": "ect0"}}}},
}


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run(tmp_path_factory.mktemp("flows"), FLOWS)


def codepoints(made: RunDirectory, variant: str) -> Counter[int]:
    """The ECN bits of the full packets that arrived at the player's home."""
    with RawPcapNgReader(str(made.path / "captures" / variant / "home1.pcapng")) as reader:
        return Counter(packet[15] & 3 for packet, _ in reader if len(packet) == 1514)


def test_dctcp_says_ect1_and_its_marks_are_those_of_the_capture(flows: RunDirectory) -> None:
    scalable = summarise(flows, (), ())["variants"]["ect1"]["flows"]["scalable"]
    seen = codepoints(flows, "ect1")
    assert seen.keys() == {ECT1, CE}
    # The sender counts what was acknowledged, in packets; those under way at its end are not among them.
    assert 0 <= seen.total() - scalable["packets"] < 100
    assert 0 <= seen[CE] - scalable["ce_packets"] < 100
    assert seen[CE] / seen.total() > 0.05


def test_with_ect0_the_same_flow_is_marked_by_codel_alone(flows: RunDirectory) -> None:
    """The control: RFC 8257's own codepoint is not that of L4S."""
    seen = codepoints(flows, "ect0")
    assert seen.keys() == {ECT0, CE}
    assert seen[CE] / seen.total() < 0.02
