"""Requests to sch_pon and what it answers.

Layouts are those of `sch_pon.c` (beside the kernel patches). Nothing here touches a socket.
"""

import struct
from typing import NamedTuple

from testbed.net.messages import (
    NLM_F_CREATE,
    NLM_F_ECHO,
    NLM_F_EXCL,
    RTM_DELTCLASS,
    RTM_GETQDISC,
    RTM_NEWQDISC,
    RTM_NEWTCLASS,
    TC_H_ROOT,
    Request,
    attribute,
    attributes_of,
    kind_attribute,
    tcmsg,
)
from testbed.pon.dba.grant_map import Allocation, GrantMap
from testbed.pon.framing import Framing

_NEW = NLM_F_CREATE | NLM_F_EXCL
_TCA_OPTIONS, _TCA_STATS2, _TCA_STATS_APP = 2, 7, 4
_PON_LINE, _PON_MAP = 1, 2
_LINE = struct.Struct("=Q10I")
_MAP = struct.Struct("=QII")
_ALLOCATION = struct.Struct("=6I")
_STATUS = struct.Struct("=QII")
_REPORT = struct.Struct("=HHIII")
_FRAGMENTS, _HAS_REPORT = 1, 1


class PonReport(NamedTuple):
    """What a class reported last: in which frame (modulo 2^32), how much waited, how much it has sent."""

    minor: int
    frame: int
    queued_bytes: int
    used_bytes: int


class PonStatus(NamedTuple):
    """The state of a PON's line: the frame at present, and what went amiss."""

    frame: int
    late_maps: int
    fragments: int
    reports: tuple[PonReport, ...]


def pon(ifindex: int, handle: int, framing: Framing, epoch_ns: int, default_minor: int) -> Request:
    """A PON's line in one direction, without classes; frame 0 began at `epoch_ns` of CLOCK_MONOTONIC."""
    line = _LINE.pack(
        epoch_ns,
        framing.frame_ns,
        framing.frame_bytes,
        framing.codeword_bytes,
        framing.data_bytes,
        framing.header_bytes,
        framing.unit_bytes,
        framing.sdu_extra_bytes,
        framing.minimum_payload_bytes,
        _FRAGMENTS if framing.fragmentable else 0,
        default_minor,
    )
    options = attribute(_TCA_OPTIONS, attribute(_PON_LINE, line))
    payload = tcmsg(ifindex, handle, TC_H_ROOT) + kind_attribute("pon") + options
    return Request(RTM_NEWQDISC, _NEW, payload, f"make interface {ifindex} a PON's line")


def pon_map(ifindex: int, handle: int, grants: GrantMap) -> Request:
    """What is granted from a frame on, until a later map."""
    allocations = [each for burst in grants.bursts for each in burst.allocations]
    data = _MAP.pack(grants.frame, len(allocations), 0) + b"".join(map(_allocation, allocations))
    options = attribute(_TCA_OPTIONS, attribute(_PON_MAP, data))
    payload = tcmsg(ifindex, handle, TC_H_ROOT) + kind_attribute("pon") + options
    return Request(
        RTM_NEWQDISC,
        0,
        payload,
        f"grant {len(allocations)} allocations on interface {ifindex} from frame {grants.frame} on",
    )


def _allocation(allocation: Allocation) -> bytes:
    return _ALLOCATION.pack(
        allocation.alloc_id,
        allocation.start_byte,
        allocation.skip_bytes,
        allocation.grant_bytes,
        allocation.end_byte,
        _HAS_REPORT if allocation.report else 0,
    )


def pon_class(ifindex: int, handle: int) -> Request:
    """A class of a PON; a queue is put below it by a request of its own."""
    parent = handle & 0xFFFF0000
    payload = tcmsg(ifindex, handle, parent) + kind_attribute("pon")
    return Request(
        RTM_NEWTCLASS, _NEW, payload, f"add T-CONT {handle & 0xFFFF:x} to the PON on interface {ifindex}"
    )


def delete_pon_class(ifindex: int, handle: int) -> Request:
    """Remove a class; packets still queued in it are lost, so empty it first."""
    what = f"remove T-CONT {handle & 0xFFFF:x} from the PON on interface {ifindex}"
    return Request(RTM_DELTCLASS, 0, tcmsg(ifindex, handle, 0), what)


def pon_query(ifindex: int, handle: int) -> Request:
    """Ask for the state of a PON's line and the newest reports of all its classes."""
    payload = tcmsg(ifindex, handle, 0)
    return Request(RTM_GETQDISC, NLM_F_ECHO, payload, f"ask the PON on interface {ifindex} for its reports")


def pon_status(message: bytes) -> PonStatus:
    """Read the answer to `pon_query` (without its netlink header)."""
    attributes = dict(attributes_of(message[20:]))
    data = dict(attributes_of(attributes[_TCA_STATS2]))[_TCA_STATS_APP]
    frame, late_maps, fragments = _STATUS.unpack_from(data)
    whole = _STATUS.size + (len(data) - _STATUS.size) // _REPORT.size * _REPORT.size
    reports = tuple(
        PonReport(minor, report_frame, queued_bytes, used_bytes)
        for minor, _, report_frame, queued_bytes, used_bytes in _REPORT.iter_unpack(
            data[_STATUS.size : whole]
        )
    )
    return PonStatus(frame, late_maps, fragments, reports)
