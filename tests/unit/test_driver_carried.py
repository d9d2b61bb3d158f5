"""What a channel carries is told from everything else by addresses and ports, in as few filters as can be."""

import pytest
from fake_network import elastic, network_of
from hypothesis import given
from hypothesis import strategies as st

from testbed.driver.carried import carried_of_order
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.plan.network_plan import Match, NetworkPlan
from testbed.program.orders import ChannelOrder, Ports

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
    carried = carried_of_order(PLAN, 3, order())
    (down,), (up,) = carried.downstream, carried.upstream
    assert (down.source, down.destination) == ("10.2.0.1/32", "10.1.1.1")
    assert (up.source, up.destination) == ("10.1.1.1", "10.2.0.1/32")
    assert {down.source_ports, down.destination_ports, up.source_ports, up.destination_ports} == {None}
    assert not down.udp


def test_its_links_and_its_distance_are_those_of_the_way_to_the_node() -> None:
    carried = carried_of_order(PLAN, 0, order())
    assert carried.nodes == ("edge",)
    assert set(carried.links) == {"olt–splitter", "edge–metro"}
    assert carried.delay_ns == 20 * 4_900 + 60 * 4_900 + 500_000


def test_a_prefix_counts_on_the_ways_to_all_nodes_in_it_and_takes_the_longest_as_its_distance() -> None:
    carried = carried_of_order(PLAN, 0, order(server="0.0.0.0/0"))
    assert carried.nodes == ("edge", "metro1", "region")
    assert set(carried.links) == {"olt–splitter", "edge–metro", "metro–metro1", "metro–region"}
    assert carried.delay_ns == 20 * 4_900 + 60 * 4_900 + 7_600_000


def test_what_takes_all_of_a_device_comes_after_what_takes_a_flow_of_it() -> None:
    wide = carried_of_order(PLAN, 0, order(server="0.0.0.0/0"))
    narrow = carried_of_order(PLAN, 63, order())
    by_ports = carried_of_order(PLAN, 63, order(server="0.0.0.0/0", server_ports=((443, 443),)))
    first = wide.downstream[0].order
    assert narrow.downstream[0].order < first
    assert by_ports.downstream[0].order < first


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (order(device="edge"), "there is no device edge; the homes have home1, tablet"),
        (order(server="192.0.2.0/24"), r"no compute node has an address in 192\.0\.2\.0/24"),
        (order(server_ports=tuple((2 * n, 2 * n) for n in range(65))), "the ports take 65 filters, and 64"),
    ],
)
def test_what_the_network_cannot_carry_is_told(wrong: ChannelOrder, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        carried_of_order(PLAN, 0, wrong)


def ports_of(matches: tuple[Match, ...], *, source: bool) -> list[int]:
    blocks = [match.source_ports if source else match.destination_ports for match in matches]
    return [port for block in blocks if block for port in range(block.first, block.first + block.size)]


@given(first=st.integers(0, 65_535), length=st.integers(0, 2_000))
def test_a_range_of_ports_is_matched_exactly_and_by_blocks_that_a_mask_can_tell(
    first: int, length: int
) -> None:
    last = min(first + length, 65_535)
    carried = carried_of_order(PLAN, 0, order(server_ports=((first, last),)))
    assert ports_of(carried.towards(DOWNSTREAM), source=True) == list(range(first, last + 1))
    assert ports_of(carried.towards(UPSTREAM), source=False) == list(range(first, last + 1))
    for match in carried.downstream:
        assert match.source_ports is not None
        assert match.source_ports.size.bit_count() == 1
        assert match.source_ports.first % match.source_ports.size == 0


def test_every_port_takes_one_block() -> None:
    (match,) = carried_of_order(PLAN, 0, order(device_ports=((0, 65_535),))).downstream
    assert match.destination_ports is not None
    assert match.destination_ports.size == 65_536


def test_ports_of_both_ends_are_matched_in_every_combination() -> None:
    carried = carried_of_order(
        PLAN, 0, order(device_ports=((1, 1), (4, 5)), server_ports=((80, 80), (443, 443)))
    )
    assert len(carried.downstream) == len(carried.upstream) == 4
    assert {match.order for match in carried.downstream} == {1}
