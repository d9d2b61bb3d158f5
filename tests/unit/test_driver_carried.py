"""What a channel carries is told from everything else by addresses and ports, in one filter a direction."""

from dataclasses import replace

import pytest
from fake_network import elastic, network_of

from testbed.driver.flow_filters import filters_of_order
from testbed.host.orders import ChannelOrder
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.plan.network_plan import NetworkPlan, Ports
from testbed.plan.pon_ports import FIRST_CLASS_ORDER

SCRIPT = elastic()
PLAYER = SCRIPT.sessions["player"]
PLAN: NetworkPlan = network_of(SCRIPT).plan


def order(
    device: str = "home1", server: str = "10.2.0.1/32", device_ports: Ports = (), server_ports: Ports = ()
) -> ChannelOrder:
    assert PLAYER.channel is not None
    return ChannelOrder(
        session="s",
        device=device,
        server=server,
        device_ports=device_ports,
        server_ports=server_ports,
        profile="P",
        channel=PLAYER.channel,
        lifetime_ns=None,
    )


def test_without_ports_it_is_all_between_the_two_hosts() -> None:
    carried = filters_of_order(PLAN, 3, order())
    down, up = carried.downstream, carried.upstream
    assert (down.source, down.destination) == ("10.2.0.1/32", "10.1.1.1")
    assert (up.source, up.destination) == ("10.1.1.1", "10.2.0.1/32")
    assert {down.source_ports, down.destination_ports, up.source_ports, up.destination_ports} == {()}
    assert not down.udp


def test_its_links_and_its_distance_are_those_of_the_way_to_the_node() -> None:
    carried = filters_of_order(PLAN, 0, order())
    assert carried.nodes == ("edge",)
    assert set(carried.links) == {"olt–splitter", "edge–metro"}
    assert carried.delay_ns == 20 * 4_900 + 60 * 4_900 + 500_000


def test_a_prefix_counts_on_the_ways_to_all_nodes_in_it_and_takes_the_longest_as_its_distance() -> None:
    carried = filters_of_order(PLAN, 0, order(server="0.0.0.0/0"))
    assert carried.nodes == ("edge", "metro1", "region")
    assert set(carried.links) == {"olt–splitter", "edge–metro", "metro–metro1", "metro–region"}
    assert carried.delay_ns == 20 * 4_900 + 60 * 4_900 + 7_600_000


def test_what_takes_all_of_a_device_comes_after_what_takes_a_flow_of_it() -> None:
    """Whichever was ordered first, and so has the lower number: an assignment stands beside sessions."""
    minute_ns = 60 * 10**9
    assignment = filters_of_order(PLAN, 0, order(server="0.0.0.0/0"))
    wide = filters_of_order(PLAN, 1, replace(order(server="0.0.0.0/0"), lifetime_ns=minute_ns))
    prefix = filters_of_order(PLAN, 2, replace(order(server="10.2.0.0/31"), lifetime_ns=minute_ns))
    narrow = filters_of_order(PLAN, 63, order())
    by_ports = filters_of_order(PLAN, 63, order(server="0.0.0.0/0", server_ports=((443, 443),)))
    for session in (narrow, by_ports):
        assert session.downstream.order < wide.downstream.order < prefix.downstream.order
    assert prefix.downstream.order < assignment.downstream.order < FIRST_CLASS_ORDER


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (order(device="edge"), "there is no device edge; the homes have home1, tablet"),
        (order(server="192.0.2.0/24"), r"no compute node has an address in 192\.0\.2\.0/24"),
    ],
)
def test_what_the_network_cannot_carry_is_told(wrong: ChannelOrder, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        filters_of_order(PLAN, 0, wrong)


@pytest.mark.parametrize(
    ("device_ports", "server_ports"),
    [
        (((1024, 65_535),), ((10_000, 20_000),)),
        (((1, 1), (4, 5)), ((80, 80), (443, 443))),
        ((), ((0, 65_535),)),
    ],
)
def test_ports_of_both_ends_are_one_match_in_each_direction(device_ports: Ports, server_ports: Ports) -> None:
    carried = filters_of_order(PLAN, 0, order(device_ports=device_ports, server_ports=server_ports))
    down, up = carried.towards(DOWNSTREAM), carried.towards(UPSTREAM)
    assert (down.source_ports, down.destination_ports) == (server_ports, device_ports)
    assert (up.source_ports, up.destination_ports) == (device_ports, server_ports)
    assert not down.udp
    assert not up.udp
