"""Traffic-control requests as bytes: HTB, netem, byte FIFOs and u32 filters, and the counters that come back.

Written here, and not taken from a library, for three reasons: delays keep their nanoseconds
(TCA_NETEM_LATENCY64), rates above 34 Gbit/s keep their value (TCA_HTB_RATE64), and any number of
requests can go out in one system call. Layouts are those of include/uapi/linux/pkt_sched.h,
pkt_cls.h and rtnetlink.h. Nothing here touches a socket.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Network

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42
RTM_NEWTFILTER, RTM_DELTFILTER = 44, 45
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_EXCL, NLM_F_CREATE = 0x200, 0x400
NLM_F_ECHO = 0x8
"""Without it the answer to a question about a qdisc goes to those who listen to changes, not to who asked."""
TC_H_ROOT = 0xFFFFFFFF
CLSACT_EGRESS = 0xFFFFFFF3
_CLSACT, _CLSACT_HANDLE = 0xFFFFFFF1, 0xFFFF0000
ETH_P_IP = 0x0800
IPPROTO_TCP, IPPROTO_UDP = 6, 17

_TCA_KIND, _TCA_OPTIONS, _TCA_STATS2 = 1, 2, 7
_TCA_HTB_PARMS, _TCA_HTB_RATE64, _TCA_HTB_CEIL64 = 1, 6, 7
_PSCHED_TICK_NS = 64
_NEW = NLM_F_CREATE | NLM_F_EXCL
_LINKLAYER_ETHERNET = 1
_IP_SOURCE_OFFSET, _IP_DESTINATION_OFFSET = 12, 16


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the kernel: its message type, flags and payload, and words for the error message.

    `otherwise` is asked in its place by a kernel that does not know the kind of qdisc, class or filter.
    """

    kind: int
    flags: int
    payload: bytes
    what: str
    otherwise: "Request | None" = None


@dataclass(frozen=True, slots=True)
class ClassCounters:
    """What a class has sent since it was made, what waits in it now, and what it has dropped.

    `rate_bps` is an HTB class's own rate; None of a T-CONT's class, whose rate is the OLT's affair.
    """

    handle: int
    sent_bytes: int
    sent_packets: int
    backlog_bytes: int
    backlog_packets: int
    dropped_packets: int
    rate_bps: int | None = None


def attribute(kind: int, value: bytes) -> bytes:
    """A netlink attribute with its padding."""
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def tcmsg(ifindex: int, handle: int, parent: int, info: int = 0) -> bytes:
    """struct tcmsg, with which every traffic-control request begins."""
    return struct.pack("=BxxxiIII", 0, ifindex, handle, parent, info)


def kind_attribute(name: str) -> bytes:
    """The attribute that names a kind of qdisc, class or filter."""
    return attribute(_TCA_KIND, name.encode() + b"\0")


def netem(ifindex: int, handle: int, parent: int, delay_ns: int, limit_packets: int) -> Request:
    """Delay every packet by `delay_ns`, at most `limit_packets` of them at a time."""
    options = struct.pack("=6I", 0, limit_packets, 0, 0, 0, 0) + attribute(10, struct.pack("=q", delay_ns))
    payload = tcmsg(ifindex, handle, parent) + kind_attribute("netem") + attribute(_TCA_OPTIONS, options)
    return Request(RTM_NEWQDISC, _NEW, payload, f"add netem delay {delay_ns} ns to interface {ifindex}")


def htb(ifindex: int, handle: int, parent: int, default_minor: int) -> Request:
    """An empty HTB; packets that no filter matches go to `default_minor`."""
    init = struct.pack("=5I", 3, 10, default_minor, 0, 0)
    options = attribute(2, init) + attribute(5, struct.pack("=I", 1000))
    payload = tcmsg(ifindex, handle, parent) + kind_attribute("htb") + attribute(_TCA_OPTIONS, options)
    return Request(RTM_NEWQDISC, _NEW, payload, f"add htb to interface {ifindex}")


