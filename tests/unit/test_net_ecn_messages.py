"""The filter that has a TCP flow say ECT(1), tried on headers by the arithmetic of its keys."""

import struct

import pytest
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from testbed.model.ecn import Ecn
from testbed.net import ecn_messages
from testbed.net.messages import Request, attributes_of

ADDRESS, PORT = "10.1.1.1", 30_000


def decoded(request: Request) -> tcmsg:
    header = struct.pack("=IHHII", 16 + len(request.payload), request.kind, request.flags, 1, 0)
    message = tcmsg(header + request.payload)
    message.decode()
    return message


def packet(
    *, tos: int, protocol: int = 6, address: bytes = b"\x0a\1\1\1", ports: tuple[int, int] = (5, PORT)
) -> bytes:
    return struct.pack(
        "!BBHHHBBH4s4sHH", 0x45, tos, 40, 0, 0, 64, protocol, 0, b"\x0a\2\0\1", address, *ports
    )


def options(request: Request) -> dict[int, bytes]:
    return dict(attributes_of(dict(attributes_of(request.payload[20:]))[2]))


def matches(request: Request, data: bytes) -> bool:
    """Whether a packet has what every key of the filter asks for (struct tc_u32_key)."""
    keys = struct.iter_unpack("!II4s4x", options(request)[5][16:])
    return all(
        struct.unpack_from("!I", data, int.from_bytes(at, "little"))[0] & mask == value
        for mask, value, at in keys
    )


def actions(request: Request) -> dict[str, bytes]:
    """The parameters of each action by its kind, in the order of the list."""
    found = {}
    for _, action in attributes_of(options(request)[7]):
        kind, given = (value for _, value in attributes_of(action))
        ((_, parameters),) = attributes_of(given)
        found[kind.rstrip(b"\0").decode()] = parameters
    return found


def test_only_ect0_of_the_flow_is_rewritten() -> None:
    _, rule = ecn_messages.send_ect1(5, ADDRESS, PORT, from_port=False)
    assert matches(rule, packet(tos=Ecn.ECT0.bits))
    assert matches(rule, packet(tos=4 << 2 | Ecn.ECT0.bits))
    for other in (Ecn.NOT_ECT, Ecn.ECT1, Ecn.CE):
        assert not matches(rule, packet(tos=other.bits))
    assert not matches(rule, packet(tos=2, protocol=17))
    assert not matches(rule, packet(tos=2, address=b"\x0a\1\1\2"))
    assert not matches(rule, packet(tos=2, ports=(PORT, 5)))


def test_the_way_back_is_known_by_the_port_that_it_comes_from() -> None:
    _, rule = ecn_messages.send_ect1(5, ADDRESS, PORT, from_port=True)
    assert matches(rule, packet(tos=2, ports=(PORT, 5)))
    assert not matches(rule, packet(tos=2, ports=(5, PORT)))


@pytest.mark.parametrize("dscp", [0, 5, 63])
def test_ect1_replaces_the_two_bits_and_keeps_the_rest(dscp: int) -> None:
    _, rule = ecn_messages.send_ect1(5, ADDRESS, PORT, from_port=False)
    # struct tc_pedit_sel: tc_gen (what follows is the next action), one key, and that one's mask and value.
    rewrite = actions(rule)["pedit"]
    assert struct.unpack_from("=IIiiiB", rewrite) == (0, 0, 3, 0, 0, 1)
    mask, value, offset = struct.unpack_from("!II4s", rewrite, 24)
    assert offset == bytes(4)
    (before,) = struct.unpack_from("!I", packet(tos=dscp << 2 | Ecn.ECT0.bits))
    (after,) = struct.unpack_from("!I", packet(tos=dscp << 2 | Ecn.ECT1.bits))
    assert before & mask ^ value == after


def test_the_checksum_of_the_header_and_of_nothing_else_is_mended() -> None:
    _, rule = ecn_messages.send_ect1(5, ADDRESS, PORT, from_port=False)
    assert list(actions(rule)) == ["pedit", "csum"]
    *_, updated = struct.unpack("=IIiiiI", actions(rule)["csum"])
    assert updated == 1  # TCA_CSUM_UPDATE_FLAG_IPV4HDR


def test_its_place_may_be_there_already() -> None:
    """Faults have filters there too."""
    place, rule = ecn_messages.send_ect1(5, ADDRESS, PORT, from_port=False)
    assert place.flags & 0x200 == 0  # NLM_F_EXCL
    assert decoded(rule)["parent"] == 0xFFFFFFF3
    assert decoded(rule)["info"] >> 16 == 2  # after order 1, by which an interface is cut
