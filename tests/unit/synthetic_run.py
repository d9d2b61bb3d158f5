"""A run that never ran: the same files as a real one, with every oddity that a report must survive.

Two variants of 12 s. `best_effort` has long delays, lost, reordered and repeated packets and no channel;
`elastic` has a channel that follows the scenes. A second session is refused and receives nothing.

To look at its report: python tests/unit/synthetic_run.py DIRECTORY
"""

import random
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from testbed.applications.game.events import SceneEntered, SessionEnded, SessionStarted
from testbed.applications.quantity import Expectation, Reference
from testbed.applications.script import Scenario
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.record.events import (
    ChannelAdmitted,
    ChannelRefused,
    ChannelReleased,
    ChannelResized,
    ClassOpened,
    ClassResized,
    JobCompleted,
    JobPlaced,
    JobRefused,
    NetworkReady,
    RunEnded,
)
from testbed.record.logs import EventLog, RateLog
from testbed.record.merge import merge
from testbed.record.run_directory import RunDirectory
from testbed.record.streams import ReceivedLog, SentLog

MS = 1_000_000
SECOND = 1000 * MS
DURATION_NS = 12 * SECOND
VARIANTS = ("best_effort", "elastic")
SCENES = (("lobby", 1, 30_000_000), ("battle_4k", 4, 120_000_000), ("menu", 8, 15_000_000))

_BASE_MS = {
    ("best_effort", DOWNSTREAM): 61,
    ("best_effort", UPSTREAM): 50,
    ("elastic", DOWNSTREAM): 6,
    ("elastic", UPSTREAM): 7,
}
_MEASURES = {
    "probe": (10 * MS, 100, (DOWNSTREAM, UPSTREAM)),
    "frame": (16_666_667, 62_500, (DOWNSTREAM,)),
    "packet": (MS, 1400, (DOWNSTREAM,)),
    "command": (4 * MS, 100, (UPSTREAM,)),
}


def make_run(path: Path) -> RunDirectory:
    """A merged run directory with manifest, scenario and plan, but no summary or report yet."""
    run = RunDirectory.create_at(path)
    for variant in VARIANTS:
        raw = run.raw_path(variant)
        raw.mkdir(parents=True)
        _write_streams(raw, variant)
        _write_rates(raw, variant)
        _write_events(raw, variant)
    merge(run, VARIANTS)
    run.scenario_path.write_text("title: A synthetic session\nseed: 7\n# <script>alert(1)</script>\n")
    run.plan_path.write_text("best_effort\n  olt  10.0.0.1/24\n")
    run.write_manifest(manifest())
    return run


def manifest() -> dict[str, Any]:
    """As `testbed run` would write it."""
    return {
        "testbed": "0.1.0",
        "python": "3.11.2",
        "scenario": "synthetic",
        "title": "A synthetic session over an elastic channel",
        "seed": 7,
        "venue": "virtual",
        "kernel": {"version": "6.12.43", "config": "a1b2c3", "patches": 3},
        "variants": list(VARIANTS),
        "settings": ["duration=12 s"],
        "duration_ns": DURATION_NS,
        "started_at": datetime(2030, 1, 2, 3, 4, 5).isoformat(),
        "wall_s": 18.0,
        "virtual_s": 24.0,
    }


def _write_streams(raw: Path, variant: str) -> None:
    for measure, (interval_ns, size_bytes, directions) in _MEASURES.items():
        for direction in directions:
            draws = random.Random(f"{variant} {measure} {direction}")
            name = {"session": "player", "measure": measure, "direction": direction}
            packets = list(_packets(variant, direction, interval_ns, draws))
            with SentLog(raw, **name) as sent, ReceivedLog(raw, **name) as received:
                for seq, sent_at_ns, _ in packets:
                    sent.write(seq, size_bytes, sent_at_ns)
                arrivals = [(at_ns, seq) for seq, _, at_ns in packets if at_ns is not None]
                if variant == "best_effort" and measure == "probe":
                    arrivals += [(at_ns + 5 * MS, seq) for at_ns, seq in arrivals[100:103]]
                for at_ns, seq in sorted(arrivals):
                    received.write(seq, at_ns)
    silent = {"session": "guest", "measure": "probe", "direction": DOWNSTREAM}
    with SentLog(raw, **silent) as sent, ReceivedLog(raw, **silent):
        for seq in range(20):
            sent.write(seq, 100, SECOND + seq * 10 * MS)
    SentLog(raw, session="guest", measure="probe", direction=UPSTREAM).close()


