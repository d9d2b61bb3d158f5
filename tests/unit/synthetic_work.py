"""A run that never ran, with work on the nodes of a mesh: services, experts, a transfer, and what breaks.

Variant `one_plane` has no faults; in `two_planes` a node dies and comes back, a plane is lost for half a
second, a player's node dies, and one job of four is never heard of again. All numbers follow from a few:
a test can work them out. To look at its report: python tests/unit/synthetic_work.py DIRECTORY
"""

import sys
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import synthetic_run

from testbed import report
from testbed.applications.experts.events import ExpertsEnded
from testbed.applications.game.events import SessionEnded, SessionGap, SessionRefused, SessionStarted
from testbed.applications.inference.events import ServiceEnded
from testbed.applications.quantity import Expectation, Reference
from testbed.applications.script import Scenario
from testbed.applications.transfer.events import TransferEnded, TransferPlaneChanged
from testbed.model.base import ACROSS, DOWNSTREAM
from testbed.model.network import Egress, Fabric, Network, Role, Station, Wire
from testbed.record.events import (
    FaultBegan,
    FaultRepaired,
    JobBackup,
    JobCompleted,
    JobEvicted,
    JobPlaced,
    JobPromoted,
    JobQueued,
    JobRecovered,
    JobRefused,
    JobServed,
    NetworkReady,
    NodeFailed,
    NodeReturned,
    RunEnded,
)
from testbed.record.logs import EventLog, RateLog
from testbed.record.merge import merge
from testbed.record.run_directory import RunDirectory
from testbed.record.streams import ReceivedLog, SentLog
from testbed.report.declared import Declared
from testbed.report.failures import RECOVERY_PARTS
from testbed.report.summary import Summary

US, MS, SECOND = 1000, synthetic_run.MS, synthetic_run.SECOND
DURATION_NS = 2 * SECOND
VARIANTS = ("one_plane", "two_planes")
NODES = tuple(f"npu{number}" for number in range(1, 41))

BLOCK_BYTES = 50_000
BLOCK_EVERY_NS = {"one_plane": 200 * US, "two_planes": 100 * US}
BLOCK_DELAY_NS = 20 * US
PLANE_LOST_NS, PLANE_BACK_NS = SECOND, 1500 * MS
OUTAGE_NS = 2 * MS
NODE_LOST_NS = 500 * MS
RECOVERY_NS = {"web1": (20 * MS, MS, 0, 5 * MS, 2 * MS), "web2": (20 * MS, 3 * MS, 10 * MS, 5 * MS, 7 * MS)}
RECOVERY_NS |= {"player-render": (25 * MS, 2 * MS, 4 * MS, 10 * MS, 9 * MS)}
FIRST_TOKEN_NS = {"one_plane": 300 * MS, "two_planes": 80 * MS}
EXCHANGE_NS = {"one_plane": 240 * US, "two_planes": 120 * US}

Row = tuple[int, int, int | None]
"""One of a stream: its number, when it was sent, and its delay, None if it was lost."""


def make_run(path: Path) -> RunDirectory:
    """A merged run directory without summary and report."""
    run = RunDirectory.create_at(path)
    for variant in VARIANTS:
        raw = run.raw_path(variant)
        raw.mkdir(parents=True)
        _write_streams(raw, variant)
        _write_rates(raw, variant)
        with EventLog(raw) as events:
            _write_events(events, variant)
    merge(run, VARIANTS)
    changed = {"variants": list(VARIANTS), "duration_ns": DURATION_NS, "settings": []}
    title = "Work on the nodes of a mesh, and what breaks there"
    run.write_manifest({**synthetic_run.manifest(), **changed, "title": title})
    run.scenario_path.write_text("title: Work on a mesh\n")
    run.plan_path.write_text("variants: see the drawing\n")
    return run


def _stream(raw: Path, session: str, measure: str, rows: Iterable[Row], size_bytes: int = 100) -> None:
    direction = DOWNSTREAM if measure in ("first_token", "token", "answer", "frame", "probe") else ACROSS
    name: dict[str, Any] = {"session": session, "measure": measure, "direction": direction}
    written = list(rows)
    with SentLog(raw, **name) as sent, ReceivedLog(raw, **name) as received:
        for seq, at_ns, _ in written:
            sent.write(seq, size_bytes, at_ns)
        arrived = [(at_ns + delay_ns, seq) for seq, at_ns, delay_ns in written if delay_ns is not None]
        for at_ns, seq in sorted(arrived):
            received.write(seq, at_ns)


