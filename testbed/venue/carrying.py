"""Whether a machine can carry a scenario in real time: what it asks for against what was measured. Pure.

A refusal is what cannot be: the measurement leaves out shaping and the programs' own work, so that a run
carries less than that. A doubt is what may be, and goes with the numbers of the run.
"""

from dataclasses import dataclass

from testbed.host.load import LATE_NS
from testbed.units import milliseconds, percent
from testbed.venue.carry_trial import Carried
from testbed.venue.demand import Demand

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
