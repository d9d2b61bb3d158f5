"""Requests to sch_fabric, the ports of a fabric, and the counters that come back.

Layouts are those of `sch_fabric.c`, beside the kernel patches. Nothing here touches a socket.
"""

import struct
from array import array
from functools import lru_cache
from typing import NamedTuple

from testbed.net.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_GETQDISC,
    RTM_NEWQDISC,
    TC_H_ROOT,
    Request,
    attribute,
    attributes_of,
    kind_attribute,
    tcmsg,
)
from testbed.plan.network_plan import FabricPort
from testbed.units import RATE

_NEW = NLM_F_CREATE | NLM_F_EXCL
_TCA_OPTIONS, _TCA_STATS2 = 2, 7
_TCA_STATS_QUEUE, _TCA_STATS_APP = 3, 4
_RATE, _LIMIT, _OVERHEAD, _FLAGS, _FIRST, _TABLE = range(1, 7)
_CUT_THROUGH = 1
_NLA_F_NESTED = 0x8000
_TCMSG_BYTES = 20
_QUEUE = struct.Struct("=5I")
_APP = struct.Struct("=QQ")


class FabricCounters(NamedTuple):
    """What a port holds, waiting or on its way, and has dropped: to nobody it knows, or for want of room."""

    held_packets: int
    held_bytes: int
    strangers: int
    overflows: int


def fabric(ifindex: int, handle: int, parent: int, port: FabricPort, *, change: bool = False) -> Request:
    """Make an interface a port of a fabric, or with `change` give it new values, which keeps its packets."""
    options = attribute(_RATE, struct.pack("=Q", port.rate_bps))
    options += attribute(_LIMIT, struct.pack("=I", port.queue_bytes))
    options += attribute(_OVERHEAD, struct.pack("=I", port.overhead_bytes))
    options += attribute(_FLAGS, struct.pack("=I", _CUT_THROUGH if port.cut_through else 0))
    if port.delays_ns:
        options += attribute(_FIRST, struct.pack("=I", port.first_number)) + _table(port.delays_ns)
    payload = tcmsg(ifindex, handle, parent) + kind_attribute("fabric")
    payload += attribute(_TCA_OPTIONS | _NLA_F_NESTED, options)
    verb = "change" if change else "add"
    what = f"{verb} fabric port of {RATE.format(port.rate_bps)} at interface {ifindex}"
    return Request(RTM_NEWQDISC, 0 if change else _NEW, payload, what)


@lru_cache(maxsize=16)
def _table(delays_ns: tuple[int, ...]) -> bytes:
    """Distances as an attribute; a node's are the same on all its planes."""
    return attribute(_TABLE, array("I", delays_ns).tobytes())


def port_dump() -> Request:
    """Asks for the disciplines of every interface in a namespace."""
    return Request(RTM_GETQDISC, 0, tcmsg(0, 0, 0), "tell the counters of ports")


def port_counters(message: bytes, ifindex: int) -> FabricCounters | None:
    """The counters of an interface's port out of an answer to `port_dump`; None if it is of another."""
    if struct.unpack_from("=i", message, 4)[0] != ifindex:
        return None
    if struct.unpack_from("=I", message, 12)[0] != TC_H_ROOT:
        return None
    attributes = dict(attributes_of(message[_TCMSG_BYTES:]))
    statistics = dict(attributes_of(attributes[_TCA_STATS2]))
    if _TCA_STATS_APP not in statistics:
        return None
    held_packets, held_bytes, *_ = _QUEUE.unpack_from(statistics[_TCA_STATS_QUEUE])
    return FabricCounters(held_packets, held_bytes, *_APP.unpack_from(statistics[_TCA_STATS_APP]))
