"""The score of a node for a job, from 0 to 100, and the delay to the job's partners.

Load score: the share of the node that stays free once the job is on it; reserved capacity is not free.
Delay score: 100 at no delay, 0 at the longest delay between any two stations known, in proportion
between; the delay is the mean over the job's partners, weighted by traffic. That scale depends neither
on the job nor on which nodes happen to have room. The score is the mean of the two by their weights, and of
the further scores that installed packages bring, if the placement names any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.model.placement import Placement
from testbed.placement.delays import UNKNOWN, Delays
from testbed.placement.fleet import Fleet, view
from testbed.placement.job_request import JobRequest
from testbed.units import milliseconds

MICRO = 1_000_000
"""Scores are compared in whole millionths, so that the order of additions cannot decide between equals."""
_DECIMALS = 6

_NONE: Mapping[str, float] = {}

Floats = NDArray[np.float64]
Partners = list[tuple[str, float]]
"""Stations, nodes among them, and the share of a job's traffic that goes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good a node is for a job, from 0 to 100; `delay_ns` is the mean to its partners, if it counts.

    `further` are further scores by name.
    """

    total: float
    load: float
    delay: float
    delay_ns: float | None
    further: Mapping[str, float] = field(default_factory=dict)


def partners_of(job: JobRequest, placed: Mapping[str, str]) -> Partners:
    """With whom a job has traffic: a station, or the node of another job; one that is not placed is left out.

    `placed` has the nodes of the jobs that run. What is neither a job nor a station is kept, as unknown.
    """
    found: dict[str, float] = {}
    for name, traffic in job.partners.items():
        if traffic > 0:
            station = placed.get(name, name)
            found[station] = found.get(station, 0.0) + traffic
    return list(found.items())


def mean_delay_ns(partners: Partners, station: str, delays: Delays) -> float | None:
    """The mean delay from a station to partners by traffic; None without partners, or to an unknown one."""
    traffic = total = 0.0
    for partner, share in partners:
        delay_ns = delays.get(station, partner)
        if delay_ns is None:
            return None
        traffic += share
        total += share * delay_ns
    return total / traffic if traffic else None


def mean_delays_ns(partners: Partners, fleet: Fleet, delays: Delays) -> tuple[Floats, NDArray[np.bool_]]:
    """The same for every node at once, and to which nodes all the delays are known."""
    total, known = np.zeros(len(fleet)), np.ones(len(fleet), dtype=np.bool_)
    traffic = 0.0
    for partner, share in partners:
        row = delays.row(partner, fleet.names)
        known &= row != UNKNOWN
        total += share * row
        traffic += share
    return (total / traffic if traffic else total), known


def shares(policy: Placement) -> tuple[float, float]:
    """How many of 100 points are for the load, and how many for the delay."""
    weights = policy.weights
    return 100.0 * policy.load_weight / weights, 100.0 * policy.delay_weight / weights


def missed(policy: Placement, further: Mapping[str, Any]) -> Any:
    """How many of 100 points further scores, of a node or of all of them, leave away."""
    return sum((weight / policy.weights) * (100 - further[name]) for name, weight in policy.scores.items())


def micro_score(
    used: int,
    capacity: int,
    delay_ns: float | None,
    longest_ns: int,
    policy: Placement,
    further: Mapping[str, float] = _NONE,
) -> int:
    """The score in millionths of a node of which so much would be used."""
    load_share, delay_share = shares(policy)
    score = 100.0 - load_share * (used / capacity)
    if delay_ns and longest_ns:
        score -= delay_share * (min(delay_ns, longest_ns) / longest_ns)
    if further:
        score -= missed(policy, further)
    return int(score * MICRO + 0.5)


def score(
    fleet: Fleet,
    number: int,
    job: JobRequest,
    partners: Partners,
    delays: Delays,
    policy: Placement,
    further: Mapping[str, float] = _NONE,
) -> Score:
    """The score of a node that can take the job, with its further scores."""
    used, capacity = fleet.used[number] + job.weight, fleet.capacity[number]
    counts = policy.delay_weight > 0
    delay_ns = mean_delay_ns(partners, fleet.names[number], delays) if counts else None
    longest_ns = delays.longest_ns
    delay = 100 * max(0.0, 1 - delay_ns / longest_ns) if delay_ns and longest_ns else 100.0
    return Score(
        total=micro_score(used, capacity, delay_ns, longest_ns, policy, further) / MICRO,
        load=round(100 * (1 - used / capacity), _DECIMALS),
        delay=round(delay, _DECIMALS),
        delay_ns=delay_ns,
        further=further,
    )


def micro_scores(
    fleet: Fleet,
    job: JobRequest,
    delays_ns: Floats,
    longest_ns: int,
    policy: Placement,
    further: Mapping[str, Floats],
) -> NDArray[np.int64]:
    """The scores of all nodes at once, whether they can take the job or not, by the same arithmetic."""
    load_share, delay_share = shares(policy)
    score = 100.0 - load_share * ((view(fleet.used) + job.weight) / np.maximum(view(fleet.capacity), 1))
    if longest_ns:
        score -= delay_share * (np.minimum(delays_ns, longest_ns) / longest_ns)
    if further:
        score -= missed(policy, further)
    return np.floor(score * MICRO + 0.5).astype(np.int64)


def explain(score: Score, policy: Placement) -> str:
    """A score with what it is made of, for people."""
    parts = [f"load {score.load:.1f} x {policy.load_weight:g}"]
    if policy.delay_weight == 0:
        parts.append("delay not counted")
    else:
        far = "no partners" if score.delay_ns is None else f"{milliseconds(score.delay_ns)} away"
        parts.append(f"delay {score.delay:.1f} x {policy.delay_weight:g}: {far}")
    parts += [f"{name} {found:.1f} x {policy.scores[name]:g}" for name, found in score.further.items()]
    return f"{score.total:.1f} ({', '.join(parts)})"
