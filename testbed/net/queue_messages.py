"""The queues that hold what waits in a class: requests for each kind of AQM, and the counters that come back.

Layouts are those of include/uapi/linux/pkt_sched.h and gen_stats.h. Nothing here touches a socket.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from testbed.model.pon import Aqm
from testbed.net.messages import (
    NLM_F_CREATE,
    NLM_F_ECHO,
    NLM_F_EXCL,
    RTM_GETQDISC,
    RTM_NEWQDISC,
    Request,
    attribute,
    attributes_of,
    byte_fifo,
    kind_attribute,
    tcmsg,
)

_NEW = NLM_F_CREATE | NLM_F_EXCL
_NESTED = 0x8000
_TCA_KIND, _TCA_OPTIONS, _TCA_STATS2 = 1, 2, 7
_STATS_QUEUE, _STATS_APP = 3, 4

_PACKETS_MOST = 1_000_000
"""So many that a queue is bounded by its bytes."""
_L4S_THRESHOLD_US = 1_000
"""Packets of scalable senders that have waited longer are marked: RFC 9332 has 1 ms for its L queue."""
_ECT_1 = 1
_ECN_MASK = 3

_FQ_CODEL_LIMIT, _FQ_CODEL_CE_THRESHOLD, _FQ_CODEL_MEMORY = 2, 7, 9
_FQ_CODEL_CE_SELECTOR, _FQ_CODEL_CE_MASK = 10, 11
_CAKE_BASE_RATE, _CAKE_MEMORY = 2, 10
_CAKE_TINS, _CAKE_TIN_MARKED = 10, 8
_DUALPI2_LIMIT, _DUALPI2_MEMORY, _DUALPI2_STEP_US, _DUALPI2_ECN_MASK = 1, 2, 8, 14
_DUALPI2_L4S_ECT = 1
_FQ_CODEL_XSTATS = struct.Struct("=10I")
_DUALPI2_XSTATS = struct.Struct("=8I")


@dataclass(frozen=True, slots=True)
class QueueCounters:
    """What a queue did to packets since it was made; `kind` is the kernel's name of its discipline.

    `marks` counts how often its AQM set CE: twice for a packet that the two rules of fq_codel mark, and for
    one that came with CE as well. `dropped_packets` counts those lost for want of room and those that the
    AQM dropped. The counter of an HTB class lacks the latter, because its queue had accepted them.
    """

    kind: str
    marks: int
    dropped_packets: int


def queue(ifindex: int, handle: int, parent: int, limit_bytes: int, aqm: Aqm) -> Request:
    """A queue of at most `limit_bytes` that drops or marks as its active queue management has it.

    For `l4s` that is dualpi2, and on a kernel without it (before Linux 6.17) fq_codel with a threshold.
    """
    if aqm is Aqm.FIFO:
        return byte_fifo(ifindex, handle, parent, limit_bytes)

    def request(kind: str, options: Iterable[bytes], otherwise: Request | None = None) -> Request:
        payload = tcmsg(ifindex, handle, parent) + kind_attribute(kind)
        payload += attribute(_TCA_OPTIONS | _NESTED, b"".join(options))
        what = f"add a {aqm} queue ({kind}) to interface {ifindex}"
        return Request(RTM_NEWQDISC, _NEW, payload, what, otherwise)

    if aqm is Aqm.CAKE:
        return request("cake", _cake(limit_bytes))
    if aqm is Aqm.FQ_CODEL:
        return request("fq_codel", _fq_codel(limit_bytes))
    threshold = request("fq_codel", (*_fq_codel(limit_bytes), *_threshold()))
    return request("dualpi2", _dualpi2(limit_bytes), threshold)


def _cake(limit_bytes: int) -> tuple[bytes, ...]:
    # Rate 0: the line's grants, or the class above, are the shaper.
    return attribute(_CAKE_BASE_RATE, struct.pack("=Q", 0)), _u32(_CAKE_MEMORY, limit_bytes)


def _fq_codel(limit_bytes: int) -> tuple[bytes, ...]:
    return _u32(_FQ_CODEL_LIMIT, _PACKETS_MOST), _u32(_FQ_CODEL_MEMORY, limit_bytes)


def _threshold() -> tuple[bytes, ...]:
    """Mark packets of ECT(1), and no others, that have waited longer than the threshold."""
    return (
        _u32(_FQ_CODEL_CE_THRESHOLD, _L4S_THRESHOLD_US),
        attribute(_FQ_CODEL_CE_SELECTOR, struct.pack("=B", _ECT_1)),
        attribute(_FQ_CODEL_CE_MASK, struct.pack("=B", _ECN_MASK)),
    )


def _dualpi2(limit_bytes: int) -> tuple[bytes, ...]:
    """RFC 9332 with its defaults; those that the documentation names are asked for all the same."""
    return (
        _u32(_DUALPI2_LIMIT, _PACKETS_MOST),
        _u32(_DUALPI2_MEMORY, limit_bytes),
        _u32(_DUALPI2_STEP_US, _L4S_THRESHOLD_US),
        attribute(_DUALPI2_ECN_MASK, struct.pack("=B", _DUALPI2_L4S_ECT)),
    )


def _u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def queue_query(ifindex: int, handle: int) -> Request:
    """Ask for the counters of a queue."""
    payload = tcmsg(ifindex, handle, 0)
    return Request(
        RTM_GETQDISC,
        NLM_F_ECHO,
        payload,
        f"tell the counters of queue {handle >> 16:x}: of interface {ifindex}",
    )


def queue_counters(message: bytes) -> QueueCounters:
    """Read the answer to `queue_query` (without its netlink header)."""
    attributes = dict(attributes_of(message[20:]))
    kind = attributes[_TCA_KIND].rstrip(b"\0").decode()
    stats = dict(attributes_of(attributes[_TCA_STATS2]))
    (dropped,) = struct.unpack_from("=8xI", stats[_STATS_QUEUE])
    return QueueCounters(kind, _marks(kind, stats.get(_STATS_APP, b"")), dropped)


def _marks(kind: str, own: bytes) -> int:
    """How often CE was set, from a discipline's own counters (TCA_STATS_APP)."""
    if kind == "fq_codel":
        # type, maxpacket, drop_overlimit, ecn_mark, …, ce_mark: instead of a drop, and above the threshold.
        fields = _FQ_CODEL_XSTATS.unpack_from(own)
        return int(fields[3] + fields[7])
    if kind == "cake":
        tins = attributes_of(dict(attributes_of(own))[_CAKE_TINS])
        return sum(_read_u32(dict(attributes_of(tin))[_CAKE_TIN_MARKED]) for _, tin in tins)
    if kind == "dualpi2":
        # prob, delay_c, delay_l, packets_in_c, packets_in_l, maxq, ecn_mark, step_marks
        fields = _DUALPI2_XSTATS.unpack_from(own)
        return int(fields[6] + fields[7])
    return 0


def _read_u32(value: bytes) -> int:
    (number,) = struct.unpack("=I", value)
    return int(number)
