"""Whether this machine carries a scenario in real time, asked before a run on the host venue."""

import os
import sys
import time
from typing import Any

from testbed.errors import KernelError
from testbed.model.base import UPSTREAM
from testbed.plan.make import make_plan
from testbed.plan.network_plan import PonPlan
from testbed.pon.dba.assign import decide
from testbed.pon.dba.grant_map import Report
from testbed.pon.dba.state import start
from testbed.pon.framing import framing
from testbed.scenario import ScenarioFile
from testbed.venue.carry_trial import measured
from testbed.venue.carrying import REMEDY, Frames, judge
from testbed.venue.demand import demand

_DECISIONS = 200
_MOST_NS = 300_000_000
_QUEUED_BYTES = 20_000
"""In each T-CONT, so that every frame is shared among all of them."""


def host_facts_of(venue: str, scenario_file: ScenarioFile, *, force: bool) -> dict[str, Any]:
    """The part of a manifest that tells of the machine, on the host venue alone.

    Raises:
        KernelError: As `carrying`.
    """
    return {"host": carrying(scenario_file, force=force)} if venue == "host" else {}


def carrying(scenario_file: ScenarioFile, *, force: bool) -> dict[str, Any]:
    """What a manifest says of the machine: what it carries, what is asked of it, and doubts about that.

    With `force`, refusals are doubts.

    Raises:
        KernelError: This machine surely cannot carry one of the variants.
    """
    carried, processors = measured(), len(os.sched_getaffinity(0))
    asked, deciding_ns, verdicts = {}, {}, {}
    for variant, scenario in scenario_file.variants.items():
        network = scenario_file.networks[variant]
        pon = make_plan(network, scenario.access, scenario.pon).pon
        frames = None if pon is None else _frames(pon)
        wanted = demand(scenario, network)
        asked[variant], verdicts[variant] = wanted.packets_per_s, judge(wanted, carried, processors, frames)
        deciding_ns[variant] = None if frames is None else frames.decide_ns
    refusals = _by_variant({variant: verdict.refusals for variant, verdict in verdicts.items()})
    if refusals and not force:
        raise KernelError(
            f"this machine cannot carry the scenario in real time:{_listed(refusals)}\n"
            f"What to do: {REMEDY}; or have it run with --force, its numbers are then this machine's"
        )
    doubts = refusals + _by_variant({variant: verdict.doubts for variant, verdict in verdicts.items()})
    if doubts:
        print(
            f"warning: this machine may not carry the scenario in real time:{_listed(doubts)}",
            file=sys.stderr,
        )
    return {
        "processors": processors,
        "packet_ns": carried.packet_ns,
        "timers_late_p99_ns": carried.late_p99_ns,
        "packets_per_s": asked,
        "decide_ns": deciding_ns,
        "doubts": doubts,
    }


def _by_variant(sentences: dict[str, tuple[str, ...]]) -> list[str]:
    """Each sentence once, after the variants that it holds for; without them if it holds for all."""
    found: dict[str, list[str]] = {}
    for variant, said in sentences.items():
        for sentence in said:
            found.setdefault(sentence, []).append(variant)
    return [
        sentence if len(variants) == len(sentences) else f"{', '.join(variants)}: {sentence}"
        for sentence, variants in found.items()
    ]


def _listed(sentences: list[str]) -> str:
    return "".join(f"\n  - {sentence}" for sentence in sentences)


def _frames(pon: PonPlan) -> Frames:
    """How long a decision about a frame takes here, if every T-CONT has something to send: the median."""
    state = start(pon.standard, pon.tconts, report_every_frames=pon.report_every_frames)
    frame_ns = framing(pon.standard, UPSTREAM).frame_ns
    took_ns: list[int] = []
    for frame in range(1, _DECISIONS + 1):
        reports = [Report(tcont.alloc_id, frame - 1, _QUEUED_BYTES, 0) for tcont in pon.tconts]
        began_ns = time.perf_counter_ns()
        state, _ = decide(state, reports, frame)
        took_ns.append(time.perf_counter_ns() - began_ns)
        if sum(took_ns) > _MOST_NS:
            break
    return Frames(frame_ns=frame_ns, decide_ns=sorted(took_ns)[len(took_ns) // 2])
