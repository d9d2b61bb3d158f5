"""A capture of a run has its packets, at the instants at which the samples have them, and changes nothing."""

import json
import struct
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader
from short_game import short_game

import testbed

COMMAND_BYTES = 100


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One variant of the short game three times: without a capture, and twice with one."""
    found = {}
    for name, capture in (("without", []), ("first", ["home1", "onu1"]), ("second", ["home1", "onu1"])):
        game = short_game() | {"capture": capture, "expect": []}
        game["variants"] = {"elastic": game["variants"]["elastic"]}
        game["references"] = []
        folder = tmp_path_factory.mktemp(name) / "run"
        testbed.run(game, out=folder)
        found[name] = folder
    return found


def captured(path: Path) -> list[tuple[int, bytes, bytes]]:
    """(instant in ns, port, packet) of every packet."""
    with RawPcapNgReader(str(path)) as reader:
        return [(meta.tshigh << 32 | meta.tslow, meta.ifname, packet) for packet, meta in reader]


def commands(path: Path) -> dict[int, int]:
    """When each of the player's commands left its home, by number."""
    found = {}
    for at_ns, _, packet in captured(path):
        frame = Ether(packet)
        if UDP in frame and len(frame[UDP].payload) == COMMAND_BYTES and frame[UDP].dport == 40_001:
            found[struct.unpack("!Q", bytes(frame[UDP].payload)[:8])[0]] = at_ns
    return found


def test_every_command_is_in_the_capture_at_its_instant(runs: dict[str, Path]) -> None:
    samples = pd.read_parquet(runs["first"] / "samples.parquet")
    sent = samples[(samples["measure"] == "command")].set_index("seq")["sent_at_ns"]
    seen = commands(runs["first"] / "captures" / "elastic" / "home1.pcapng")
    assert sorted(seen) == sorted(sent.index)
    epochs = {seen[seq] - sent[seq] for seq in seen}
    # Between the stamp of the program and that of the wire lie the clock reads of one send, 1 ns each.
    assert max(epochs) - min(epochs) < 1_000


def test_what_forwards_has_every_packet_at_both_ports(runs: dict[str, Path]) -> None:
    packets = captured(runs["first"] / "captures" / "elastic" / "onu1.pcapng")
    ports = {port for _, port, _ in packets}
    assert len(ports) == len([port for port in ports if port.startswith(b"onu1-eth")]) == 5
    at_home = captured(runs["first"] / "captures" / "elastic" / "home1.pcapng")
    towards_home = [packet for _, port, packet in packets if port == b"onu1-eth1"]
    assert sorted(towards_home) == sorted(packet for _, _, packet in at_home)


def test_a_capture_moves_nothing_by_more_than_its_stamps_cost(runs: dict[str, Path]) -> None:
    """A stamp costs a nanosecond of virtual time: with it an upstream packet may just miss its PON frame."""
    one, other = (pd.read_parquet(runs[run] / "samples.parquet") for run in ("without", "first"))
    stream = ["variant", "session", "direction", "measure", "seq"]
    both = one.merge(other, on=stream, how="outer", suffixes=("", "_captured"), validate="one_to_one")
    assert len(both) == len(one) == len(other)
    moved = (both["delay_ns"] - both["delay_ns_captured"]).abs()
    assert moved[both["measure"] == "packet"].max() < 1_000
    assert moved.max() <= 125_000
    assert not (runs["without"] / "captures").exists()


def test_two_captures_are_the_same_bytes(runs: dict[str, Path]) -> None:
    for station in ("home1", "onu1"):
        one, other = (runs[run] / "captures" / "elastic" / f"{station}.pcapng" for run in ("first", "second"))
        assert one.read_bytes() == other.read_bytes()


def test_nothing_was_lost(runs: dict[str, Path]) -> None:
    lines = (runs["first"] / "events.jsonl").read_text().splitlines()
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [event for event in events if event["kind"] == "warning"] == []
    assert yaml.safe_load((runs["first"] / "scenario.yaml").read_text())["capture"] == ["home1", "onu1"]
