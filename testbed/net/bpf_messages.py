"""A filter by ports as a traffic-control request: classic BPF, which carries any set of ports in one filter.

u32 compares bits under a mask, so that a range of ports takes up to 30 filters and two lists of ranges their
product. flower has ranges, but one for each filter, and a filter for each protocol. A program has one
comparison for each end of a range, at both ends of a flow, and finds the ports behind IP options too.

The instructions are those of include/uapi/linux/filter.h, the attributes those of pkt_cls.h. A packet begins
with its Ethernet header. Nothing here touches a socket.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from testbed.net.messages import (
    IPPROTO_TCP,
    IPPROTO_UDP,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_NEWTFILTER,
    Request,
    attribute,
    kind_attribute,
    order_and_protocol,
    tcmsg,
)
from testbed.plan.network_plan import Ports

_TCA_OPTIONS, _TCA_BPF_CLASSID, _TCA_BPF_OPS_LEN, _TCA_BPF_OPS = 2, 3, 4, 5
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_LOAD_HALF_BEHIND_HEADER, _LOAD_HEADER_LENGTH = 0x48, 0xB1
_AND, _JUMP, _IF_EQUAL, _IF_ABOVE, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = (
    0x54,
    0x05,
    0x15,
    0x25,
    0x35,
    0x45,
    0x06,
)
_IP = 14
_FRAGMENT, _PROTOCOL, _SOURCE, _DESTINATION = _IP + 6, _IP + 9, _IP + 12, _IP + 16
_SOURCE_PORT, _DESTINATION_PORT = _IP, _IP + 2
_FRAGMENT_OFFSET_BITS = 0x1FFF
_MATCH, _NO_MATCH = 0xFFFFFFFF, 0
_RANGES_A_BLOCK = 100
"""A conditional jump reaches 255 instructions: every block of ranges has its own two exits."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """struct sock_filter: `then` and `otherwise` are how many instructions a condition skips."""

    code: int
    value: int
    then: int = 0
    otherwise: int = 0

    def packed(self) -> bytes:
        """The instruction as the kernel takes it."""
        return struct.pack("=HBBI", self.code, self.then, self.otherwise, self.value)


_REFUSE = Instruction(_RETURN, _NO_MATCH)


def ports_program(
    *, source: str, destination: str, udp: bool, source_ports: Ports, destination_ports: Ports
) -> list[Instruction]:
    """A program that answers whether an IPv4 packet of TCP or UDP belongs to a flow.

    No ports at all at an end stand for every port. Ports are in order and do not touch. A fragment other
    than the first has no ports and does not belong.
    """
    protocols = (IPPROTO_UDP,) if udp else (IPPROTO_UDP, IPPROTO_TCP)
    code = [*_address(source, _SOURCE), *_address(destination, _DESTINATION)]
    code.append(Instruction(_LOAD_BYTE, _PROTOCOL))
    for left, protocol in zip(range(len(protocols), 0, -1), protocols, strict=True):
        code.append(Instruction(_IF_EQUAL, protocol, then=left))
    code += [_REFUSE, Instruction(_LOAD_HALF, _FRAGMENT)]
    code += [Instruction(_IF_ANY_BIT, _FRAGMENT_OFFSET_BITS, otherwise=1), _REFUSE]
    code.append(Instruction(_LOAD_HEADER_LENGTH, _IP))
    for ports, offset in ((source_ports, _SOURCE_PORT), (destination_ports, _DESTINATION_PORT)):
        if ports:
            code += [Instruction(_LOAD_HALF_BEHIND_HEADER, offset), *_is_one_of(ports)]
    code.append(Instruction(_RETURN, _MATCH))
    return code


def _address(prefix: str, offset: int) -> list[Instruction]:
    network = IPv4Network(prefix)
    return [
        Instruction(_LOAD_WORD, offset),
        Instruction(_AND, int(network.netmask)),
        Instruction(_IF_EQUAL, int(network.network_address), then=1),
        _REFUSE,
    ]


def _is_one_of(ports: Ports) -> list[Instruction]:
    """Goes on behind itself if the number that was loaded is in a range, and refuses otherwise."""
    code = [_REFUSE]
    for at in reversed(range(0, len(ports), _RANGES_A_BLOCK)):
        code = [*_block(ports[at : at + _RANGES_A_BLOCK], len(code)), *code]
    return code


def _block(ranges: Sequence[tuple[int, int]], following: int) -> list[Instruction]:
    """Some ranges in order, before so many following instructions, which try those that come next."""
    code = []
    for left, (first, last) in zip(range(len(ranges), 0, -1), ranges, strict=True):
        # Not above the last of this range, and so above all before it: the first decides.
        code.append(Instruction(_IF_ABOVE, last, then=1))
        code.append(Instruction(_IF_AT_LEAST, first, then=2 * left - 1, otherwise=2 * left))
    return [*code, Instruction(_JUMP, 2), Instruction(_JUMP, following + 1), _REFUSE]


def bpf_filter(
    ifindex: int, parent: int, order: int, class_handle: int, program: Sequence[Instruction]
) -> Request:
    """Send the IPv4 packets that a program takes to a class; filters are tried by `order`."""
    options = attribute(_TCA_BPF_CLASSID, struct.pack("=I", class_handle))
    options += attribute(_TCA_BPF_OPS_LEN, struct.pack("=H", len(program)))
    options += attribute(_TCA_BPF_OPS, b"".join(each.packed() for each in program))
    payload = tcmsg(ifindex, 0, parent, order_and_protocol(order)) + kind_attribute("bpf")
    payload += attribute(_TCA_OPTIONS, options)
    what = f"add filter {order} by ports to interface {ifindex} for class {class_handle & 0xFFFF:x}"
    return Request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, payload, what)