def block_arrivals_ns(variant: str) -> list[int]:
    """When the blocks of the transfer arrive: evenly, half as often on half the planes, after an outage."""
    every_ns, broken = BLOCK_EVERY_NS[variant], variant == "two_planes"
    found, at_ns = [], 100 * MS
    while at_ns <= 1900 * MS:
        found.append(at_ns)
        halved = broken and PLANE_LOST_NS <= at_ns < PLANE_BACK_NS
        at_ns += OUTAGE_NS if broken and at_ns == PLANE_LOST_NS else every_ns * (2 if halved else 1)
    return found


def _write_streams(raw: Path, variant: str) -> None:
    first_ns, broken = FIRST_TOKEN_NS[variant], variant == "two_planes"
    asked_ns = [100 * MS + number * 40 * MS for number in range(40)]
    spread_ns = [number % 5 * 10 * MS for number in range(40)]
    starts = list(zip(range(40), asked_ns, spread_ns, strict=True))
    _stream(raw, "reader", "first_token", ((seq, at, first_ns + more) for seq, at, more in starts))
    _stream(raw, "reader", "answer", ((seq, at, 2 * first_ns + more) for seq, at, more in starts))
    tokens = ((seq, 400 * MS + seq * 2 * MS, 15 * MS + seq % 10 * MS) for seq in range(700))
    _stream(raw, "reader", "token", tokens)
    part_ns = EXCHANGE_NS[variant] // 3
    steps = [(seq, 50 * MS + seq * 20 * MS, seq % 7 * US) for seq in range(90)]
    _stream(raw, "moe", "dispatch", ((seq, at, part_ns + more) for seq, at, more in steps))
    combined = ((seq, at + part_ns + more, 2 * part_ns) for seq, at, more in steps)
    _stream(raw, "moe", "combine", combined)
    _stream(raw, "moe", "exchange", ((seq, at, 3 * part_ns + more) for seq, at, more in steps))
    blocks = enumerate(block_arrivals_ns(variant))
    _stream(
        raw, "copy", "block", ((seq, at - BLOCK_DELAY_NS, BLOCK_DELAY_NS) for seq, at in blocks), BLOCK_BYTES
    )
    lost = range(50, 54) if broken else range(0)
    requests = ((seq, seq * 10 * MS, None if seq in lost else 900 * US) for seq in range(190))
    _stream(raw, "web", "request", requests)
    _stream(raw, "player", "probe", ((seq, seq * 10 * MS, 6 * MS) for seq in range(190)))
    if broken:
        sums_ns = {job: sum(parts) for job, parts in RECOVERY_NS.items()}
        web = [
            (0, NODE_LOST_NS, sums_ns["web1"]),
            (1, NODE_LOST_NS, sums_ns["web2"]),
            (2, NODE_LOST_NS, None),
        ]
        _stream(raw, "web", "recovery", web)
        _stream(raw, "player", "recovery", [(0, 700 * MS, sums_ns["player-render"])])


def _write_rates(raw: Path, variant: str) -> None:
    arrivals_ns = block_arrivals_ns(variant)
    with RateLog(raw) as rates:
        for at_ns in range(110 * MS, 1901 * MS, 10 * MS):
            came = bisect_right(arrivals_ns, at_ns) - bisect_right(arrivals_ns, at_ns - 10 * MS)
            rates.write(
                at_ns,
                session="copy",
                direction=ACROSS,
                rate_bps=None,
                demand_bps=None,
                throughput_bps=came * BLOCK_BYTES * 8 * 100,
                backlog_bytes=None,
                dropped=None,
            )


