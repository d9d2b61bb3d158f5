"""The traditional cluster: racks, their uplinks and the distances between servers."""

from testbed.model.network import Role
from testbed.plan.make import make_plan
from testbed.plan.paths import delay_ns, way
from topologies import cluster, elastic_cluster


def test_servers_of_a_rack_are_nearer_than_those_of_two() -> None:
    network = cluster.network(cluster.Parameters(servers=10, per_rack=4))
    assert delay_ns(network, "server1", "server4") == 2_000
    assert delay_ns(network, "server1", "server5") == 5_000
    assert [node.domain for node in network.having(Role.COMPUTE)][3:6] == ["rack1", "rack2", "rack2"]


def test_an_uplink_has_the_rate_of_its_servers_over_the_oversubscription() -> None:
    network = cluster.network(
        cluster.Parameters(servers=10, per_rack=4, server_rate_bps=100_000_000_000, oversubscription=2.5)
    )
    rates = {rack: dict(network.neighbours(f"tor{rack}"))["spine"].rate_bps for rack in (1, 2, 3)}
    assert rates == {1: 160_000_000_000, 2: 160_000_000_000, 3: 80_000_000_000}


def test_a_home_reaches_a_server_over_the_spine() -> None:
    network = elastic_cluster.network(elastic_cluster.Parameters(servers=4, onus=1))
    hops = [hop.there for hop in way(network, "home1", "server3")]
    assert hops == ["onu1", "splitter", "olt", "spine", "tor1", "server3"]
    plan = make_plan(network)
    assert {each.interface for each in plan.neighbours if each.station == "server1"} == {"server1-eth0"}


def test_wires_of_the_cluster_carry_larger_packets_than_the_pon() -> None:
    plan = make_plan(elastic_cluster.network(elastic_cluster.Parameters(servers=4, onus=1)))
    assert (plan.interface("server1-eth0").mtu_bytes, plan.interface("home1-eth0").mtu_bytes) == (9000, 1500)
