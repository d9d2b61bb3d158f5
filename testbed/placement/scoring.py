"""Filter and score: which nodes can take a job, and how good each is, from 0 to 100.

Load score: the share of the node that stays free once the job is on it; reserved capacity is not free.
Delay score: 100 at no delay, 0 at the longest delay between any two stations known, in proportion
between; the delay is the mean over the job's partners, weighted by traffic. That scale depends neither
on the job nor on which nodes happen to have room. The score is the mean of the two by their weights.
"""

import hashlib
from dataclasses import dataclass

from testbed.model.scenario import Placement
from testbed.placement.delays import Delays
from testbed.placement.job import JobRequest
from testbed.placement.state import Node, Occupancy
from testbed.units import milliseconds

DECIMALS = 6
"""Scores are rounded to this, so that the order of additions cannot decide between equal nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good a node is for a job, from 0 to 100; `delay_ns` is the mean to its partners, if it counts."""

    total: float
    load: float
    delay: float
    delay_ns: float | None


def obstacle(
    node: Node, occupancy: Occupancy, job: JobRequest, delays: Delays, policy: Placement
) -> str | None:
    """Why a node cannot take a job; None if it can."""
    if not node.healthy:
        return "failed"
    free = node.capacity - occupancy.total
    if job.weight > free:
        return f"needs {job.weight}, {free} of {node.capacity} free"
    if policy.delay_weight > 0:
        unknown = [station for station in talking(job) if delays.get(node.name, station) is None]
        if unknown:
            return f"delay to {', '.join(unknown)} is unknown"
    return None


def score(node: Node, occupancy: Occupancy, job: JobRequest, delays: Delays, policy: Placement) -> Score:
    """The score of a node that has no obstacle."""
    load_score = 100 * (1 - (occupancy.total + job.weight) / node.capacity)
    delay_ns = _mean_delay_ns(node, job, delays) if policy.delay_weight > 0 else None
    longest_ns = delays.longest_ns
    delay_score = 100 * max(0.0, 1 - delay_ns / longest_ns) if delay_ns and longest_ns else 100.0
    weighted = policy.load_weight * load_score + policy.delay_weight * delay_score
    return Score(
        total=round(weighted / (policy.load_weight + policy.delay_weight), DECIMALS),
        load=round(load_score, DECIMALS),
        delay=round(delay_score, DECIMALS),
        delay_ns=delay_ns,
    )


def explain(score: Score, policy: Placement) -> str:
    """A score with what it is made of, for people."""
    load = f"load {score.load:.1f} x {policy.load_weight:g}"
    if policy.delay_weight == 0:
        return f"{score.total:.1f} ({load}, delay not counted)"
    far = "no partners" if score.delay_ns is None else f"{milliseconds(score.delay_ns)} away"
    return f"{score.total:.1f} ({load}, delay {score.delay:.1f} x {policy.delay_weight:g}: {far})"


def lot(seed: int, job: str, node: str) -> bytes:
    """What decides between equal nodes: no position in a list, and the same in every run with this seed."""
    return hashlib.sha256(f"{seed}\0{job}\0{node}".encode()).digest()


def talking(job: JobRequest) -> list[str]:
    """The partners with which the job has any traffic."""
    return [station for station, traffic in job.partners.items() if traffic > 0]


def _mean_delay_ns(node: Node, job: JobRequest, delays: Delays) -> float | None:
    """The mean delay to the job's partners by traffic, None if it has none."""
    known = [(job.partners[station], delays.get(node.name, station)) for station in talking(job)]
    traffic = sum(weight for weight, _ in known)
    if not traffic:
        return None
    return sum(weight * delay_ns for weight, delay_ns in known if delay_ns is not None) / traffic
