"""Passive optical networks as arithmetic: rates, frames, distances, and who may send when.

Each number has its standard cited. `capacity`, `framing`, `fibre` and `timing` say what a PON carries and how
long that takes; `dba` decides the bandwidth map of each upstream frame from reports. Deliberately not here:
carrying a map out, byte by byte on real packets, which is the kernel's; and when to decide, which is the
caller's, who has a clock.
"""

from testbed.model.pon import Eligibility, Reporting
from testbed.pon.capacity import capacity_bps, goodput_bps, per_frame_overhead_bytes
from testbed.pon.dba.arrangement import check_tconts, engine_capacity_bps, sure_capacity_bps
from testbed.pon.dba.assign import decide
from testbed.pon.dba.dba_state import DbaState, announce, start, with_tcont, without_tcont
from testbed.pon.dba.grant_map import Allocation, Burst, GrantMap, QueueReport
from testbed.pon.dba.quiet import QuietWindow
from testbed.pon.dba.reference import Share, shares
from testbed.pon.fibre import TreeLimits, check_distances, check_split, limits, propagation_ns
from testbed.pon.framing import (
    Framing,
    Payload,
    carried_bytes,
    downstream_payload,
    encapsulated_bytes,
    framing,
    line_bytes,
    whole_grant,
)
from testbed.pon.standard import Fec, Line, PonStandard, line
from testbed.pon.tcont import TCont, check_tcont
from testbed.pon.timing import (
    equalisation_delay_ns,
    idle_delay_ns,
    lead_frames,
    pipeline_frames,
    quiet_window_ns,
    status_report_floor_ns,
    status_report_mean_ns,
    upstream_offset_ns,
)

__all__ = [
    "Allocation",
    "Burst",
    "DbaState",
    "Eligibility",
    "Fec",
    "Framing",
    "GrantMap",
    "Line",
    "Payload",
    "PonStandard",
    "QueueReport",
    "QuietWindow",
    "Reporting",
    "Share",
    "TCont",
    "TreeLimits",
    "announce",
    "capacity_bps",
    "carried_bytes",
    "check_distances",
    "check_split",
    "check_tcont",
    "check_tconts",
    "decide",
    "downstream_payload",
    "encapsulated_bytes",
    "engine_capacity_bps",
    "equalisation_delay_ns",
    "framing",
    "goodput_bps",
    "idle_delay_ns",
    "lead_frames",
    "limits",
    "line",
    "line_bytes",
    "per_frame_overhead_bytes",
    "pipeline_frames",
    "propagation_ns",
    "quiet_window_ns",
    "shares",
    "start",
    "status_report_floor_ns",
    "status_report_mean_ns",
    "sure_capacity_bps",
    "upstream_offset_ns",
    "whole_grant",
    "with_tcont",
    "without_tcont",
]
