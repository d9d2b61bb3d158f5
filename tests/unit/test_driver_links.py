"""The links of channels are the ports with a rate between a player and a node, each with its name."""

from dataclasses import replace

import pytest
from fake_network import elastic, network_of

from testbed.channel import Link
from testbed.driver.bottlenecks import links_between, shared_links
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Egress, Network
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from testbed.pon import PonStandard, capacity_bps, sure_capacity_bps

SCRIPT = elastic()


@pytest.fixture(scope="module")
def plan() -> NetworkPlan:
    return network_of(SCRIPT).plan


def by_name(links: tuple[Link, ...]) -> dict[tuple[str, str], Link]:
    found = {(link.name, str(link.direction)): link for link in links}
    assert len(found) == len(links)
    return found


def test_the_line_and_every_node_s_port_are_shared_in_both_directions(plan: NetworkPlan) -> None:
    found = by_name(shared_links(plan, SCRIPT.access, ["home1"]))
    names = ("olt–splitter", "edge–metro", "metro–metro1", "metro–region")
    assert set(found) == {(name, direction) for name in names for direction in ("upstream", "downstream")}


def test_a_link_has_the_capacity_of_its_port_in_that_direction(plan: NetworkPlan) -> None:
    found = by_name(shared_links(plan, SCRIPT.access, ["home1"]))
    standard = PonStandard("50G-PON/25G")
    assert found["olt–splitter", "downstream"].capacity_bps == capacity_bps(standard, DOWNSTREAM, 4)
    assert found["edge–metro", "upstream"].capacity_bps == 100 * 10**9


def test_upstream_the_line_has_what_its_assignment_can_give_beside_the_bursts_of_all_channels(
    plan: NetworkPlan,
) -> None:
    standard = PonStandard("50G-PON/25G")
    one = by_name(shared_links(plan, SCRIPT.access, ["home1"]))["olt–splitter", "upstream"]
    two = by_name(shared_links(plan, SCRIPT.access, ["home1", "home2"]))["olt–splitter", "upstream"]
    assert plan.pon is not None
    assert two.capacity_bps < one.capacity_bps < sure_capacity_bps(standard, plan.pon.tconts)
    assert one.capacity_bps > 0.99 * capacity_bps(standard, UPSTREAM, 4)


def test_on_a_shaped_link_the_line_has_the_capacity_of_its_port_in_both_directions() -> None:
    network = network_of(SCRIPT).plan.network
    found = by_name(shared_links(make_plan(network, SCRIPT.access), SCRIPT.access, ["home1"]))
    for direction in (DOWNSTREAM, UPSTREAM):
        capacity = capacity_bps(PonStandard("50G-PON/25G"), direction, 4)
        assert found["olt–splitter", str(direction)].capacity_bps == capacity


def test_what_is_promised_to_all_homes_is_kept_from_channels_on_the_line_only(plan: NetworkPlan) -> None:
    found = by_name(shared_links(plan, SCRIPT.access, ["home1"]))
    assert found["olt–splitter", "downstream"].committed_bps == 4 * 20_000_000
    assert found["olt–splitter", "upstream"].committed_bps == 4 * 10_000_000
    assert found["metro–region", "downstream"].committed_bps == 0


def test_a_session_uses_the_line_and_its_own_node_s_port(plan: NetworkPlan) -> None:
    assert set(links_between(plan, "home1", "region")) == {"olt–splitter", "metro–region"}
    assert links_between(plan, "home1", "edge") == links_between(plan, "home3", "edge")


def with_a_slow_drop(plan: NetworkPlan, home: str) -> NetworkPlan:
    """The same network with a rate on the cable into one home."""
    slow = Egress(rate_bps=10**9, queue_bytes=10_000)
    wires = tuple(
        replace(wire, a_egress=slow, b_egress=slow) if wire.b == home else wire for wire in plan.network.wires
    )
    network = Network(name="drop", stations=plan.network.stations, wires=wires)
    return make_plan(network, SCRIPT.access)


def test_a_link_of_one_player_alone_is_shared_by_its_channels_too(plan: NetworkPlan) -> None:
    slow = with_a_slow_drop(plan, "home3")
    assert "home3–onu3" in links_between(slow, "home3", "edge")
    shared = {link.name for link in shared_links(slow, SCRIPT.access, ["home1", "home3"])}
    assert set(links_between(slow, "home3", "edge")) <= shared
    without = {link.name for link in shared_links(slow, SCRIPT.access, ["home1"])}
    assert "home3–onu3" not in without  # the control


@pytest.mark.parametrize("player", ["home1", "home2", "home3", "home4", "tablet"])
def test_every_link_between_a_player_and_a_node_is_among_the_shared(plan: NetworkPlan, player: str) -> None:
    shared = {link.name for link in shared_links(plan, SCRIPT.access, [player])}
    for node in ("edge", "metro1", "region"):
        assert set(links_between(plan, player, node)) <= shared
