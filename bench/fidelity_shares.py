"""Mixes of T-CONTs for `fidelity.py`: every type, overload and underload, priorities, weights up to 150 to 1.

Each mix names T-CONTs of ONUs with their rates and what is offered to them; what each gets is expected
from the reference model, at the capacity that the engine has for all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from testbed.model.base import UPSTREAM
from testbed.model.pon import Pon
from testbed.pon import PonStandard, engine_capacity_bps, shares
from testbed.pon.provision import alloc_id_of, tconts_of
from topologies import elastic_access

FRAME_BYTES = 1518
MBIT_BPS = 10**6
SETTLE_NS, FRAMES = 40_000_000, 800


@dataclass(frozen=True)
class Share:
    """What one T-CONT is expected to carry, and how to read what it did."""

    alloc_id: int
    expected_bps: float

    def rate_bps(self, measured: dict[str, Any]) -> float:
        """What it was measured to send, with the headers of all fragments, as the PON counts rates."""
        sent_bytes: int = measured["used_bytes"][str(self.alloc_id)]
        return sent_bytes * 8 * 10**9 / measured["for_ns"]


@dataclass(frozen=True)
class Member:
    """A T-CONT of the ONU of its number: rates in Mbit/s, and the load offered to it."""

    offered: int
    fixed: int = 0
    assured: int = 0
    maximum: int | None = None
    eligibility: str = "none"
    priority: int = 1
    weight: int = 1
    reporting: str = "status_reporting"


def best_effort(offered: int, maximum: int = 10_000, **others: Any) -> Member:
    """A T-CONT of type 4."""
    return Member(offered, maximum=maximum, eligibility="best_effort", **others)


def non_assured(offered: int, assured: int, maximum: int = 10_000) -> Member:
    """A T-CONT of type 3."""
    return Member(offered, assured=assured, maximum=maximum, eligibility="non_assured")


# XG-PON carries 2.3 Gbit/s upstream: few packets, so that two dozen mixes take a minute.
MIXES: dict[str, tuple[Member, ...]] = {
    "type 1 alone, overloaded": (Member(600, fixed=300),),
    "type 1 beside best effort": (Member(300, fixed=300), best_effort(3000)),
    "type 1 idle, its rate is reserved": (Member(0, fixed=500), best_effort(3000)),
    "type 2 overloaded": (Member(900, assured=500), Member(900, assured=300)),
    "type 2 beside best effort": (Member(900, assured=500), best_effort(3000)),
    "type 2 half used, the rest is for others": (Member(250, assured=500), best_effort(3000)),
    "type 3, surplus by guarantee": (non_assured(3000, 200), non_assured(3000, 400)),
    "type 3, headroom met": (non_assured(3000, 400, 700), non_assured(3000, 200)),
    "type 3 before type 4": (non_assured(1500, 100, 1200), best_effort(3000)),
    "type 4, equal weights": (best_effort(3000), best_effort(3000), best_effort(3000)),
    "type 4, weights 1 and 3": (best_effort(3000), best_effort(3000, weight=3)),
    "type 4, weights 1 and 150": (best_effort(3000), best_effort(3000, weight=150)),
    "type 4, weights 1, 10, 150": (
        best_effort(3000),
        best_effort(3000, weight=10),
        best_effort(3000, weight=150),
    ),
    "type 4, strict priority": (best_effort(1500), best_effort(3000, priority=2)),
    "type 4, three priorities, the last starved": (
        best_effort(1300),
        best_effort(1500, priority=2),
        best_effort(3000, priority=3),
    ),
    "type 4, priority then weight": (
        best_effort(800),
        best_effort(3000, priority=2),
        best_effort(3000, priority=2, weight=4),
    ),
    "type 4, maximum met": (best_effort(3000, 400), best_effort(3000)),
    "type 4, one asks for less than its share": (best_effort(300), best_effort(3000), best_effort(3000)),
    "type 5 of everything": (
        Member(3000, fixed=100, assured=200, maximum=900, eligibility="best_effort"),
        best_effort(3000),
    ),
    "type 5 non-assured": (
        Member(3000, fixed=200, assured=100, maximum=2000, eligibility="non_assured"),
        non_assured(3000, 150),
    ),
    "all types, overload": (
        Member(300, fixed=200),
        Member(400, assured=300),
        non_assured(900, 200, 600),
        best_effort(900, 2000),
        Member(900, fixed=50, assured=100, maximum=500, eligibility="best_effort", weight=2),
    ),
    "all types, underload": (
        Member(100, fixed=200),
        Member(200, assured=300),
        non_assured(300, 200, 600),
        best_effort(400),
        Member(300, fixed=50, assured=100, maximum=500, eligibility="best_effort"),
    ),
    "traffic monitoring, overload": (
        best_effort(3000, reporting="traffic_monitoring"),
        best_effort(3000, reporting="traffic_monitoring"),
    ),
    "traffic monitoring beside status reports": (
        Member(900, assured=500, reporting="traffic_monitoring"),
        best_effort(3000),
    ),
}


def share_cases() -> Iterator[tuple[str, dict[str, Any], dict[str, Share]]]:
    """Each mix: its name, what to run, and the share of every T-CONT by its number."""
    for name, members in MIXES.items():
        yield name, *share_case(PonStandard.XG_PON, members)


def share_case(standard: PonStandard, members: tuple[Member, ...]) -> tuple[dict[str, Any], dict[str, Share]]:
    """What to run for a mix, and what is expected of it."""
    pon_fields = {"tconts": {f"t{n}": _fields(n, member) for n, member in enumerate(members, start=1)}}
    run = {
        "measure": "throughput",
        "standard": standard,
        "onus": len(members),
        "fibre_m": 10_000,
        "pon": pon_fields,
        "settle_ns": SETTLE_NS,
        "frames": FRAMES,
        "loads": [
            {
                "home": f"home{n}",
                "direction": UPSTREAM,
                "frame_bytes": FRAME_BYTES,
                "rate_bps": member.offered * MBIT_BPS,
                "tcont": f"t{n}",
            }
            for n, member in enumerate(members, start=1)
            if member.offered
        ],
    }
    return run, _expected(standard, members, Pon.model_validate(pon_fields))


def _fields(number: int, member: Member) -> dict[str, Any]:
    fields = {
        "onus": [f"onu{number}"],
        "fixed_bps": member.fixed * MBIT_BPS,
        "assured_bps": member.assured * MBIT_BPS,
        "eligibility": member.eligibility,
        "priority": member.priority,
        "weight": member.weight,
        "reporting": member.reporting,
        "queue_bytes": 2_000_000,
    }
    if member.maximum is not None:
        fields["maximum_bps"] = member.maximum * MBIT_BPS
    return fields


def _expected(standard: PonStandard, members: tuple[Member, ...], pon: Pon) -> dict[str, Share]:
    from fidelity_line import access_of

    parameters = elastic_access.Parameters.model_validate({"pon": standard, "onus": len(members)})
    network = elastic_access.network(parameters)
    tconts = tuple(tconts_of(network, access_of(1), pon))
    alloc_ids = {n: alloc_id_of(pon, f"t{n}", n) for n in range(1, len(members) + 1)}
    offered_bps = {tcont.alloc_id: 0 for tcont in tconts}
    offered_bps |= {alloc_ids[n]: member.offered * MBIT_BPS for n, member in enumerate(members, start=1)}
    by_id = shares(engine_capacity_bps(standard, tconts), tconts, offered_bps)
    return {
        f"T-CONT {n}": Share(alloc_id, float(by_id[alloc_id].carried_bps))
        for n, alloc_id in alloc_ids.items()
        if by_id[alloc_id].carried_bps
    }
