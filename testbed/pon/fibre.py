"""Fibre: how long light takes, how far a standard reaches, and among how many it is split."""

from collections.abc import Iterable
from dataclasses import dataclass

from testbed.pon.standard import PonStandard
from testbed.units import LENGTH

PROPAGATION_NS_PER_KM = 4900
"""Group index 1.468 (G.652 fibre at 1310 to 1550 nm) gives 4.897 µs/km; planning tables use 4.9."""


def propagation_ns(length_m: int) -> int:
    """One-way delay of a fibre, to the nearest nanosecond: 49 µs for 10 km."""
    if length_m < 0:
        raise ValueError(f"a fibre of {length_m} m: a length is at least 0 m")
    return (length_m * PROPAGATION_NS_PER_KM + 500) // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLimits:
    """How large a tree may be: its longest fibre, the spread between its ONUs, and its split."""

    reach_m: int
    differential_m: int
    split: int
    source: str


_ITU_REACH_M = 60_000
_ITU_DIFFERENTIAL_M = 40_000
_ITU_SPLIT = 128


def _itu(source: str) -> TreeLimits:
    return TreeLimits(
        reach_m=_ITU_REACH_M, differential_m=_ITU_DIFFERENTIAL_M, split=_ITU_SPLIT, source=source
    )


_XG = _itu("ITU-T G.987.1, G.987.2")
_XGS = _itu("ITU-T G.9807.1")
_50G = _itu("ITU-T G.9804.1, G.9804.3")
_EPON = TreeLimits(
    reach_m=20_000,
    differential_m=20_000,
    split=64,
    source="IEEE Std 802.3 clause 75, power class PR40 (802.3bk)",
)

_LIMITS: dict[PonStandard, TreeLimits] = {
    PonStandard.XG_PON: _XG,
    PonStandard.XGS_PON: _XGS,
    PonStandard.EPON_10G: _EPON,
    PonStandard.PON_50G: _50G,
    PonStandard.PON_50G_25G: _50G,
    PonStandard.PON_50G_12G5: _50G,
}


def limits(standard: PonStandard) -> TreeLimits:
    """The largest tree of a standard."""
    return _LIMITS[standard]


def check_distances(standard: PonStandard, lengths_m: Iterable[int]) -> None:
    """Make sure that ONUs at these fibre lengths from the OLT can be ranged together.

    Raises:
        ValueError: One is too far, or too far from the nearest one; the message says what would fit.
    """
    lengths = sorted(lengths_m)
    if not lengths:
        return
    most = limits(standard)
    nearest_m, farthest_m = lengths[0], lengths[-1]
    if farthest_m > most.reach_m:
        raise ValueError(
            f"a fibre of {LENGTH.format(farthest_m)} is beyond the reach of {standard}; "
            f"at most {LENGTH.format(most.reach_m)} ({most.source})"
        )
    if farthest_m - nearest_m > most.differential_m:
        raise ValueError(
            f"ONUs at {LENGTH.format(nearest_m)} and {LENGTH.format(farthest_m)} differ by more "
            f"than {standard} can range; with the nearest where it is, the farthest may be at "
            f"{LENGTH.format(nearest_m + most.differential_m)} ({most.source})"
        )


def check_split(standard: PonStandard, split: int, onus: int) -> None:
    """Make sure that a splitter 1:`split` exists for this standard and has a port for each ONU.

    Raises:
        ValueError: Not a power of two, too large, or too small for the ONUs; the message says what would fit.
    """
    most = limits(standard).split
    if onus > most:
        raise ValueError(
            f"{onus} ONUs are more than one {standard} serves; at most {most} ({limits(standard).source})"
        )
    enough = 1 << max(onus - 1, 1).bit_length()
    if split > most:
        raise ValueError(
            f"a split of 1:{split} is beyond {standard}; at most 1:{most} ({limits(standard).source})"
        )
    if split < 2 or split & (split - 1):
        raise ValueError(
            f"a split of 1:{split} is not a power of two from 2 up; 1:{enough} serves {onus} ONUs"
        )
    if split < onus:
        raise ValueError(f"a split of 1:{split} has no port for {onus} ONUs; 1:{enough} has")
