"""The way between two hosts is the one that their packets will take."""

from typing import Any

import pytest

from testbed.model.access import Access
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.plan.paths import delay_and_variation_ns, delay_ns, farthest_ns, mtu_bytes, way
from topologies import cluster, compute_mesh, elastic_access, supernode


def graph(*wires: tuple[str, str, int]) -> Network:
    """Stations by their letter (h and k are hosts, others forward), wires with their delay."""
    names = dict.fromkeys(name for a, b, _ in wires for name in (a, b))
    return Network(
        name="graph",
        stations=tuple(
            Station(name=name, role=Role.HOME if name[0] in "hk" else Role.METRO) for name in names
        ),
        wires=tuple(
            Wire(a=a, b=b, a_egress=Egress(delay_ns=delay), b_egress=Egress(delay_ns=2 * delay))
            for a, b, delay in wires
        ),
    )


def stations(network: Network, source: str, destination: str) -> list[str]:
    hops = way(network, source, destination)
    return [*(hop.here for hop in hops), hops[-1].there]


def test_the_way_of_least_delay_is_taken_not_the_one_of_fewest_hops() -> None:
    network = graph(("h", "a", 1), ("a", "b", 9), ("a", "c", 2), ("c", "b", 3), ("b", "k", 1))
    assert stations(network, "h", "k") == ["h", "a", "c", "b", "k"]
    assert delay_ns(network, "h", "k") == 7


def test_each_direction_has_its_own_delay() -> None:
    network = graph(("h", "a", 1), ("a", "k", 4))
    assert (delay_ns(network, "h", "k"), delay_ns(network, "k", "h")) == (5, 10)


def test_no_way_leads_through_a_host() -> None:
    around = (("h", "a", 1), ("a", "b", 50), ("b", "k", 1))
    network = graph(*around, ("a", "h2", 1), ("h2", "b", 1))
    assert stations(network, "h", "k") == ["h", "a", "b", "k"]
    shortcut = graph(*around, ("a", "c", 1), ("c", "b", 1))  # the control: a bridge in its place
    assert stations(shortcut, "h", "k") == ["h", "a", "c", "b", "k"]


def test_hosts_with_a_wire_between_them_use_it_even_when_it_is_the_longer_way() -> None:
    """As their routes do: a distance that no packet takes would mislead whoever places jobs by it."""
    network = graph(("h", "a", 1), ("a", "k", 1), ("h", "k", 30))
    assert delay_ns(network, "h", "k") == 30
    pair = compute_mesh.Pair(a="node1", b="node2", delay_ns=9_000_000)
    mesh = compute_mesh.network(compute_mesh.Parameters(pairs=(pair,)))
    assert delay_ns(mesh, "node1", "node2") == 9_000_000
    assert delay_ns(mesh, "node1", "node3") == 1_000_000


def test_a_host_is_at_no_distance_from_itself() -> None:
    assert delay_ns(graph(("h", "a", 1)), "h", "h") == 0


def test_without_a_way_the_error_names_both_ends() -> None:
    network = graph(("h", "a", 1), ("b", "k", 1))
    with pytest.raises(ValueError, match="no way from h to k in network graph"):
        way(network, "h", "k")


def test_the_distance_over_the_whole_access_network_is_the_sum_of_its_parts() -> None:
    network = elastic_access.network(elastic_access.Parameters(fibres={"onu2": 5_000}))
    fibre_ns, metro_ns, node_ns = 98_000, 196_000, 500_000  # 20 km and 40 km at 4.9 µs/km, node1
    assert delay_ns(network, "home1", "node1") == fibre_ns + metro_ns + node_ns
    assert delay_ns(network, "node1", "home2") == fibre_ns // 4 + metro_ns + node_ns


def test_the_largest_packet_is_that_of_the_narrowest_wire() -> None:
    fabric = supernode.network(supernode.Parameters(nodes=4, planes=2))
    assert mtu_bytes(fabric, "npu1", "npu3") == 65_535
    assert mtu_bytes(fabric, "npu1", "controller") == 1_500
    racks = cluster.network(cluster.Parameters(servers=16))
    assert mtu_bytes(racks, "server1", "server9") == 9_000


def test_full_queues_on_a_way_can_add_what_they_hold_at_their_rates() -> None:
    """A node's wire at 25 Gbit/s empties 16 MB in 5.12 ms; a home has the access profile's queues."""
    down = {"rate": "100 Mbit/s", "committed": "20 Mbit/s", "queue": "500 kB"}
    access = Access.model_validate({"downstream": down, "upstream": {**down, "committed": "25 Mbit/s"}})
    nodes = {"node1": {"delay": "4 ms"}}
    parameters = {"onus": 1, "nodes": nodes, "controller": "1 ms"}
    network = elastic_access.network(elastic_access.Parameters.model_validate(parameters))
    own_ns = 16_000_000 * 8 * 10**9 // 25_000_000_000
    assert delay_and_variation_ns(network, access, "node1", "controller")[0] == 5_000_000
    to_control, from_control = (
        delay_and_variation_ns(network, access, *ends)[1]
        for ends in (("node1", "controller"), ("controller", "node1"))
    )
    assert to_control == from_control == own_ns == 5_120_000
    assert delay_and_variation_ns(network, access, "node1", "home1")[1] == own_ns + 200_000_000
    assert delay_and_variation_ns(network, access, "home1", "node1")[1] == own_ns + 160_000_000 + 2_000_000
    assert delay_and_variation_ns(network, access, "node1", "node1") == (0, 0)


@pytest.mark.parametrize("make", [supernode, elastic_access, cluster, compute_mesh])
def test_the_farthest_of_some_hosts_is_as_far_as_its_way_is_long(make: Any) -> None:
    network = make.network(make.Parameters())
    nodes = [station.name for station in network.having(Role.COMPUTE)][:6]
    for node in nodes:
        assert farthest_ns(network, node, nodes) == max(delay_ns(network, node, other) for other in nodes)
