"""Requests to sch_pon and what it answers, and the queues that may stand below its classes.

Layouts are those of `sch_pon.c` (beside the kernel patches) and of include/uapi/linux/pkt_sched.h.
Nothing here touches a socket.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from testbed.model.pon import Aqm
from testbed.net.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_DELTCLASS,
    RTM_NEWQDISC,
    RTM_NEWTCLASS,
    TC_H_ROOT,
    Request,
    attribute,
    attributes_of,
    byte_fifo,
    kind_attribute,
    tcmsg,
)
from testbed.pon.dba.grant_map import Allocation, GrantMap
from testbed.pon.framing import Framing

RTM_GETQDISC = 38
NLM_F_ECHO = 0x8
"""Without it the answer to a question about a qdisc goes to those who listen to changes, not to who asked."""
_NEW = NLM_F_CREATE | NLM_F_EXCL
_TCA_OPTIONS, _TCA_STATS2, _TCA_STATS_APP = 2, 7, 4
_PON_LINE, _PON_MAP = 1, 2
_LINE = struct.Struct("=Q10I")
_MAP = struct.Struct("=QII")
_ALLOCATION = struct.Struct("=6I")
_STATUS = struct.Struct("=QII")
_REPORT = struct.Struct("=HHIII")
_FRAGMENTS, _HAS_REPORT = 1, 1

_PACKETS_MOST = 1_000_000
"""So many that a queue is bounded by its bytes."""
_L4S_THRESHOLD_US = 1_000
"""Above this wait packets of scalable senders are marked: RFC 9332 has 1 ms for its L queue."""
_ECT_1 = 1
_ECN_MASK = 3


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


def queue(ifindex: int, handle: int, parent: int, limit_bytes: int, aqm: Aqm) -> Request:
    """A queue of at most `limit_bytes` that drops or marks as its active queue management has it."""
    if aqm is Aqm.FIFO:
        return byte_fifo(ifindex, handle, parent, limit_bytes)
    kind, options = _managed(limit_bytes, aqm)
    payload = tcmsg(ifindex, handle, parent) + kind_attribute(kind)
    payload += attribute(_TCA_OPTIONS, b"".join(options))
    return Request(RTM_NEWQDISC, _NEW, payload, f"add a {aqm} queue to interface {ifindex}")


def _managed(limit_bytes: int, aqm: Aqm) -> tuple[str, Iterable[bytes]]:
    if aqm is Aqm.CAKE:
        # Rate 0: the line's grants are the shaper. The memory limit counts the buffers of packets too.
        base_rate, memory = attribute(2, struct.pack("=Q", 0)), attribute(10, struct.pack("=I", limit_bytes))
        return "cake", (base_rate, memory)
    limit = attribute(2, struct.pack("=I", _PACKETS_MOST))
    memory = attribute(9, struct.pack("=I", limit_bytes))
    if aqm is Aqm.FQ_CODEL:
        return "fq_codel", (limit, memory)
    threshold = attribute(7, struct.pack("=I", _L4S_THRESHOLD_US))
    selector = attribute(10, struct.pack("=B", _ECT_1)) + attribute(11, struct.pack("=B", _ECN_MASK))
    return "fq_codel", (limit, memory, threshold, selector)
