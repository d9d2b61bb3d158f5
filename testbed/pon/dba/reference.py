"""The ideal of G.9807.1 C.7: how T-CONTs share a PON when demand is known at once and rates are exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from testbed.model.pon import Eligibility
from testbed.pon.tcont import TCont, check_distinct, check_tcont
from testbed.units import RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What the ideal gives a T-CONT: `assigned_bps` is held for it, `carried_bps` it has traffic for."""

    assigned_bps: Fraction
    carried_bps: Fraction


def shares(capacity_bps: int, tconts: Sequence[TCont], offered_bps: Mapping[int, int]) -> dict[int, Share]:
    """Assigned bandwidth of each T-CONT, by Alloc-ID, for a load by Alloc-ID (absent means none).

    1. Guaranteed: min(fixed + assured, max(fixed, load)), so that fixed is held with no load at all.
    2. What is left goes to the non-assured, in proportion to fixed + assured (a T-CONT where that is 0
       is refused by `check_tcont`), nobody above min(maximum, load); what one cannot take, the others do.
    3. What is then left goes to best effort: lower priority first, inside a priority by weight.

    Raises:
        ValueError: A T-CONT's parameters do not make sense, or the guarantees exceed the capacity.
    """
    check_distinct(tconts)
    for tcont in tconts:
        check_tcont(tcont)
    promised_bps = sum(tcont.guaranteed_bps for tcont in tconts)
    if promised_bps > capacity_bps:
        raise ValueError(
            f"fixed and assured rates add up to {RATE.format(promised_bps)}; "
            f"at most {RATE.format(capacity_bps)} fit"
        )
    loads = {tcont.alloc_id: offered_bps.get(tcont.alloc_id, 0) for tcont in tconts}
    assigned = {
        tcont.alloc_id: Fraction(min(tcont.guaranteed_bps, max(tcont.fixed_bps, loads[tcont.alloc_id])))
        for tcont in tconts
    }
    for tier, weights in _tiers(tconts):
        left_bps = capacity_bps - sum(assigned.values(), Fraction(0))
        headroom = [
            max(min(tcont.maximum_bps, loads[tcont.alloc_id]) - assigned[tcont.alloc_id], Fraction(0))
            for tcont in tier
        ]
        for tcont, more_bps in zip(tier, water_fill(left_bps, headroom, weights), strict=True):
            assigned[tcont.alloc_id] += more_bps
    return {
        alloc_id: Share(assigned_bps=rate_bps, carried_bps=min(rate_bps, Fraction(loads[alloc_id])))
        for alloc_id, rate_bps in assigned.items()
    }


def water_fill(amount: Fraction, limits: Sequence[Fraction], weights: Sequence[int]) -> list[Fraction]:
    """Divide by weight, nobody above its limit, and what somebody cannot take among the others."""
    filled = [Fraction(0)] * len(limits)
    open_to = [index for index, limit in enumerate(limits) if limit > 0]
    left = amount
    while open_to and left > 0:
        weight = sum(weights[index] for index in open_to)
        full = [index for index in open_to if limits[index] * weight <= left * weights[index]]
        if not full:
            for index in open_to:
                filled[index] = left * weights[index] / weight
            break
        for index in full:
            filled[index] = limits[index]
        left -= sum((limits[index] for index in full), Fraction(0))
        open_to = [index for index in open_to if index not in full]
    return filled


def _tiers(tconts: Sequence[TCont]) -> list[tuple[list[TCont], list[int]]]:
    """Those who share what is left, with their weights: the non-assured, then each best effort priority."""
    surplus = [tcont for tcont in tconts if tcont.eligibility is Eligibility.NON_ASSURED]
    tiers = [(surplus, [tcont.guaranteed_bps for tcont in surplus])]
    best_effort = [tcont for tcont in tconts if tcont.eligibility is Eligibility.BEST_EFFORT]
    for priority in sorted({tcont.priority for tcont in best_effort}):
        equals = [tcont for tcont in best_effort if tcont.priority == priority]
        tiers.append((equals, [tcont.weight for tcont in equals]))
    return tiers
