"""The bytes of every request, read back by another decoder or by the layouts of include/uapi/linux."""

import struct
from typing import Any

import pytest
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from testbed.net import messages
from testbed.net.messages import Request, attribute, attributes_of
from testbed.net.shaper import interface_requests
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Interface, Match
from testbed.plan.shaping import LINE, channel_class
from topologies import pon_tree

CLASS = 0x10011
PARENT = 0x10001


def decoded(request: Request) -> Any:
    """The request as pyroute2 reads it."""
    header = struct.pack("=IHHII", 16 + len(request.payload), request.kind, request.flags, 1, 0)
    message = tcmsg(header + request.payload)
    message.decode()
    return message


def options(request: Request) -> dict[int, bytes]:
    """The attributes nested in a request's TCA_OPTIONS, as bytes."""
    outer = dict(attributes_of(request.payload[20:]))
    return dict(attributes_of(outer[2]))


def htb_class(rate_bps: int, ceil_bps: int, *, change: bool = False) -> Request:
    return messages.htb_class(
        5, CLASS, PARENT, rate_bps=rate_bps, ceil_bps=ceil_bps, burst_bytes=62_500,
        quantum_bytes=60_000, priority=1, overhead_bytes=12, change=change,
    )  # fmt: skip


def test_a_class_says_where_it_is_and_what_it_may_send() -> None:
    message = decoded(htb_class(10**9, 10**10))
    assert (message["index"], message["handle"], message["parent"]) == (5, CLASS, PARENT)
    assert message.get_attr("TCA_KIND") == "htb"
    parms = message.get_attr("TCA_OPTIONS").get_attr("TCA_HTB_PARMS")
    assert (parms["rate"], parms["ceil"]) == (125_000_000, 1_250_000_000)
    assert (parms["rate_overhead"], parms["ceil_overhead"]) == (12, 12)
    assert (parms["quantum"], parms["prio"]) == (60_000, 1)


