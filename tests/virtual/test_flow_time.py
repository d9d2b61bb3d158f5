"""A flow's throughput is what arrived within its time: what a slow T-CONT holds at its end is told apart.

Two homes have 10 Mbit/s upstream and a queue of 1 MB. Each sends more for half a second, so that the queue
drains for about as long after that.
"""

from typing import Any

import pandas as pd
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import summarise
from testbed.scenario.loading import from_mapping

STARTS_NS, ENDS_NS = 100_000_000, 600_000_000
LIMIT_BPS = 10_000_000


def flow(number: int, **more: Any) -> dict[str, Any]:
    ends = {"source": f"home{number}", "destination": "office"}
    return {**ends, "starts": f"{STARTS_NS} ns", "ends": f"{ENDS_NS} ns", **more}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    embedded_kernel()
    line = {"rate": f"{LIMIT_BPS} bit/s", "committed": "0 bit/s", "queue": "1 MB"}
    scenario = {
        "title": "Two flows that their queues outlast",
        "duration": "1 s",
        "network": {
            "topology": "elastic_access",
            "parameters": {"onus": 2, "nodes": {"office": {"delay": "1 ms", "rate": "10 Gbit/s"}}},
        },
        "access": {"downstream": line, "upstream": line},
        "background": {
            "udp": flow(1, protocol="udp", rate="80 Mbit/s", measured=True),
            "tcp": flow(2, protocol="tcp", flows=4),
        },
        "capture": ["office"],
    }
    return run_scenario(from_mapping(scenario, "flow_time"), out=tmp_path_factory.mktemp("flows") / "run")


@pytest.fixture(scope="module")
def flows(run: RunDirectory) -> dict[str, Any]:
    return dict(summarise(run, (), ())["variants"]["default"]["flows"])


def epoch_ns(run: RunDirectory, frames: list[tuple[int, bytes]]) -> int:
    """The instant 0 in the clock of the capture: from the first packet of the measured flow."""
    samples = pd.read_parquet(run.samples_path)
    first = next(at_ns for at_ns, frame in frames if IP in Ether(frame) and Ether(frame)[IP].proto == 17)
    return first - int(samples["received_at_ns"].min())


def test_a_udp_flow_counts_what_arrived_in_its_time(run: RunDirectory, flows: dict[str, Any]) -> None:
    samples = pd.read_parquet(run.samples_path)
    arrived = samples[samples["received_at_ns"].notna()]
    in_time_bytes = int(arrived.loc[arrived["received_at_ns"] < ENDS_NS, "size_bytes"].sum())
    assert flows["udp"] == {
        "received_bytes": in_time_bytes,
        "drained_bytes": int(arrived["size_bytes"].sum()) - in_time_bytes,
        "throughput_bps": in_time_bytes * 8 * 10**9 // (ENDS_NS - STARTS_NS),
    }
    assert 0.9 * LIMIT_BPS < flows["udp"]["throughput_bps"] < LIMIT_BPS


def test_a_tcp_flow_counts_what_was_delivered_in_its_time(run: RunDirectory, flows: dict[str, Any]) -> None:
    """By the capture at its destination: of each connection, the bytes without a gap at the flow's end."""
    with RawPcapNgReader(str(run.captures_path("default") / "office.pcapng")) as reader:
        frames = [(meta.tshigh << 32 | meta.tslow, packet) for packet, meta in reader]
    ends_ns = epoch_ns(run, frames) + ENDS_NS
    segments: dict[int, dict[int, int]] = {}
    initial: dict[int, int] = {}
    for at_ns, frame in frames:
        packet = Ether(frame)
        if TCP not in packet or at_ns >= ends_ns or packet[IP].dst.startswith("10.1."):
            continue
        port, seq = packet[TCP].sport, packet[TCP].seq
        if packet[TCP].flags & 2:  # SYN
            initial[port] = seq + 1
        size_bytes = packet[IP].len - 20 - packet[TCP].dataofs * 4
        segments.setdefault(port, {})[seq] = size_bytes
    delivered_bytes = 0
    for port, by_seq in segments.items():
        at = initial[port]
        while by_seq.get(at % 2**32):
            delivered_bytes += by_seq[at % 2**32]
            at += by_seq[at % 2**32]
    assert flows["tcp"]["received_bytes"] == delivered_bytes
    assert 0.8 * LIMIT_BPS < flows["tcp"]["throughput_bps"] < LIMIT_BPS


@pytest.mark.parametrize("name", ["udp", "tcp"])
def test_counting_until_the_run_ends_would_show_more_than_the_line_carries(
    flows: dict[str, Any], name: str
) -> None:
    """The negative control: what the queues hold at a flow's end is no part of its rate."""
    both = flows[name]["received_bytes"] + flows[name]["drained_bytes"]
    assert both * 8 * 10**9 // (ENDS_NS - STARTS_NS) > LIMIT_BPS
