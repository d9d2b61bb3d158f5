"""Passive optical networks as arithmetic: rates, overheads and distances, each with its standard cited.

Deliberately not here: T-CONTs, dynamic bandwidth assignment and the timing of bursts. What they need of
this package is `capacity_bps`; who asks for a rate need not know how it came about.
"""

from testbed.pon.capacity import capacity_bps, goodput_bps, per_frame_overhead_bytes
from testbed.pon.fibre import Limits, check_distances, check_split, limits, propagation_ns
from testbed.pon.standard import Fec, Line, PonStandard, line

__all__ = [
    "Fec",
    "Limits",
    "Line",
    "PonStandard",
    "capacity_bps",
    "check_distances",
    "check_split",
    "goodput_bps",
    "limits",
    "line",
    "per_frame_overhead_bytes",
    "propagation_ns",
]
