"""Whether this machine can carry a scenario in real time, checked before a run on the host venue.

`judge` compares what the scenario asks for with what was measured. A refusal names what is impossible: the
measurement leaves out shaping and the programs' own work, so that a run carries less than was measured. A
doubt names what may be impossible, and is kept with the numbers of the run.
"""

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from testbed.errors import KernelError
from testbed.host.load import LATE_NS
from testbed.model.base import UPSTREAM
from testbed.plan.make import make_plan
from testbed.plan.network_plan import PonPlan
from testbed.pon.dba.assign import decide
from testbed.pon.dba.dba_state import start
from testbed.pon.dba.grant_map import QueueReport
from testbed.pon.framing import framing
from testbed.scenario import ScenarioFile
from testbed.units import milliseconds, percent
from testbed.venue.capacity_probe import Carried, measured
from testbed.venue.packet_load import Demand, demand

_DECISIONS = 200
_MOST_NS = 300_000_000
_QUEUED_BYTES = 20_000
"""In each T-CONT, so that every frame is shared among all of them."""
DOUBTFUL_SHARE = 0.25
"""Of the processors' time, for bare packets alone: shaping and the programs' own work come on top."""
DOUBTFUL_FRAME_SHARE = 0.4
"""Of a PON frame, for its decision alone: the OLT waits, listens and sends as well."""
_NAMED = 3
REMEDY = (
    "use --venue virtual, where computing takes no time; or ask for less: fewer ONUs, sessions and flows, "
    "lower rates"
)
SHAPED = "pon.model: shaped_link needs no OLT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The OLT's work: the length of a frame, and how long the decision about a full one takes here."""

    frame_ns: int
    decide_ns: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences with their figures."""

    refusals: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def judge(demand: Demand, carried: Carried, processors: int, frames: Frames | None) -> Verdict:
    """Judge a scenario's demand by what was measured; `frames` are None where no OLT runs."""
    refusals, doubts = [], []
    share = demand.packets_per_s * carried.packet_ns / 1e9 / processors
    told = _of_packets(demand, carried, processors)
    if share > 1:
        refusals.append(told)
    elif share > DOUBTFUL_SHARE:
        doubts.append(f"{told}; from {percent(DOUBTFUL_SHARE * 1e6)} of that on delays may be the machine's")
    if frames is not None:
        told = (
            f"the OLT has {frames.frame_ns / 1000:.0f} us for each PON frame, and to decide about a full one "
            f"takes this machine {frames.decide_ns / 1000:.0f} us; {SHAPED}"
        )
        if frames.decide_ns > frames.frame_ns:
            refusals.append(told)
        elif frames.decide_ns > DOUBTFUL_FRAME_SHARE * frames.frame_ns:
            doubts.append(told)
    if carried.late_p99_ns > LATE_NS:
        doubts.append(
            f"before the run, with nothing of it going on, one timer in a hundred was more than "
            f"{milliseconds(carried.late_p99_ns)} late; end what else runs on this machine"
        )
    return Verdict(tuple(refusals), tuple(doubts))


def _of_packets(demand: Demand, carried: Carried, processors: int) -> str:
    most = processors * 10**9 // carried.packet_ns
    largest = [f"{each.name} {each.packets_per_s:,.0f}" for each in demand.stretches[:_NAMED]]
    if len(demand.stretches) > _NAMED:
        largest.append(f"{len(demand.stretches) - _NAMED} others the rest")
    return (
        f"{demand.packets_per_s:,} packets a second are sent at {demand.at_ns / 1e9:g} s "
        f"({', '.join(largest)}), and this machine carries {most:,} at the most, unshaped "
        f"({carried.packet_ns / 1000:.1f} us each, {processors} processor{'s' if processors > 1 else ''})"
    )


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
        reports = [QueueReport(tcont.alloc_id, frame - 1, _QUEUED_BYTES, 0) for tcont in pon.tconts]
        began_ns = time.perf_counter_ns()
        state, _ = decide(state, reports, frame)
        took_ns.append(time.perf_counter_ns() - began_ns)
        if sum(took_ns) > _MOST_NS:
            break
    return Frames(frame_ns=frame_ns, decide_ns=sorted(took_ns)[len(took_ns) // 2])
