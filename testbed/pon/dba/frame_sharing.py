"""The rules of `reference`, on the whole bytes of one frame and with credits instead of rates.

Credits and shares are integers in units of which `Framing.credit_units` make a byte, so that nothing is
lost to rounding in the long run.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Claims(NamedTuple):
    """What T-CONTs ask of a frame, by place: `guaranteed` bytes at once, and at most `wanted` in all."""

    indices: list[int]
    guaranteed: list[int]
    wanted: list[int]


def share(
    capacity_bytes: int,
    claims: Claims,
    units: int,
    guaranteed_bps: Sequence[int],
    tiers: Sequence[tuple[frozenset[int], Sequence[int]]],
) -> tuple[list[int], list[int]]:
    """Guaranteed bytes and surplus units of each claim.

    `tiers` are the sets of T-CONTs that share a surplus, first the non-assured, each with the weights of
    all T-CONTs; `guaranteed_bps` weighs guarantees against each other when, by credit, they are more
    than the frame holds.
    """
    indices, guaranteed, wanted = claims
    if sum(wanted) <= capacity_bytes:
        more = [(most - least) * units for most, least in zip(wanted, guaranteed, strict=True)]
        return guaranteed, more
    if sum(guaranteed) > capacity_bytes:
        limits = [least * units for least in guaranteed]
        weights = [guaranteed_bps[index] for index in indices]
        filled = water_fill(capacity_bytes * units, limits, weights)
        return [amount // units for amount in filled], [0] * len(indices)
    surplus = [0] * len(indices)
    left = (capacity_bytes - sum(guaranteed)) * units
    for members, weight_of in tiers:
        places = [place for place, index in enumerate(indices) if index in members]
        limits = [(wanted[place] - guaranteed[place]) * units for place in places]
        filled = water_fill(left, limits, [weight_of[indices[place]] for place in places])
        for place, amount in zip(places, filled, strict=True):
            surplus[place] = amount
        left -= sum(filled)
        if left <= 0:
            break
    return guaranteed, surplus


def water_fill(amount: int, limits: Sequence[int], weights: Sequence[int]) -> list[int]:
    """Divide by weight, rounded down, nobody above its limit; what one cannot take, the others do."""
    filled = list(limits)
    if sum(filled) <= amount:
        return filled
    open_to = [place for place, limit in enumerate(limits) if limit > 0]
    left = amount
    while open_to:
        weight = sum([weights[place] for place in open_to])
        hungry = [place for place in open_to if limits[place] * weight > left * weights[place]]
        if len(hungry) == len(open_to):
            for place in open_to:
                filled[place] = left * weights[place] // weight
            break
        left -= sum([limits[place] for place in open_to]) - sum([limits[place] for place in hungry])
        open_to = hungry
    return filled
