"""Requests about links, addresses, neighbours and routes, as another library reads them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from testbed.net import fault_messages, link_messages
from testbed.net.link_messages import VethEnd
from testbed.net.messages import Request, attribute

MAC = "02:00:0a:02:00:07"


def read(reader: type, request: Request) -> dict:  # type: ignore[type-arg]
    """The request as pyroute2 reads it: its fields, and its attributes by name."""
    length = 16 + len(request.payload)
    message = reader(struct.pack("=IHHII", length, request.kind, request.flags, 1, 0) + request.payload)
    message.decode()
    return dict(message) | dict(message["attrs"])


def test_both_ends_of_a_wire_are_made_where_they_belong() -> None:
    a = VethEnd(name="npu1-eth0", namespace=7, mac=MAC)
    b = VethEnd(name="metro-eth1", namespace=8, mac=None)
    sent = read(ifinfmsg, link_messages.veth(a, b, mtu_bytes=9000, gso_max_segs=1))
    peer = dict(sent["IFLA_LINKINFO"].get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")["attrs"])
    assert sent["IFLA_LINKINFO"].get_attr("IFLA_INFO_KIND") == "veth"
    assert (sent["IFLA_IFNAME"], peer["IFLA_IFNAME"]) == ("npu1-eth0", "metro-eth1")
    assert (sent["IFLA_NET_NS_FD"], peer["IFLA_NET_NS_FD"]) == (7, 8)
    assert (sent["IFLA_MTU"], peer["IFLA_MTU"]) == (9000, 9000)
    assert (sent["IFLA_GSO_MAX_SEGS"], peer["IFLA_GSO_MAX_SEGS"]) == (1, 1)
    assert sent["IFLA_ADDRESS"] == MAC
    assert "IFLA_ADDRESS" not in peer
    # One end cannot be brought up before the other is there.
    assert sent["flags"] == 0


def test_a_bridge_forwards_from_the_start() -> None:
    sent = read(ifinfmsg, link_messages.bridge("metro"))
    options = sent["IFLA_LINKINFO"].get_attr("IFLA_INFO_DATA")
    assert (sent["IFLA_IFNAME"], sent["flags"], sent["change"]) == ("metro", 1, 1)
    assert (options.get_attr("IFLA_BR_FORWARD_DELAY"), options.get_attr("IFLA_BR_STP_STATE")) == (0, 0)


def test_a_port_is_put_on_its_bridge_and_nothing_else_of_it_changes() -> None:
    sent = read(ifinfmsg, link_messages.put_on_bridge(4, 9))
    assert (sent["index"], sent["IFLA_MASTER"], sent["change"]) == (4, 9, 0)
    assert len(sent["attrs"]) == 1


def test_an_address_has_its_prefix() -> None:
    sent = read(ifaddrmsg, link_messages.address(3, "10.2.0.7", 8))
    assert (sent["index"], sent["prefixlen"]) == (3, 8)
    assert sent["IFA_ADDRESS"] == sent["IFA_LOCAL"] == "10.2.0.7"


def test_a_neighbour_is_known_for_good() -> None:
    sent = read(ndmsg, link_messages.neighbour(3, "10.2.0.7", MAC))
    assert (sent["ifindex"], sent["state"]) == (3, 0x80)  # NUD_PERMANENT
    assert (sent["NDA_DST"], sent["NDA_LLADDR"]) == ("10.2.0.7", MAC)


def test_a_forwarding_entry_is_the_bridge_s_and_never_ages() -> None:
    sent = read(ndmsg, link_messages.forwarding_entry(4, MAC))
    assert (sent["family"], sent["ifindex"], sent["NDA_LLADDR"]) == (7, 4, MAC)
    assert (sent["state"], sent["flags"]) == (0x40, 0x04)  # NUD_NOARP, NTF_MASTER


def test_a_route_over_one_hop_leads_to_its_gateway_wherever_that_is() -> None:
    sent = read(rtmsg, link_messages.route("10.64.0.0/16", [(3, "10.64.255.254")], "10.64.0.7"))
    assert (sent["dst_len"], sent["RTA_DST"], sent["RTA_PREFSRC"]) == (16, "10.64.0.0", "10.64.0.7")
    assert (sent["RTA_OIF"], sent["RTA_GATEWAY"]) == (3, "10.64.255.254")
    assert (sent["flags"], sent["scope"]) == (4, 0)  # RTNH_F_ONLINK; universe


def test_a_route_without_a_gateway_is_to_the_wire() -> None:
    sent = read(rtmsg, link_messages.route("10.2.0.9/32", [(5, None)], None))
    assert (sent["dst_len"], sent["RTA_OIF"], sent["flags"], sent["scope"]) == (32, 5, 0, 253)
    assert not {"RTA_GATEWAY", "RTA_PREFSRC", "RTA_MULTIPATH"} & sent.keys()


@given(st.lists(st.integers(2, 4000), min_size=2, max_size=8))
def test_a_route_over_several_hops_has_them_all_with_equal_weight(indices: list[int]) -> None:
    hops = [(index, f"10.{64 + plane}.255.254") for plane, index in enumerate(indices)]
    sent = read(rtmsg, link_messages.route("10.2.0.0/16", list(hops), "10.2.0.7"))
    read_back = [(hop["oif"], hop.get_attr("RTA_GATEWAY")) for hop in sent["RTA_MULTIPATH"]]
    assert read_back == hops
    assert {(hop["flags"], hop["hops"]) for hop in sent["RTA_MULTIPATH"]} == {(4, 0)}
    assert "RTA_OIF" not in sent


@pytest.mark.parametrize(("flags", "is_up"), [(0x1003, True), (0x1002, False)])
def test_the_state_of_a_link_is_read(flags: int, is_up: bool) -> None:
    counters = struct.pack("=3Q", 2**40, 5, 600) + bytes(160)
    answer = struct.pack("=BxHiII", 0, 1, 4, flags, 0) + attribute(3, b"x\0") + attribute(23, counters)
    assert link_messages.link_state(answer) == link_messages.LinkState(is_up, 2**40)


def test_what_a_fault_has_taken_is_read_from_its_action() -> None:
    basic = attribute(1, struct.pack("=QI", 15_000, 10))
    stats = attribute(4, basic + attribute(3, bytes(20)))
    action = attribute(1, attribute(1, b"gact\0") + stats)
    answer = bytes(4) + attribute(2, bytes(4)) + attribute(1, action)
    assert fault_messages.lost_packets(answer) == 10


def test_the_action_of_a_fault_is_known_by_its_interface() -> None:
    prepared = fault_messages.count_faults(77)
    assert [request.kind for request in prepared] == [36, 48]
    parms = struct.pack("=IIi", 77, 0, 4)  # its number, no capabilities, TC_ACT_STOLEN
    for request in (prepared[1], fault_messages.cut(77)):
        assert parms in request.payload
    assert struct.pack("=I", 77) in fault_messages.fault_count(77).payload