@pytest.mark.parametrize("rate_bps", [8_000, 10**8, 34 * 10**9, 35 * 10**9, 50 * 10**9, 10**12])
def test_a_rate_beyond_32_bits_of_bytes_per_second_keeps_its_value(rate_bps: int) -> None:
    given = decoded(htb_class(rate_bps, rate_bps)).get_attr("TCA_OPTIONS")
    assert given.get_attr("TCA_HTB_RATE64") == given.get_attr("TCA_HTB_CEIL64") == rate_bps // 8
    # The old field, which the kernel takes the larger of, holds what it can and never wraps around.
    assert given.get_attr("TCA_HTB_PARMS")["rate"] == min(rate_bps // 8, 2**32 - 1)


@pytest.mark.parametrize("rate_bps", [10**8, 25 * 10**9, 50 * 10**9])
def test_a_burst_is_told_as_the_time_that_it_takes_in_ticks_of_64_ns(rate_bps: int) -> None:
    parms = decoded(htb_class(rate_bps, 2 * rate_bps)).get_attr("TCA_OPTIONS").get_attr("TCA_HTB_PARMS")
    burst_ns = 62_500 * 8 * 10**9 / rate_bps
    assert burst_ns <= parms["buffer"] * 64 < burst_ns + 64
    assert burst_ns / 2 <= parms["cbuffer"] * 64 < burst_ns / 2 + 64


def test_a_resize_changes_a_class_in_place_and_making_one_does_not_take_an_old_one() -> None:
    new, changed = htb_class(10**9, 10**9), htb_class(10**9, 10**9, change=True)
    assert new.kind == changed.kind == messages.RTM_NEWTCLASS
    assert new.flags == messages.NLM_F_CREATE | messages.NLM_F_EXCL
    assert changed.flags == 0
    assert new.payload == changed.payload


@pytest.mark.parametrize("delay_ns", [1, 24_500, 5_000_000, 300_000_000, 8_000_000_000])
def test_a_distance_keeps_its_nanoseconds(delay_ns: int) -> None:
    request = messages.netem(5, 0x20000, messages.TC_H_ROOT, delay_ns, 1000)
    assert decoded(request).get_attr("TCA_KIND") == "netem"
    # struct tc_netem_qopt: latency in ticks, limit, loss, gap, duplicate, jitter; then attributes.
    outer = dict(attributes_of(request.payload[20:]))[2]
    assert struct.unpack_from("=6I", outer) == (0, 1000, 0, 0, 0, 0)
    assert dict(attributes_of(outer[24:])) == {10: struct.pack("=q", delay_ns)}  # TCA_NETEM_LATENCY64


def test_an_htb_sends_what_nothing_matches_to_its_default() -> None:
    request = messages.htb(5, 0x10000, 0x20001, 2)
    message = decoded(request)
    assert (message["handle"], message["parent"]) == (0x10000, 0x20001)
    assert message.get_attr("TCA_OPTIONS").get_attr("TCA_HTB_INIT")["defcls"] == 2
    assert message.get_attr("TCA_OPTIONS").get_attr("TCA_HTB_INIT")["version"] == 3


def test_a_queue_is_bounded_in_bytes() -> None:
    request = messages.byte_fifo(5, 0x50110000, CLASS, 770_000)
    message = decoded(request)
    assert (message.get_attr("TCA_KIND"), message["parent"]) == ("bfifo", CLASS)
    assert dict(attributes_of(request.payload[20:]))[2] == struct.pack("=I", 770_000)  # struct tc_fifo_qopt


def packet(source: str, destination: str, protocol: int, ports: tuple[int, int]) -> bytes:
    """An IPv4 header without options, and the ports behind it."""
    addresses = b"".join(bytes(map(int, ip.split("."))) for ip in (source, destination))
    return bytes(9) + bytes([protocol]) + bytes(2) + addresses + struct.pack("!HH", *ports)


def u32_matches(request: Request, frame: bytes) -> bool:
    """What the kernel's u32 classifier answers (struct tc_u32_sel, struct tc_u32_key)."""
    selector = options(request)[5]
    flags, offshift, count = struct.unpack_from("=BBB", selector)
    assert (flags, offshift) == (1, 0)  # TC_U32_TERMINAL: a match is final
    assert len(selector) == 16 + 16 * count
    for at in range(16, len(selector), 16):
        mask, value = struct.unpack_from("!II", selector, at)
        offset, offset_mask = struct.unpack_from("=ii", selector, at + 8)
        assert (value & ~mask, offset % 4, offset_mask) == (0, 0, 0)
        (word,) = struct.unpack_from("!I", frame, offset)
        if word & mask != value:
            return False
    return True


HOME = messages.u32_filter(5, 0x10000, 7, 0x11000, [messages.destination_key("10.1.2.0/24")])


def test_a_home_s_filter_takes_all_of_its_prefix() -> None:
    assert u32_matches(HOME, packet("10.2.0.1", "10.1.2.250", 6, (1, 2)))
    assert not u32_matches(HOME, packet("10.2.0.1", "10.1.3.1", 6, (1, 2)))


def test_a_filter_tells_its_order_its_protocol_and_its_class() -> None:
    message = decoded(HOME)
    assert message["parent"] == 0x10000
    assert message["info"] >> 16 == 7
    assert struct.pack("=H", message["info"] & 0xFFFF) == b"\x08\x00"  # ETH_P_IP as it is on the wire
    assert struct.unpack("=I", options(HOME)[1]) == (0x11000,)


def test_a_filter_is_deleted_by_the_order_under_which_it_was_added() -> None:
    added, deleted = decoded(HOME), decoded(messages.delete_filter(5, 0x10000, 7))
    assert deleted["header"]["type"] == messages.RTM_DELTFILTER
    assert (deleted["info"], deleted["parent"]) == (added["info"], added["parent"])


def test_a_class_is_deleted_by_its_handle() -> None:
    message = decoded(messages.delete_class(5, CLASS))
    assert (message["header"]["type"], message["handle"]) == (messages.RTM_DELTCLASS, CLASS)


def test_every_request_says_in_words_what_was_attempted() -> None:
    assert (
        htb_class(10**9, 10**9).what == "add htb class 11 on interface 5 to 1000000000 bit/s, ceil 1000000000"
    )
    assert HOME.what == "add filter 7 to interface 5 for class 1000"


def test_counters_are_read_from_a_class_as_the_kernel_lists_it() -> None:
    """struct gnet_stats_basic and gnet_stats_queue in TCA_STATS2 (include/uapi/linux/gen_stats.h)."""
    basic = attribute(1, struct.pack("=QI4x", 7_000_000_000, 5_000_000))
    queue = attribute(3, struct.pack("=5I", 12, 18_000, 3, 0, 99))
    made = htb_class(2_500_000_000, 2_500_000_000)
    counters = messages.class_counters(made.payload + attribute(7, basic + queue))
    assert counters == messages.ClassCounters(
        handle=CLASS,
        sent_bytes=7_000_000_000,
        sent_packets=5_000_000,
        backlog_bytes=18_000,
        backlog_packets=12,
        dropped_packets=3,
        rate_bps=2_500_000_000,
    )


def test_only_the_classes_of_one_qdisc_are_asked_for() -> None:
    message = decoded(messages.class_dump(5, 0x10000))
    assert (message["index"], message["handle"], message["parent"]) == (5, 0, 0x10000)


@pytest.mark.parametrize("rate_bps", [8, 100_000_000, 34_359_738_360, 50_000_000_000])
def test_the_rate_of_a_class_is_read_as_it_was_set_beyond_32_bits_too(rate_bps: int) -> None:
    statistics = attribute(7, attribute(1, bytes(16)) + attribute(3, bytes(20)))
    assert messages.class_counters(htb_class(rate_bps, rate_bps).payload + statistics).rate_bps == rate_bps


def test_a_class_of_another_discipline_has_no_rate() -> None:
    statistics = attribute(7, attribute(1, bytes(16)) + attribute(3, bytes(20)))
    listed = messages.tcmsg(5, CLASS, PARENT) + attribute(1, b"pon\0")
    assert messages.class_counters(listed + statistics).rate_bps is None


def kinds(requests: list[Request]) -> list[str]:
    return [decoded(request).get_attr("TCA_KIND") for request in requests]


def test_an_interface_gets_its_distance_first_and_each_parent_before_its_children() -> None:
    plan = make_plan(pon_tree.network(pon_tree.Parameters(onus=2)))
    assert kinds(interface_requests(5, plan.interface("splitter-eth1"))) == ["netem"]
    line = interface_requests(5, plan.interface("olt-eth0"))
    assert kinds(line) == ["htb", "htb", *["htb", "bfifo"] * 3, "u32", "u32"]
    known = {messages.TC_H_ROOT}
    for request in line:
        message = decoded(request)
        assert len(request.payload) % 4 == 0  # so that one can follow another in a batch
        assert message["parent"] in known
        known.add(message["handle"])


def test_queues_hang_below_the_distance_where_a_port_has_both() -> None:
    plan = make_plan(pon_tree.network(pon_tree.Parameters(onus=2)))
    line = plan.interface("olt-eth0").classes[0]
    shaped = channel_class(line, 0, 10**9, 1000, "x")
    port = Interface(
        name="p", station="a", peer_station="b", peer_name="q", mac="", delay_ns=1000,
        classes=(line, shaped), matches=(Match(order=1, minor=shaped.minor, source="10.1.0.0/16"),),
        default_minor=LINE,
    )  # fmt: skip
    distance, queues, *_ = (decoded(request) for request in interface_requests(5, port))
    assert (distance["handle"], distance["parent"]) == (0x20000, messages.TC_H_ROOT)
    assert (queues["handle"], queues["parent"]) == (0x10000, 0x20001)