def _packets(
    variant: str, direction: Direction, interval_ns: int, draws: random.Random
) -> Iterator[tuple[int, int, int | None]]:
    """(seq, sent, received or None for lost): only best_effort loses, and lets packets overtake others."""
    latest_ns = 0
    for seq, sent_at_ns in enumerate(range(SECOND, 11 * SECOND, interval_ns)):
        heavy = 4 * SECOND <= sent_at_ns < 8 * SECOND
        if variant == "best_effort" and heavy and draws.random() < 0.02:
            yield seq, sent_at_ns, None
            continue
        delay_ns = _BASE_MS[variant, direction] * MS + round(draws.expovariate(1 / 400_000))
        if variant == "best_effort":
            delay_ns += 6 * MS * heavy + (15 * MS if draws.random() < 0.01 else 0)
            yield seq, sent_at_ns, sent_at_ns + delay_ns
        else:
            latest_ns = max(latest_ns + 1, sent_at_ns + delay_ns)
            yield seq, sent_at_ns, latest_ns


def _write_rates(raw: Path, variant: str) -> None:
    elastic = variant == "elastic"
    with RateLog(raw) as rates:
        for at_ns in range(0, DURATION_NS, 100 * MS):
            scene_bps = next((bps for _, s, bps in reversed(SCENES) if s * SECOND <= at_ns < 11 * SECOND), 0)
            for direction, share in ((DOWNSTREAM, 1), (UPSTREAM, 100)):
                rates.write(
                    at_ns,
                    session="player",
                    direction=direction,
                    rate_bps=scene_bps * 8 // share if elastic and scene_bps else None,
                    demand_bps=scene_bps // share or None,
                    throughput_bps=scene_bps // share,
                    backlog_bytes=0 if elastic else 675_000,
                    dropped=0 if elastic else at_ns // SECOND,
                )


def _write_events(raw: Path, variant: str) -> None:
    node = "near" if variant == "elastic" else "far"
    scores = {"near": 71.5, "far": 64.25 if variant == "elastic" else 88.0}
    with EventLog(raw) as events:
        events.write(NetworkReady(), 0)
        placed = {"backup": None if variant == "best_effort" else "far", "reason": "highest score"}
        events.write(JobPlaced(job="player-render", node=node, **placed, scores=scores), SECOND)
        events.write(JobRefused(job="guest-render", reason="no node has 8 units free"), SECOND)
        events.write(SessionStarted(session="player", player="home1", node=node), SECOND)
        if variant == "elastic":
            _write_channel(events)
        for name, at_s, rate_bps in SCENES:
            events.write(SceneEntered(session="player", scene=name, rate_bps=rate_bps), at_s * SECOND)
        events.write(SessionEnded(session="player"), 11 * SECOND)
        events.write(JobCompleted(job="player-render"), 11 * SECOND)
        events.write(RunEnded(), DURATION_NS)


def _write_channel(events: EventLog) -> None:
    rates = {"downstream": 240_000_000, "upstream": 2_400_000}
    events.write(ChannelAdmitted(session="player", rates=rates, reason="240 Mbit/s of 8.66 Gbit/s"), SECOND)
    for direction, rate_bps in rates.items():
        events.write(ClassOpened(session="player", direction=direction, rate_bps=rate_bps), SECOND)
    refusal = {"reason": "25 Gbit/s is above the line", "fits": {"downstream": 8_425_000_000}}
    events.write(ChannelRefused(session="guest", **refusal), SECOND)
    for at_s, old, new in ((4, 240, 960), (8, 960, 120)):
        change = {"direction": "downstream", "from_bps": old * 10**6, "to_bps": new * 10**6}
        events.write(ChannelResized(session="player", **change, reason="the scene's rate"), at_s * SECOND)
        done = {"direction": "downstream", "rate_bps": new * 10**6}
        events.write(ClassResized(session="player", **done), at_s * SECOND)
    events.write(ChannelReleased(session="player", reason="the session ended"), 11 * SECOND)


