"""Orders of the API become channels of the network, and every stage of theirs becomes news."""

from typing import Any

import pytest
from fake_network import FakeAssignment, FakeEvents, FakeLoop, FakeNetwork, elastic, network_of

from testbed.driver.bottlenecks import shared_links
from testbed.driver.channels import Channels
from testbed.driver.northbound import MOST_CHANNELS, Northbound
from testbed.driver.protocols import Placed
from testbed.driver.tc_southbound import TcSouthbound
from testbed.errors import InvariantError
from testbed.host.orders import (
    ChannelOrder,
    ExtendOrder,
    Order,
    WithdrawOrder,
    order_from_message,
    order_to_message,
)
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.channel import ChannelRequest
from testbed.plan.shaping import FIRST_CHANNEL

SECOND = 10**9
M = 10**6
FIRST_NUMBER = 5
HOMES = ("home1", "home2", "home3", "home4")


def channel(down_bps: int = 500 * M, **changes: Any) -> ChannelRequest:
    return ChannelRequest.model_validate(
        {
            "policy": "static",
            "downstream": {"committed_bps": down_bps, "peak_bps": down_bps, "queue_bytes": 1_000_000},
            "upstream": {"committed_bps": 50 * M, "peak_bps": 50 * M, "queue_bytes": 100_000},
            "serialisation_ns": 1_000_000,
            "hold_ns": 0,
            **changes,
        }
    )


def order(session: str = "s1", device: str = "home1", **changes: Any) -> ChannelOrder:
    fields: dict[str, Any] = {
        "server": "10.2.0.1/32",
        "device_ports": (),
        "server_ports": ((443, 443),),
        "profile": "QOS_500M",
        "channel": channel(),
        "lifetime_ns": 60 * SECOND,
    }
    return ChannelOrder(session=session, device=device, **{**fields, **changes})


class Network:
    """The network's end of the API on a network that writes down what is done to it."""

    def __init__(self, sessions: list[Placed] | None = None) -> None:
        script = elastic()
        self.network: FakeNetwork = network_of(script)
        self.loop, self.events = FakeLoop(), FakeEvents()
        self.news: list[tuple[str, str]] = []
        self.said: list[dict[str, Any]] = []
        southbound = TcSouthbound(self.network, FakeAssignment(self.network))  # type: ignore[arg-type]
        self.channels = Channels(
            southbound,
            shared_links(self.network.plan, script.access, HOMES),
            script.channels,
            self.loop,  # type: ignore[arg-type]
            self.events,  # type: ignore[arg-type]
        )
        self.northbound = Northbound(
            self.network,
            self.channels,
            southbound,
            self.events,  # type: ignore[arg-type]
            self.loop.clock,
            first_number=FIRST_NUMBER,
            sessions=lambda: sessions or [],
        )

    def say(self, message: dict[str, Any]) -> None:
        self.said.append(message)
        if message["kind"] == "news":
            self.news.append((message["session"], str(message["stage"])))

    def order(self, order: Order) -> None:
        self.northbound.order(order_to_message(order), self.say)

    def rates(self) -> dict[int, int]:
        """What the classes downstream have, by the numbers of their channels."""
        return {
            minor - FIRST_CHANNEL: shaped.rate_bps
            for (direction, minor), shaped in self.network.classes.items()
            if direction is DOWNSTREAM
        }


@pytest.mark.parametrize(
    "sent", [order(), ExtendOrder(session="s1", lifetime_ns=5), WithdrawOrder(session="s1")]
)
def test_an_order_survives_the_line(sent: Order) -> None:
    assert order_from_message(order_to_message(sent)) == sent


def test_an_order_opens_a_class_in_each_direction_and_says_so() -> None:
    network = Network()
    network.order(order())
    assert network.rates() == {FIRST_NUMBER: 500 * M}
    assert network.network.classes[UPSTREAM, FIRST_CHANNEL + FIRST_NUMBER].rate_bps == 50 * M
    assert network.news == [("s1", "admitted"), ("s1", "active")]


def test_what_is_withdrawn_is_closed_and_its_number_used_again() -> None:
    network = Network()
    network.order(order())
    network.order(WithdrawOrder(session="s1"))
    assert network.rates() == {}
    assert network.news[-1] == ("s1", "released")
    network.order(order("s2", "home2"))
    assert network.rates() == {FIRST_NUMBER: 500 * M}


