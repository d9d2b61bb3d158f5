"""What TCP may hold on a host follows from the rates and the delays of its ways."""

from itertools import permutations

import pytest

from testbed.model.access import Access, Subscription
from testbed.model.base import DOWNSTREAM
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.model.pon import Pon, TContClass
from testbed.plan.make import SHAPED_LINK, UNLIMITED, make_plan
from testbed.plan.paths import delay_ns, way
from testbed.plan.plan_text import plan_text
from testbed.plan.tcp_buffers import KERNEL_BYTES, tcp_buffers
from testbed.scenario import load
from topologies import elastic_access

MS = 1_000_000
GIGABIT_BPS = 10**9


def two_nodes(*ends: Egress) -> Network:
    """Two hosts with a bridge between them; what happens to a frame that leaves each."""
    stations = (
        Station(name="a", role=Role.COMPUTE), Station(name="b", role=Role.COMPUTE),
        Station(name="between", role=Role.METRO),
    )  # fmt: skip
    wires = (Wire(a="a", b="between", a_egress=ends[0]), Wire(a="b", b="between", a_egress=ends[1]))
    return Network(name="two", stations=stations, wires=wires)


def buffers(
    network: Network, access: Access = UNLIMITED, pon: Pon = SHAPED_LINK, *, orders: bool = False
) -> dict[str, int]:
    return dict(tcp_buffers(network, access, pon, orders=orders))


def test_both_ends_have_four_times_what_the_way_holds_in_a_round_trip() -> None:
    network = two_nodes(Egress(delay_ns=80 * MS, rate_bps=720_000_000), Egress(delay_ns=80 * MS))
    held = 720_000_000 * 160 // 8_000
    assert buffers(network) == {"a": 4 * held, "b": 4 * held}


def test_the_slowest_port_of_each_direction_counts_and_the_delays_of_both() -> None:
    network = two_nodes(
        Egress(delay_ns=10 * MS, rate_bps=GIGABIT_BPS), Egress(delay_ns=30 * MS, rate_bps=2 * GIGABIT_BPS)
    )
    assert set(buffers(network).values()) == {4 * 2 * GIGABIT_BPS * 40 // 8_000}


def test_what_the_kernel_gives_by_itself_is_not_asked_for() -> None:
    near = Egress(delay_ns=2 * MS, rate_bps=GIGABIT_BPS)
    assert 4 * GIGABIT_BPS * 4 // 8_000 < KERNEL_BYTES
    assert buffers(two_nodes(near, near)) == {}


def test_a_way_without_a_rate_asks_for_nothing() -> None:
    assert buffers(two_nodes(Egress(delay_ns=100 * MS), Egress(delay_ns=100 * MS))) == {}


def home_far_away() -> Network:
    parameters = {"onus": 2, "nodes": {"node1": {"delay": "40 ms", "rate": "100 Gbit/s"}}}
    return elastic_access.network(elastic_access.Parameters.model_validate(parameters))


def subscription(rate: str) -> Access:
    offer = Subscription.model_validate({"rate": rate, "committed": "0 bit/s", "queue": "1 MB"})
    return Access(downstream=offer, upstream=offer)


def test_a_home_counts_with_its_subscription_or_with_the_line_if_it_can_order_more() -> None:
    network = home_far_away()
    held = buffers(network, subscription("1 Gbit/s"))
    assert set(held) == {"home1", "home2", "node1"}
    # 40 ms to the node, and the fibres of PON and metro.
    assert 4 * GIGABIT_BPS * 80 // 8_000 < held["home1"] < 4 * GIGABIT_BPS * 81 // 8_000
    line_bps = next(
        egress.rate_bps or 0 for _, egress in network.neighbours("olt") if egress.pon is DOWNSTREAM
    )
    ordered = buffers(network, subscription("1 Gbit/s"), orders=True)
    assert ordered["home1"] == pytest.approx(held["home1"] * line_bps / GIGABIT_BPS, rel=0.001)
    assert buffers(network, subscription("10 Mbit/s")) == {}


def test_a_class_of_traffic_may_have_more_than_the_subscription() -> None:
    downstream = {"rate": "2 Gbit/s"}
    gold = TContClass.model_validate({"assured": "3 Gbit/s", "downstream": downstream})
    access, network = subscription("1 Gbit/s"), home_far_away()
    alone, beside = buffers(network, access), buffers(network, access, Pon(tconts={"gold": gold}))
    assert beside["home1"] == pytest.approx(3 * alone["home1"], rel=0.001)


def test_the_ways_are_those_of_packets_for_each_pair_of_hosts() -> None:
    """Not every host's ways are followed: those of one stand for those of all that are wired alike."""
    nodes = {
        f"node{number}": {"delay": f"{number} ms", "rate": f"{10 * number} Gbit/s"} for number in (1, 2, 3)
    }
    parameters = {"onus": 3, "devices": {"onu2": ["tv"]}, "nodes": nodes, "mesh_delay": "7 ms"}
    network = elastic_access.network(elastic_access.Parameters.model_validate(parameters))
    access = subscription("5 Gbit/s")
    hosts = [station.name for station in network.stations if station.role.is_host]
    needed = dict.fromkeys(hosts, 0)
    for here, there in permutations(hosts, 2):
        rates = [
            min(hop.egress.rate_bps, 5 * GIGABIT_BPS) if hop.egress.pon else hop.egress.rate_bps
            for hop in way(network, here, there)
            if hop.egress.rate_bps
        ]
        if rates:
            round_trip_ns = delay_ns(network, here, there) + delay_ns(network, there, here)
            held = 4 * (min(rates) * round_trip_ns // (8 * 10**9))
            needed[here], needed[there] = max(needed[here], held), max(needed[there], held)
    assert buffers(network, access) == {host: held for host, held in needed.items() if held > KERNEL_BYTES}
    assert len(buffers(network, access)) == len(hosts) == 7


def test_the_plan_tells_what_a_host_is_given() -> None:
    network = two_nodes(Egress(delay_ns=80 * MS, rate_bps=720_000_000), Egress(delay_ns=80 * MS))
    assert "tcp 57.6 MB" in plan_text(make_plan(network))
    assert make_plan(network).address("a").tcp_buffer_bytes == 57_600_000


def test_planning_a_large_fabric_takes_no_noticeable_time_for_it() -> None:
    """385 hosts, of which all nodes are wired alike but for their planes."""
    file = load("supernode_384")
    variant = next(iter(file.variants))
    assert (
        len(buffers(file.networks[variant], file.variants[variant].access, file.variants[variant].pon)) == 385
    )