def network(variant: str) -> Network:
    """A small access network; the two variants' networks differ in the distance of the far node."""
    homes = [f"home{number}" for number in range(1, 5)]
    onus = [f"onu{number}" for number in range(1, 5)]
    roles = {"olt": Role.OLT, "splitter": Role.SPLITTER, "metro": Role.METRO}
    roles |= dict.fromkeys(onus, Role.ONU) | dict.fromkeys(homes, Role.HOME)
    stations = [Station(name=name, role=role) for name, role in roles.items()]
    stations += [Station(name=name, role=Role.COMPUTE, capacity=10) for name in ("near", "far")]
    line = Egress(rate_bps=8_665_088_000, queue_bytes=4_000_000, pon=DOWNSTREAM)
    fibre = Egress(delay_ns=98_000)
    wires = [Wire(a="olt", b="splitter", a_egress=line, b_egress=line)]
    wires += [Wire(a="splitter", b=onu, a_egress=fibre, b_egress=fibre) for onu in onus]
    wires += [Wire(a=onu, b=home) for onu, home in zip(onus, homes, strict=True)]
    wires.append(Wire(a="olt", b="metro", a_egress=fibre, b_egress=fibre))
    for node, delay_ns in (("near", MS), ("far", 3 * MS if variant == "elastic" else 5 * MS)):
        port = Egress(delay_ns=delay_ns, rate_bps=25 * 10**9)
        wires.append(Wire(a="metro", b=node, a_egress=port, b_egress=port))
    wires.append(Wire(a="near", b="far", a_egress=fibre, b_egress=fibre))
    return Network(name="synthetic", stations=tuple(stations), wires=tuple(wires))


def networks() -> Mapping[str, Network]:
    """The network of each variant."""
    return {variant: network(variant) for variant in VARIANTS}


def scenario(variant: str) -> Scenario:
    """What the synthetic run claims to have run."""
    line = {"rate": "100 Mbit/s", "committed": "50 Mbit/s", "queue": "675 kB"}
    scenes = [{"name": name, "at": f"{at_s} s", "rate": f"{bps} bit/s"} for name, at_s, bps in SCENES]
    session: dict[str, Any] = {
        "player": "home1",
        "starts": "1 s",
        "ends": "11 s",
        "job": {"weight": 2},
        "scenes": scenes,
    }
    if variant == "elastic":
        rates = {"committed": "1 Mbit/s", "peak": "1 Gbit/s", "queue": "100 kB"}
        timing = {"serialisation": "2 ms", "hold": "500 ms"}
        session["channel"] = {"downstream": rates, "upstream": rates, **timing}
    return Scenario.model_validate(
        {
            "name": "synthetic",
            "title": manifest()["title"],
            "variant": variant,
            "seed": 7,
            "duration": "12 s",
            "network": {"topology": "synthetic"},
            "access": {"downstream": line, "upstream": line},
            "sessions": {"player": session},
        }
    )


def expectations() -> tuple[Expectation, ...]:
    """Some that hold, one that does not, and one on a number that the run does not have."""
    common = {"session": "player", "direction": "downstream"}
    return (
        Expectation(variant="elastic", **common, statistic="p50", at_most="8 ms"),
        Expectation(variant="best_effort", **common, statistic="p50", at_least="56 ms", at_most="68 ms"),
        Expectation(variant="elastic", **common, measure="packet", statistic="lost", at_most=0),
        Expectation(variant="best_effort", **common, measure="packet", statistic="lost", at_most=0),
        Expectation(
            variant="elastic", session="guest", direction="downstream", statistic="p99", at_most="1 s"
        ),
    )


def references() -> tuple[Reference, ...]:
    """Published figures, as a scenario file gives them."""
    return tuple(
        Reference(
            variant=variant,
            session="player",
            direction=direction,
            statistic="p50",
            value=f"{value_ms} ms",
            source="Article on elastic access, 2026",
        )
        for variant, direction, value_ms in (
            ("best_effort", "downstream", 62),
            ("elastic", "downstream", 8),
            ("best_effort", "upstream", 51),
            ("elastic", "upstream", 9),
        )
    )


def write_report(path: Path) -> RunDirectory:
    """A run with its summary and report."""
    from testbed import report
    from testbed.report.declared import Declared

    run = make_run(path)
    scenarios = {variant: scenario(variant) for variant in VARIANTS}
    Declared.of(scenarios, networks(), expectations(), references()).write(run)
    report.write(run)
    return run


if __name__ == "__main__":
    print(write_report(Path(sys.argv[1])).report_path)