def _write_events(events: EventLog, variant: str) -> None:
    events.write(NetworkReady(), 0)
    jobs = {f"web{number}": ("npu3", "npu9") for number in range(1, 4)} | {"web4": ("npu5", None)}
    jobs |= {"player-render": ("npu7", "npu8"), "llm": ("npu1", None)}
    for job, (node, backup) in jobs.items():
        scores = {name: 90.0 - index for index, name in enumerate(NODES)}
        events.write(JobPlaced(job=job, node=node, backup=backup, reason="best score", scores=scores), 0)
    events.write(JobQueued(job="web5", reason="no node has 20 units free"), 0)
    events.write(SessionStarted(session="player", player="home1", node="npu7"), 0)
    if variant == "two_planes":
        why = "no node can take it: npu1: needs 90, 60 of 80 free"
        events.write(JobRefused(job="late", reason=why), 0)
        events.write(SessionRefused(session="late", reason=why), 0)
        _write_failures(events)
    events.write(SessionEnded(session="player"), 1900 * MS)
    for job in jobs:
        events.write(JobCompleted(job=job), 1900 * MS)
    first = FIRST_TOKEN_NS[variant]
    served = {"requests": 40, "answered": 40, "tokens": 740, "of_ns": 1800 * MS}
    served |= {"prefill_ns": 90 * MS, "busy_ns": 450 * MS + first, "least_ns": 180 * MS}
    events.write(
        ServiceEnded(service="llm", node="npu1", **served, steps=100, mean_batch=7.4, exchange_ns=None),
        1950 * MS,
    )
    nodes = [f"npu{1 + rank // 2}" for rank in range(24)]
    mean_ns = EXCHANGE_NS[variant] + 3 * US
    events.write(
        ExpertsEnded(experts="moe", steps=90, exchange_ns=mean_ns, given_up=0, nodes=nodes), 1950 * MS
    )
    received_bytes = len(block_arrivals_ns(variant)) * BLOCK_BYTES
    done = {"received_bytes": received_bytes, "throughput_bps": received_bytes * 8 * 10 // 18}
    again = 64 if variant == "two_planes" else 0
    events.write(
        TransferEnded(transfer="copy", **done, blocks_sent_again=again, outage_ns=0, stalled_ns=0), 1950 * MS
    )
    events.write(RunEnded(), DURATION_NS)


def _write_failures(events: EventLog) -> None:
    events.write(FaultBegan(fault="chassis", node="npu3"), NODE_LOST_NS)
    events.write(NodeFailed(node="npu3", silent_ns=30 * MS), NODE_LOST_NS + 20 * MS)
    for job in ("web1", "web2"):
        events.write(JobPromoted(job=job, failed="npu3", node="npu9", epoch=2), NODE_LOST_NS + 20 * MS)
        events.write(JobBackup(job=job, backup="npu10", reason="best score"), NODE_LOST_NS + 20 * MS)
        _recover(events, job, "npu9", NODE_LOST_NS)
    events.write(FaultBegan(fault="uplink", isolated="npu7"), 700 * MS)
    events.write(NodeFailed(node="npu7", silent_ns=30 * MS), 725 * MS)
    events.write(JobPromoted(job="player-render", failed="npu7", node="npu8", epoch=2), 725 * MS)
    _recover(events, "player-render", "npu8", 700 * MS)
    events.write(SessionGap(session="player", gap_ns=58 * MS, frames_due=3, frames_missed=3), 760 * MS)
    events.write(FaultRepaired(fault="chassis", node="npu3"), 900 * MS)
    events.write(NodeReturned(node="npu3"), 930 * MS)
    events.write(FaultBegan(fault="plane", plane=2), PLANE_LOST_NS)
    silence = {"transfer": "copy", "plane": 2}
    events.write(TransferPlaneChanged(**silence, alive=False, after_ns=MS, blocks=64), PLANE_LOST_NS + MS)
    events.write(FaultRepaired(fault="plane", plane=2), PLANE_BACK_NS)
    events.write(
        TransferPlaneChanged(**silence, alive=True, after_ns=503 * MS, blocks=0), PLANE_BACK_NS + 4 * MS
    )
    events.write(FaultBegan(fault="other_uplink", isolated="npu5"), 1600 * MS)
    events.write(NodeFailed(node="npu5", silent_ns=30 * MS), 1630 * MS)
    events.write(JobEvicted(job="web4", failed="npu5", reason="no backup"), 1630 * MS)
    events.write(JobPlaced(job="web4", node="npu6", backup=None, reason="waited", scores={}), 1640 * MS)


def _recover(events: EventLog, job: str, node: str, since_ns: int) -> None:
    parts = dict(zip(RECOVERY_PARTS, RECOVERY_NS[job], strict=True))
    whole_ns = sum(parts.values())
    events.write(JobServed(job=job, node=node, epoch=2), since_ns + whole_ns)
    done = {"job": job, "node": node, "epoch": 2, "recovery_ns": whole_ns}
    events.write(JobRecovered(**done, **parts), since_ns + whole_ns)


def network(variant: str) -> Network:
    """An access tree with one home, and forty nodes in a mesh over one or two planes."""
    planes = ("plane1",) if variant == "one_plane" else ("plane1", "plane2")
    roles = {"home1": Role.HOME, "onu1": Role.ONU, "olt": Role.OLT, "metro": Role.METRO}
    roles |= {"controller": Role.CONTROL} | dict.fromkeys(planes, Role.PLANE)
    stations = [Station(name=name, role=role) for name, role in roles.items()]
    stations += [Station(name=node, role=Role.COMPUTE, capacity=10) for node in NODES]
    line, port = Egress(rate_bps=8_665_088_000, pon=DOWNSTREAM), Egress(rate_bps=25 * 10**9)
    wires = [Wire(a="home1", b="onu1"), Wire(a="olt", b="onu1", a_egress=line, b_egress=line)]
    wires += [Wire(a="olt", b="metro"), Wire(a="metro", b="controller")]
    wires += [Wire(a="metro", b=node, a_egress=port, b_egress=port) for node in NODES]
    wires += [Wire(a=node, b=plane, a_egress=port, b_egress=port) for node in NODES for plane in planes]
    delays_ns = tuple(
        tuple(0 if a == b else 929 if a // 8 == b // 8 else 2500 for b in range(len(NODES)))
        for a in range(len(NODES))
    )
    fabric = Fabric(nodes=NODES, planes=planes, delays_ns=delays_ns)
    return Network(name="mesh", stations=tuple(stations), wires=tuple(wires), fabric=fabric)


def scenario(variant: str) -> Scenario:
    """What the run claims to have run."""
    span = {"starts": "0 s", "ends": "1900 ms"}
    decode = [{"batch": 1, "tpot": "15 ms"}, {"batch": 96, "tpot": "49 ms"}]
    faults: dict[str, Any] = {
        "chassis": {"at": "500 ms", "repaired": "900 ms", "node": "npu3"},
        "uplink": {"at": "700 ms", "isolated": "npu7"},
        "plane": {"at": "1 s", "repaired": "1500 ms", "plane": 2},
        "other_uplink": {"at": "1600 ms", "isolated": "npu5"},
    }
    claimed = synthetic_run.scenario("best_effort").model_dump(mode="json", by_alias=True)
    readers = {"reader": {"host": "home1", "interval": "40 ms", **span}}
    work: dict[str, Any] = {
        "health": {"heartbeat": "10 ms", "missed": 3},
        "jobs": {"web": {"job": {"weight": 2}, "count": 4, "requests": {"source": "controller"}, **span}},
        "services": {"llm": {"job": {"weight": 8}, "decode": decode, "clients": readers, **span}},
        "transfers": {"copy": {"source": "npu2", "destination": "npu12", **span}},
        "experts": {"moe": {"ranks": 16, "job": {"weight": 1}, **span}},
        "faults": faults if variant == "two_planes" else {},
    }
    return Scenario.model_validate(claimed | work | {"variant": variant})


def expectations() -> tuple[Expectation, ...]:
    """One of every new kind of measure; all hold but that of the lost jobs."""
    hurt: dict[str, Any] = {"variant": "two_planes"}
    return (
        Expectation(**hurt, session="reader", measure="first_token", statistic="p50", at_most="100 ms"),
        Expectation(**hurt, session="web", measure="recovery", statistic="lost", at_most=1),
        Expectation(**hurt, session="copy", measure="transfer", statistic="kept", at_least="49 %"),
        Expectation(**hurt, session="copy", measure="transfer", statistic="outage", at_most="2 ms"),
        Expectation(**hurt, session="llm", measure="service", statistic="utilisation", at_least="29 %"),
        Expectation(**hurt, measure="jobs", statistic="promoted", at_least=3),
        Expectation(**hurt, measure="jobs", statistic="lost", at_most=0),
    )


def references() -> tuple[Reference, ...]:
    """A delay, a share, a rate and a count."""
    source = {"variant": "two_planes", "source": "Article on supernodes, 2026"}
    return (
        Reference(**source, session="reader", measure="first_token", statistic="p50", value="83 ms"),
        Reference(**source, session="llm", measure="service", statistic="utilisation", value="85 %"),
        Reference(**source, session="copy", measure="transfer", statistic="throughput", value="4 Gbit/s"),
        Reference(**source, session="llm", measure="service", statistic="token_rate", value=2345),
    )


def write_report(path: Path) -> tuple[RunDirectory, Summary]:
    """A run with its summary and report."""
    run = make_run(path)
    scenarios = {variant: scenario(variant) for variant in VARIANTS}
    networks = {variant: network(variant) for variant in VARIANTS}
    Declared.of(scenarios, networks, expectations(), references()).write(run)
    return run, report.write(run)


if __name__ == "__main__":
    print(write_report(Path(sys.argv[1]))[0].report_path)