def test_a_channel_expires_by_itself_and_later_if_it_was_extended() -> None:
    for extended, ends_s in ((False, 60), (True, 90)):
        network = Network()
        network.order(order())
        if extended:
            network.order(ExtendOrder(session="s1", lifetime_ns=90 * SECOND))
        network.loop.pass_until(ends_s * SECOND - 1)
        assert network.rates() == {FIRST_NUMBER: 500 * M}
        network.loop.pass_until(ends_s * SECOND)
        assert network.rates() == {}
        assert network.news[-1] == ("s1", "expired")


def test_what_comes_too_late_changes_nothing() -> None:
    network = Network()
    network.order(order())
    network.loop.pass_until(60 * SECOND)
    before = list(network.said)
    network.order(ExtendOrder(session="s1", lifetime_ns=90 * SECOND))
    network.order(WithdrawOrder(session="s1"))
    network.order(WithdrawOrder(session="never heard of"))
    assert network.said == before


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    network = Network()
    network.order(order(channel=channel(25_000 * M)))
    network.order(order("s2", "home2", channel=channel(25_000 * M)))
    assert network.news[-1] == ("s2", "refused")
    assert "would fit" in network.said[-1]["reason"]
    assert network.rates() == {FIRST_NUMBER: 25_000 * M}
    network.order(order("s3", "home3"))
    assert network.rates()[FIRST_NUMBER + 1] == 500 * M


def test_a_server_that_the_network_does_not_have_is_refused_with_the_reason() -> None:
    network = Network()
    network.order(order(server="192.0.2.1/32"))
    assert network.news == [("s1", "refused")]
    assert network.events.kinds() == ["channel.order", "channel.refuse"]
    assert network.rates() == {}


def test_who_is_pre_empted_is_told_and_its_number_is_free() -> None:
    network = Network()
    network.order(order(channel=channel(25_000 * M, priority=50)))
    network.order(order("s2", "home2", channel=channel(25_000 * M, priority=10, preempts=True)))
    assert network.news[2:] == [("s1", "preempted"), ("s2", "admitted"), ("s2", "active")]
    assert network.rates() == {FIRST_NUMBER + 1: 25_000 * M}
    network.order(order("s3", "home3"))
    assert FIRST_NUMBER in network.rates()


def test_there_is_an_end_to_the_channels_and_it_is_told() -> None:
    network = Network()
    for number in range(MOST_CHANNELS):
        network.order(order(f"s{number}", HOMES[number % 4], channel=channel(M)))
    assert len(network.rates()) == MOST_CHANNELS
    network.order(order("more", channel=channel(M)))
    assert network.news[-1] == ("more", "refused")
    network.order(WithdrawOrder(session="s7"))
    network.order(order("again", channel=channel(M)))
    assert network.news[-1] == ("again", "active")


def test_each_of_two_apis_hears_of_its_own_channels_alone() -> None:
    network = Network()
    other: list[dict[str, Any]] = []
    network.order(order())
    network.northbound.order(order_to_message(order("s2", "home2")), other.append)
    network.order(WithdrawOrder(session="s1"))
    assert {session for session, _ in network.news} == {"s1"}
    assert {message["session"] for message in other} == {"s2"}


def placed() -> Placed:
    return Placed(name="game", session=elastic().sessions["player"], node="edge", first_port=40_000)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"server_ports": ((40_000, 40_003),)}, "game"),
        ({"server_ports": ()}, "game"),
        ({"server_ports": ((40_000, 40_002),)}, "s1"),
        ({"device": "home2"}, "s1"),
        ({"server": "10.2.0.2/32"}, "s1"),
    ],
)
def test_a_channel_for_a_session_s_packets_is_recorded_by_the_session_s_name(
    changes: dict[str, Any], name: str
) -> None:
    network = Network([placed()])
    network.order(order(**changes))
    assert {event["session"] for event in network.events.written} == {name}
    assert network.channels.rate_bps(name, DOWNSTREAM) == 500 * M
    assert network.news == [("s1", "admitted"), ("s1", "active")]


def test_the_classes_are_told_as_the_kernel_has_them() -> None:
    network = Network([placed()])
    network.order(order(server_ports=()))
    network.network.backlog[DOWNSTREAM, FIRST_CHANNEL + FIRST_NUMBER] = 9_000
    network.northbound.order({"kind": "classes"}, network.say)
    down, up = network.said[-1]["classes"]
    assert (down["session"], down["name"], down["direction"]) == ("s1", "game", "downstream")
    assert (down["granted_bps"], down["backlog_bytes"]) == (500 * M, 9_000)
    assert (up["direction"], up["granted_bps"]) == ("upstream", 50 * M)


def test_what_it_does_not_understand_is_an_error() -> None:
    with pytest.raises(InvariantError, match="'dance'"):
        Network().northbound.order({"kind": "dance"}, lambda _message: None)
