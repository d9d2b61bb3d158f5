"""Requests that give the packets of a TCP flow the identifier of L4S: what leaves a host as ECT(0) is ECT(1).

A scalable congestion control of Linux sends ECT(0), because its sockets know nothing else; no option of a
socket changes that. A filter where packets leave the host rewrites the two bits and mends the header's
checksum. Layouts are those of include/uapi/linux/pkt_cls.h, tc_act/tc_pedit.h and tc_act/tc_csum.h. Nothing
here touches a socket.
"""

import struct

from testbed.model.ecn import Ecn
from testbed.net.messages import (
    CLSACT_EGRESS,
    IPPROTO_TCP,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_NEWTFILTER,
    Key,
    Request,
    attribute,
    clsact,
    destination_key,
    kind_attribute,
    order_and_protocol,
    tcmsg,
    u32_selector,
)

_ORDER = 2
"""Behind whatever cuts the interface."""
_ECN_MASK = 3
_TOS_SHIFT = 16
"""Of the type-of-service octet in the header's first 32 bits."""
_PROTOCOL_OFFSET, _PROTOCOL_SHIFT = 8, 16
_PORTS_OFFSET = 20
"""TCP of Linux sends no IP options."""
_TCA_OPTIONS, _TCA_U32_SEL, _TCA_U32_ACT = 2, 5, 7
_TCA_ACT_KIND, _TCA_ACT_OPTIONS = 1, 2
_TCA_PEDIT_PARMS, _TCA_CSUM_PARMS = 2, 1
_TC_ACT_OK, _TC_ACT_PIPE = 0, 3
_IP_HEADER = 1
_ACTION = struct.Struct("=IIiii")
"""tc_gen: index, capab, what follows, and two counts of users."""


def send_ect1(ifindex: int, address: str, port: int, *, from_port: bool) -> list[Request]:
    """Rewrite what leaves an interface in TCP to an address: to this port of it, or from this port here."""
    port_shift = 16 if from_port else 0
    keys = [
        Key(IPPROTO_TCP << _PROTOCOL_SHIFT, 0xFF << _PROTOCOL_SHIFT, _PROTOCOL_OFFSET),
        destination_key(address),
        Key(port << port_shift, 0xFFFF << port_shift, _PORTS_OFFSET),
        Key(Ecn.ECT0.bits << _TOS_SHIFT, _ECN_MASK << _TOS_SHIFT, 0),
    ]
    actions = attribute(1, _rewrite()) + attribute(2, _mend())
    options = attribute(_TCA_U32_ACT, actions) + attribute(_TCA_U32_SEL, u32_selector(keys))
    payload = tcmsg(ifindex, 0, CLSACT_EGRESS, order_and_protocol(_ORDER))
    payload += kind_attribute("u32") + attribute(_TCA_OPTIONS, options)
    what = f"send ECT(1) in place of ECT(0) from interface {ifindex} to {address}, port {port}"
    return [clsact(ifindex), Request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, payload, what)]


def _rewrite() -> bytes:
    """The two bits of ECN become ECT(1), and all others stay."""
    kept, ect1 = 0xFFFFFFFF ^ _ECN_MASK << _TOS_SHIFT, Ecn.ECT1.bits << _TOS_SHIFT
    key = struct.pack("!II", kept, ect1) + struct.pack("=IIII", 0, 0, 0, 0)
    parms = _ACTION.pack(0, 0, _TC_ACT_PIPE, 0, 0) + struct.pack("=BBxx", 1, 0) + key
    return _action("pedit", attribute(_TCA_PEDIT_PARMS, parms))


def _mend() -> bytes:
    """The checksum of the IPv4 header is computed anew; that of TCP does not cover these bits."""
    parms = _ACTION.pack(0, 0, _TC_ACT_OK, 0, 0) + struct.pack("=I", _IP_HEADER)
    return _action("csum", attribute(_TCA_CSUM_PARMS, parms))


def _action(kind: str, options: bytes) -> bytes:
    return attribute(_TCA_ACT_KIND, kind.encode() + b"\0") + attribute(_TCA_ACT_OPTIONS, options)
