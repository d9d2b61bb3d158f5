"""Requests for a silent fault as bytes: whatever leaves an interface is taken away and counted.

The packets are stolen and not dropped: of a drop at an interface the kernel tells the sender, whose TCP
then waits and tries again as if nothing had been sent. What a broken fibre swallows, nobody is told of.
The action that counts them lives apart from its filter, so that its count outlives every repair. Layouts
are those of include/uapi/linux/pkt_cls.h and tc_act/tc_gact.h. Nothing here touches a socket.
"""

import struct

from testbed.net.messages import (
    CLSACT_EGRESS,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_DELTFILTER,
    RTM_NEWTFILTER,
    Request,
    attribute,
    attributes_of,
    clsact,
    kind_attribute,
    tcmsg,
)

RTM_NEWACTION, RTM_GETACTION = 48, 50

_NEW = NLM_F_CREATE | NLM_F_EXCL
_EVERY_PROTOCOL = 0x0300
"""ETH_P_ALL in network byte order."""
_ORDER = 1
_TCA_OPTIONS, _TCA_MATCHALL_ACT, _TCA_ACT_TAB = 2, 2, 1
_TCA_ACT_KIND, _TCA_ACT_OPTIONS, _TCA_ACT_INDEX, _TCA_ACT_STATS = 1, 2, 3, 4
_TCA_GACT_PARMS, _TCA_STATS_BASIC = 2, 1
_TC_ACT_STOLEN = 4


def count_faults(ifindex: int) -> list[Request]:
    """Prepare an interface, once: the place for the filter, and the action that steals and counts."""
    action = struct.pack("=4x") + attribute(_TCA_ACT_TAB, _action(ifindex))
    return [
        clsact(ifindex),
        Request(RTM_NEWACTION, _NEW, action, f"add the action that cuts interface {ifindex}"),
    ]


def cut(ifindex: int) -> Request:
    """Take away whatever leaves a prepared interface."""
    options = attribute(_TCA_OPTIONS, attribute(_TCA_MATCHALL_ACT, _action(ifindex)))
    payload = (
        tcmsg(ifindex, 0, CLSACT_EGRESS, _ORDER << 16 | _EVERY_PROTOCOL)
        + kind_attribute("matchall")
        + options
    )
    return Request(RTM_NEWTFILTER, _NEW, payload, f"cut interface {ifindex}")


def mend(ifindex: int) -> Request:
    """Let packets leave again."""
    payload = tcmsg(ifindex, 0, CLSACT_EGRESS, _ORDER << 16 | _EVERY_PROTOCOL) + kind_attribute("matchall")
    return Request(RTM_DELTFILTER, 0, payload, f"mend interface {ifindex}")


def fault_count(ifindex: int) -> Request:
    """Ask for the action of a prepared interface."""
    named = attribute(_TCA_ACT_KIND, b"gact\0") + attribute(_TCA_ACT_INDEX, struct.pack("=I", ifindex))
    payload = struct.pack("=4x") + attribute(_TCA_ACT_TAB, attribute(1, named))
    return Request(RTM_GETACTION, 0, payload, f"count what interface {ifindex} has lost")


def lost_packets(message: bytes) -> int:
    """Read the answer to `fault_count` (without its netlink header)."""
    (actions,) = (value for kind, value in attributes_of(message[4:]) if kind == _TCA_ACT_TAB)
    action = dict(attributes_of(dict(attributes_of(actions))[1]))
    stats = dict(attributes_of(action[_TCA_ACT_STATS]))
    _bytes, packets = struct.unpack_from("=QI", stats[_TCA_STATS_BASIC])
    return int(packets)


def _action(ifindex: int) -> bytes:
    """The action of an interface as the first and only one of a list; its number is the interface's."""
    parms = struct.pack("=IIiii", ifindex, 0, _TC_ACT_STOLEN, 0, 0)
    options = attribute(_TCA_ACT_OPTIONS, attribute(_TCA_GACT_PARMS, parms))
    return attribute(1, attribute(_TCA_ACT_KIND, b"gact\0") + options)