def byte_fifo(ifindex: int, handle: int, parent: int, limit_bytes: int) -> Request:
    """A queue of at most `limit_bytes`, first in, first out."""
    payload = tcmsg(ifindex, handle, parent) + kind_attribute("bfifo")
    payload += attribute(_TCA_OPTIONS, struct.pack("=I", limit_bytes))
    return Request(RTM_NEWQDISC, _NEW, payload, f"add bfifo of {limit_bytes} B to interface {ifindex}")


def htb_class(
    ifindex: int, handle: int, parent: int, *, rate_bps: int, ceil_bps: int, burst_bytes: int,
    quantum_bytes: int, priority: int, overhead_bytes: int, change: bool,
) -> Request:  # fmt: skip
    """Make an HTB class, or with `change` give an existing one new rates, which keeps its queue."""
    parms = b"".join(
        (
            _ratespec(rate_bps, overhead_bytes),
            _ratespec(ceil_bps, overhead_bytes),
            struct.pack("=II", _ticks(burst_bytes, rate_bps), _ticks(burst_bytes, ceil_bps)),
            struct.pack("=III", quantum_bytes, 0, priority),
        )
    )
    options = attribute(_TCA_HTB_PARMS, parms)
    options += attribute(_TCA_HTB_RATE64, struct.pack("=Q", rate_bps // 8))
    options += attribute(_TCA_HTB_CEIL64, struct.pack("=Q", ceil_bps // 8))
    payload = tcmsg(ifindex, handle, parent) + kind_attribute("htb") + attribute(_TCA_OPTIONS, options)
    verb = "change" if change else "add"
    what = f"{verb} htb class {handle & 0xFFFF:x} on interface {ifindex} to {rate_bps} bit/s, ceil {ceil_bps}"
    return Request(RTM_NEWTCLASS, 0 if change else _NEW, payload, what)


def _ratespec(rate_bps: int, overhead_bytes: int) -> bytes:
    """struct tc_ratespec; a rate beyond 32 bits of bytes per second stands in the 64-bit attribute."""
    rate = min(rate_bps // 8, 0xFFFFFFFF)
    return struct.pack("=BBHhHI", 0, _LINKLAYER_ETHERNET, overhead_bytes, 0, 0, rate)


def _ticks(burst_bytes: int, rate_bps: int) -> int:
    """How long a burst takes at a rate, in the kernel's scheduling ticks, rounded up."""
    burst_ns = burst_bytes * 8_000_000_000 // rate_bps
    return min(-(-burst_ns // _PSCHED_TICK_NS), 0xFFFFFFFF)


def delete_class(ifindex: int, handle: int) -> Request:
    """Remove a class; packets still queued in it are lost, so empty it first."""
    what = f"delete htb class {handle & 0xFFFF:x} of interface {ifindex}"
    return Request(RTM_DELTCLASS, 0, tcmsg(ifindex, handle, 0), what)


def u32_filter(ifindex: int, parent: int, order: int, class_handle: int, keys: list["Key"]) -> Request:
    """Send IPv4 packets that match all keys to a class; filters are tried by `order`."""
    options = attribute(1, struct.pack("=I", class_handle)) + attribute(5, u32_selector(keys))
    payload = tcmsg(ifindex, 0, parent, order_and_protocol(order))
    payload += kind_attribute("u32") + attribute(_TCA_OPTIONS, options)
    what = f"add filter {order} to interface {ifindex} for class {class_handle & 0xFFFF:x}"
    return Request(RTM_NEWTFILTER, _NEW, payload, what)


def u32_selector(keys: list["Key"]) -> bytes:
    """What a u32 filter compares: all of the keys."""
    selector = struct.pack("=BBBxHHhhI", 1, 0, len(keys), 0, 0, 0, 0, 0)
    for key in keys:
        selector += struct.pack("!II", key.mask, key.value) + struct.pack("=ii", key.offset, 0)
    return selector


def clsact(ifindex: int) -> Request:
    """The place for filters of what leaves an interface; one that is there already stays."""
    payload = tcmsg(ifindex, _CLSACT_HANDLE, _CLSACT) + kind_attribute("clsact")
    return Request(RTM_NEWQDISC, NLM_F_CREATE, payload, f"add clsact to interface {ifindex}")


def delete_filter(ifindex: int, parent: int, order: int) -> Request:
    """Remove all filters of an order, of whatever kind they are."""
    payload = tcmsg(ifindex, 0, parent, order_and_protocol(order))
    return Request(RTM_DELTFILTER, 0, payload, f"delete filter {order} of interface {ifindex}")


def order_and_protocol(order: int) -> int:
    """The order of a filter for IPv4, as its `tcm_info` has it."""
    return order << 16 | int.from_bytes(struct.pack("!H", ETH_P_IP), "little")


@dataclass(frozen=True, slots=True)
class Key:
    """32 bits of the packet at `offset` from the IPv4 header, compared under a mask."""

    value: int
    mask: int
    offset: int


def source_key(prefix: str) -> Key:
    """Match the source address, "10.1.2.0/24" or a single address."""
    return _address_key(prefix, _IP_SOURCE_OFFSET)


def destination_key(prefix: str) -> Key:
    """Match the destination address."""
    return _address_key(prefix, _IP_DESTINATION_OFFSET)


def _address_key(prefix: str, offset: int) -> Key:
    network = IPv4Network(prefix)
    return Key(int(network.network_address), int(network.netmask), offset)


def tos_key(tos: int) -> Key:
    """Match the DSCP of the type-of-service octet; its ECN bits may be anything."""
    return Key(tos << 16, 0x00FC0000, 0)


def class_dump(ifindex: int, qdisc: int) -> Request:
    """Ask for the classes of one qdisc of an interface, by its handle, with their counters.

    Without a qdisc the kernel lists those of every qdisc, and fq_codel and cake have a class for each flow
    that waits in them, which has no counter of what it has sent.
    """
    payload = tcmsg(ifindex, 0, qdisc)
    what = f"list the classes of qdisc {qdisc >> 16:x}: on interface {ifindex}"
    return Request(RTM_GETTCLASS, NLM_F_DUMP, payload, what)


def class_counters(message: bytes) -> ClassCounters:
    """Read one answer to `class_dump` (without its netlink header)."""
    (handle,) = struct.unpack_from("=I", message, 8)
    attributes = dict(attributes_of(message[20:]))
    stats = dict(attributes_of(attributes[_TCA_STATS2]))
    sent_bytes, sent_packets = struct.unpack_from("=QI", stats[1])
    queue_packets, backlog_bytes, drops = struct.unpack_from("=III", stats[3])
    rate_bps = _htb_rate_bps(attributes) if attributes[_TCA_KIND] == b"htb\0" else None
    return ClassCounters(handle, sent_bytes, sent_packets, backlog_bytes, queue_packets, drops, rate_bps)


def _htb_rate_bps(attributes: dict[int, bytes]) -> int:
    """The rate of an HTB class: in an attribute of its own where 32 bits of bytes a second do not hold it."""
    options = dict(attributes_of(attributes[_TCA_OPTIONS]))
    if _TCA_HTB_RATE64 in options:
        (rate,) = struct.unpack("=Q", options[_TCA_HTB_RATE64])
    else:
        (rate,) = struct.unpack_from("=I", options[_TCA_HTB_PARMS], 8)
    return int(rate) * 8


def attributes_of(data: bytes) -> list[tuple[int, bytes]]:
    """The attributes in a message or in a nested attribute."""
    found, at = [], 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        found.append((kind & 0x3FFF, data[at + 4 : at + length]))
        at += (length + 3) & ~3
    return found
