"""Mininet's options of a link: what each one asks for, and which cannot be carried out."""

import struct
from typing import Any

import pytest

from testbed.net.messages import RTM_NEWQDISC, RTM_NEWTCLASS, attributes_of
from testbed.net.stock_messages import option_requests
from testbed.net.stock_options import LinkOptionError, LinkOptions, link_options


def read(**given: Any) -> LinkOptions | None:
    return link_options(given, is_switch=False)


def refused(**given: Any) -> str:
    with pytest.raises(LinkOptionError) as found:
        read(**given)
    return str(found.value)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"bw": 10}, LinkOptions(rate_bps=10_000_000)),
        ({"bw": "2.5"}, LinkOptions(rate_bps=2_500_000)),
        ({"bw": 40_000}, LinkOptions(rate_bps=40_000_000_000)),
        ({"delay": "10ms"}, LinkOptions(delay_ns=10_000_000)),
        ({"delay": "1.5s", "jitter": "1 ms"}, LinkOptions(delay_ns=1_500_000_000, jitter_ns=1_000_000)),
        ({"delay": 20}, LinkOptions(delay_ns=20_000)),
        ({"delay": "70ns"}, LinkOptions(delay_ns=70)),
        ({"loss": 1}, LinkOptions(loss=0.01)),
        ({"loss": "0.5%"}, LinkOptions(loss=0.005)),
        ({"max_queue_size": 100}, LinkOptions(queue_packets=100)),
        ({"bw": 10, "use_htb": True, "gro": False, "txo": True}, LinkOptions(rate_bps=10_000_000)),
        ({"bw": 10, "use_tbf": False, "latency_ms": None}, LinkOptions(rate_bps=10_000_000)),
        ({}, None),
        ({"bw": None, "delay": None, "loss": 0, "use_htb": True}, None),
    ],
)
def test_what_an_option_asks_for(given: dict[str, Any], options: LinkOptions | None) -> None:
    assert read(**given) == options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bw": 10, "use_tbf": True}, "use_tbf=True: a shaped link's scheduler is HTB"),
        ({"bw": 10, "use_hfsc": 1}, "use_hfsc=1: a shaped link's scheduler is HTB"),
        ({"bw": 10, "use_htb": False}, "use_htb=False: on a shaped link it is True"),
        ({"latency_ms": 5}, "latency_ms=5: that is of TBF"),
        ({"enable_red": True}, "enable_red=True"),
        ({"enable_ecn": "True"}, "enable_ecn=True"),
        ({"gro": True}, "gro=True: on a shaped link it is False"),
        ({"txo": False}, "txo=False: on a shaped link it is True"),
        ({"bandwidth": 10}, "bandwidth=10: a shaped link has no such option; it has bw, delay, jitter"),
        ({"bw": 0}, "bw=0: a rate in Mbit/s is at least"),
        ({"bw": -1}, "bw=-1: it must be 0 or more"),
        ({"bw": "fast"}, "bw=fast: that is no number"),
        ({"bw": float("nan")}, "bw=nan: it must be 0 or more, and finite"),
        ({"delay": "10 parsecs"}, "delay=10 parsecs: write a time with its unit"),
        ({"delay": "-1ms"}, "delay=-1ms: write a time"),
        ({"jitter": "1ms"}, "jitter=1ms is more than the delay, 0"),
        ({"loss": 101}, "loss=101: it is a percentage"),
        ({"max_queue_size": 0}, "max_queue_size=0: it must be a whole number"),
        ({"max_queue_size": 2.5}, "max_queue_size=2.5: it must be a whole number"),
        ({"speedup": 100}, "speedup=100 is in place of a bw"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], message: str) -> None:
    assert refused(**given).startswith(message)


def test_a_speedup_is_for_the_switch_s_side() -> None:
    given = {"bw": 10, "speedup": 100}
    assert [link_options(given, is_switch=side) for side in (False, True)] == [
        LinkOptions(rate_bps=10_000_000),
        LinkOptions(rate_bps=100_000_000),
    ]


def test_delay_comes_first_and_the_queue_below_it() -> None:
    requests = option_requests(7, LinkOptions(rate_bps=8_000_000, delay_ns=5, queue_packets=3))
    assert [each.kind for each in requests] == [RTM_NEWQDISC, RTM_NEWQDISC, RTM_NEWTCLASS, RTM_NEWQDISC]
    kinds = [dict(attributes_of(each.payload[20:]))[1].rstrip(b"\0") for each in requests]
    assert kinds == [b"netem", b"htb", b"htb", b"pfifo"]
    assert struct.unpack("=I", dict(attributes_of(requests[3].payload[20:]))[2]) == (3,)


def test_a_queue_without_a_rate_bounds_what_is_on_its_way() -> None:
    [netem] = option_requests(7, LinkOptions(queue_packets=3))
    options = dict(attributes_of(netem.payload[20:]))[2]
    assert struct.unpack_from("=6I", options)[1] == 3


def test_a_certain_loss_loses_everything() -> None:
    [netem] = option_requests(7, LinkOptions(loss=1.0))
    assert struct.unpack_from("=6I", dict(attributes_of(netem.payload[20:]))[2])[2] == 2**32 - 1
