"""A run that never ran, of twelve variants that differ in one number: measured flows under rising load.

The delay of variant `load_N` is N ms and a little more; at `load_110` nothing of the flow `up` arrives.
To look at its report: python tests/unit/synthetic_sweep.py DIRECTORY
"""

import random
import sys
from pathlib import Path
from typing import Any

import synthetic_run

from testbed import report
from testbed.applications.flows.events import FlowEnded
from testbed.applications.quantity import Expectation
from testbed.applications.script import Scenario
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.record.events import NetworkReady, RunEnded
from testbed.record.logs import EventLog
from testbed.record.merge import merge
from testbed.record.run_directory import RunDirectory
from testbed.record.streams import ReceivedLog, SentLog
from testbed.report.declared import Declared
from testbed.report.summary import Summary

MS = synthetic_run.MS
DURATION_NS = 2000 * MS
LOADS = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110)
VARIANTS = tuple(f"load_{load}" for load in LOADS)
FLOWS = {"up": UPSTREAM, "down": DOWNSTREAM}
PACKET_BYTES = 1000
INTERVAL_NS = MS // 2


def make_run(path: Path, variants: tuple[str, ...] = VARIANTS) -> RunDirectory:
    """A merged run directory without summary and report."""
    run = RunDirectory.create_at(path)
    for variant, load in zip(variants, LOADS, strict=False):
        raw = run.raw_path(variant)
        raw.mkdir(parents=True)
        for flow, direction in FLOWS.items():
            _write_stream(raw, flow, "packet", direction, load)
        for direction in (UPSTREAM, DOWNSTREAM):
            _write_stream(raw, "player", "probe", direction, load)
        with EventLog(raw) as events:
            events.write(NetworkReady(), 0)
            for flow, received_bytes in {
                "up": 0 if load == 110 else 4_000_000,
                "down": 4_000_000,
                "bulk": 9,
            }.items():
                ended = {"received_bytes": received_bytes, "throughput_bps": received_bytes * 4}
                drained_bytes = 2_000_000 if (flow, load) == ("down", 110) else 0
                events.write(FlowEnded(flow=flow, drained_bytes=drained_bytes, **ended), DURATION_NS)
            events.write(RunEnded(), DURATION_NS)
    merge(run, variants)
    changed = {"variants": list(variants), "duration_ns": DURATION_NS, "settings": []}
    run.scenario_path.write_text("title: A sweep\n")
    run.plan_path.write_text("variants: all alike\n")
    run.write_manifest({**synthetic_run.manifest(), **changed})
    return run


def _write_stream(raw: Path, name: str, measure: str, direction: Direction, load: int) -> None:
    draws = random.Random(f"{name} {direction} {load}")
    stream: dict[str, Any] = {"session": name, "measure": measure, "direction": direction}
    with SentLog(raw, **stream) as sent, ReceivedLog(raw, **stream) as received:
        for seq, at_ns in enumerate(range(0, DURATION_NS, INTERVAL_NS)):
            sent.write(seq, PACKET_BYTES, at_ns)
            if not (name == "up" and load == 110):
                received.write(seq, at_ns + load * MS + draws.randrange(MS // 4))


def scenario(variant: str) -> Scenario:
    """What the run claims to have run."""
    ends = {"starts": "0 s", "ends": "2 s"}
    udp = {"protocol": "udp", "rate": "16 Mbit/s", "packet": "1 kB", "measured": True, **ends}
    tcp = {"protocol": "tcp", "congestion": "bbr", **ends}
    claimed = synthetic_run.scenario("best_effort").model_dump(mode="json", by_alias=True)
    background = {
        "up": {**udp, "source": "home1", "destination": "near"},
        "down": {**udp, "source": "near", "destination": "home1", "arrivals": "poisson", "phase": "3 us"},
        "bulk": {**tcp, "source": "far", "destination": "home2"},
    }
    return Scenario.model_validate(claimed | {"variant": variant, "background": background})


def expectations(variants: tuple[str, ...] = VARIANTS) -> tuple[Expectation, ...]:
    """One on a flow's packets, and one on its throughput."""
    return (
        Expectation(
            variant=variants[0],
            session="up",
            direction=UPSTREAM,
            measure="packet",
            statistic="p99",
            at_most="6 ms",
        ),
        Expectation(
            variant=variants[0], session="up", measure="flow", statistic="throughput", at_least="16 Mbit/s"
        ),
    )


def write_report(path: Path, variants: tuple[str, ...] = VARIANTS) -> tuple[RunDirectory, Summary]:
    """A run with its summary and report."""
    run = make_run(path, variants)
    scenarios = {variant: scenario(variant) for variant in variants}
    networks = {variant: synthetic_run.network("elastic") for variant in variants}
    Declared.of(scenarios, networks, expectations(variants), ()).write(run)
    return run, report.write(run)


if __name__ == "__main__":
    print(write_report(Path(sys.argv[1]))[0].report_path)
