"""Requests about links, addresses, neighbours, routes and bridges as bytes, and the state of a link.

Layouts are those of include/uapi/linux/if_link.h, rtnetlink.h, if_addr.h and neighbour.h. Nothing here
touches a socket.
"""

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.net.messages import NLM_F_CREATE, NLM_F_EXCL, Request, attribute, attributes_of

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH = 20, 24, 28
NLM_F_REPLACE = 0x100

_NEW = NLM_F_CREATE | NLM_F_EXCL
_SET = NLM_F_CREATE | NLM_F_REPLACE
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_STATS64, _IFLA_NET_NS_FD, _IFLA_GSO_MAX_SEGS = 18, 23, 28, 40
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_STP_STATE = 1, 5
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NDA_DST, _NDA_LLADDR = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_MULTIPATH = 1, 4, 5, 7, 9
_AF_BRIDGE = 7
_NUD_NOARP = 0x40
"""Of a forwarding entry: it never ages. A permanent one would mean the bridge itself."""
_NUD_PERMANENT = 0x80
_NTF_MASTER = 0x04
"""The entry belongs to the bridge that the port is on."""
_RT_TABLE_MAIN, _RTPROT_STATIC, _RTN_UNICAST = 254, 4, 1
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK = 0, 253
_RTNH_F_ONLINK = 4
"""The gateway is behind this interface, whatever its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VethEnd:
    """One end of a veth pair: its name, the descriptor of its namespace, and its address if it has one."""

    name: str
    namespace: int
    mac: str | None


@dataclass(frozen=True, slots=True)
class LinkState:
    """What the kernel says of a link: whether it was brought up, and what it has received."""

    is_up: bool
    received_packets: int


def _ifinfomsg(ifindex: int, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, ifindex, flags, change)


def _u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def veth(a: VethEnd, b: VethEnd, mtu_bytes: int, gso_max_segs: int) -> Request:
    """A veth pair, each end made in its namespace; one end cannot be brought up before the other is there."""

    def end(of: VethEnd) -> bytes:
        return (
            _ifinfomsg(0)
            + _text(_IFLA_IFNAME, of.name)
            + _u32(_IFLA_MTU, mtu_bytes)
            + _u32(_IFLA_GSO_MAX_SEGS, gso_max_segs)
            + _u32(_IFLA_NET_NS_FD, of.namespace)
            + (attribute(_IFLA_ADDRESS, _mac(of.mac)) if of.mac else b"")
        )

    kind = _text(_IFLA_INFO_KIND, "veth")
    peer = attribute(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, end(b)))
    payload = end(a) + attribute(_IFLA_LINKINFO, kind + peer)
    return Request(RTM_NEWLINK, _NEW, payload, f"add the veth pair {a.name}, {b.name}")


def bridge(name: str) -> Request:
    """A bridge without spanning tree, brought up; it forwards from the start."""
    options = _u32(_IFLA_BR_FORWARD_DELAY, 0) + _u32(_IFLA_BR_STP_STATE, 0)
    kind = _text(_IFLA_INFO_KIND, "bridge") + attribute(_IFLA_INFO_DATA, options)
    payload = _ifinfomsg(0, _IFF_UP, _IFF_UP) + _text(_IFLA_IFNAME, name) + attribute(_IFLA_LINKINFO, kind)
    return Request(RTM_NEWLINK, _NEW, payload, f"add bridge {name}")


def bring_up(ifindex: int) -> Request:
    """Bring a link up."""
    return Request(RTM_NEWLINK, 0, _ifinfomsg(ifindex, _IFF_UP, _IFF_UP), f"bring up interface {ifindex}")


def put_on_bridge(ifindex: int, bridge_ifindex: int) -> Request:
    """Make a link a port of a bridge."""
    payload = _ifinfomsg(ifindex) + _u32(_IFLA_MASTER, bridge_ifindex)
    return Request(RTM_NEWLINK, 0, payload, f"put interface {ifindex} on bridge {bridge_ifindex}")


def set_mac(ifindex: int, mac: str) -> Request:
    """Give a link its hardware address."""
    payload = _ifinfomsg(ifindex) + attribute(_IFLA_ADDRESS, _mac(mac))
    return Request(RTM_NEWLINK, 0, payload, f"give interface {ifindex} the address {mac}")


def delete_link(ifindex: int) -> Request:
    """Remove a link; of a veth pair both ends go."""
    return Request(RTM_DELLINK, 0, _ifinfomsg(ifindex), f"delete interface {ifindex}")


def link(ifindex: int) -> Request:
    """Ask for a link's state."""
    return Request(RTM_GETLINK, 0, _ifinfomsg(ifindex), f"show interface {ifindex}")


def link_state(message: bytes) -> LinkState:
    """Read the answer to `link` (without its netlink header)."""
    (flags,) = struct.unpack_from("=I", message, 8)
    counters = dict(attributes_of(message[16:]))[_IFLA_STATS64]
    (received_packets,) = struct.unpack_from("=Q", counters)
    return LinkState(bool(flags & _IFF_UP), received_packets)


def address(ifindex: int, ip: str, prefix_bits: int) -> Request:
    """Give a link an IPv4 address; one that it has already is no error."""
    packed = socket.inet_aton(ip)
    payload = struct.pack("=BBBBi", socket.AF_INET, prefix_bits, 0, _RT_SCOPE_UNIVERSE, ifindex)
    payload += attribute(_IFA_ADDRESS, packed) + attribute(_IFA_LOCAL, packed)
    return Request(RTM_NEWADDR, _SET, payload, f"give interface {ifindex} the address {ip}/{prefix_bits}")


def neighbour(ifindex: int, ip: str, mac: str) -> Request:
    """Tell for good which hardware address has an IPv4 address."""
    payload = struct.pack("=BxxxiHBB", socket.AF_INET, ifindex, _NUD_PERMANENT, 0, 0)
    payload += attribute(_NDA_DST, socket.inet_aton(ip)) + attribute(_NDA_LLADDR, _mac(mac))
    return Request(RTM_NEWNEIGH, _SET, payload, f"set neighbour {ip} of interface {ifindex} to {mac}")


def forwarding_entry(port_ifindex: int, mac: str) -> Request:
    """Tell a bridge for good behind which port a hardware address is."""
    payload = struct.pack("=BxxxiHBB", _AF_BRIDGE, port_ifindex, _NUD_NOARP, _NTF_MASTER, 0)
    payload += attribute(_NDA_LLADDR, _mac(mac))
    return Request(RTM_NEWNEIGH, _SET, payload, f"forward {mac} to interface {port_ifindex}")


def route(destination: str, hops: Sequence[tuple[int, str | None]], source: str | None) -> Request:
    """Lead packets for a prefix ("10.2.0.0/16") out by one of the hops, each an interface and its gateway.

    A gateway need not be in any prefix of its interface. With several hops each flow takes one of them.
    """
    ip, _, prefix_bits = destination.partition("/")
    if len(hops) == 1:
        ifindex, gateway = hops[0]
        flags = _RTNH_F_ONLINK if gateway else 0
        way = _u32(_RTA_OIF, ifindex) + _gateway(gateway)
    else:
        flags = 0
        way = attribute(_RTA_MULTIPATH, b"".join(_next_hop(ifindex, gateway) for ifindex, gateway in hops))
    scope = _RT_SCOPE_UNIVERSE if any(gateway for _, gateway in hops) else _RT_SCOPE_LINK
    payload = struct.pack(
        "=8BI", socket.AF_INET, int(prefix_bits), 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, scope, _RTN_UNICAST,
        flags,
    )  # fmt: skip
    payload += attribute(_RTA_DST, socket.inet_aton(ip)) + way
    if source:
        payload += attribute(_RTA_PREFSRC, socket.inet_aton(source))
    return Request(RTM_NEWROUTE, _SET, payload, f"set the route to {destination}")


def _gateway(gateway: str | None) -> bytes:
    return attribute(_RTA_GATEWAY, socket.inet_aton(gateway)) if gateway else b""


def _next_hop(ifindex: int, gateway: str | None) -> bytes:
    """struct rtnexthop: its length, its flags, its weight less one, and its interface."""
    way = _gateway(gateway)
    return struct.pack("=HBBi", 8 + len(way), _RTNH_F_ONLINK if gateway else 0, 0, ifindex) + way
