"""The supernode's distances, chassis and planes, and the addresses and routes that its plan gives them."""

from pathlib import Path

import pytest

from testbed.model.base import FieldError
from testbed.model.network import Network, Role
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NextHop, Route
from testbed.plan.paths import delay_ns
from topologies import elastic_supernode, supernode


def built(**parameters: object) -> Network:
    return supernode.network(supernode.Parameters.model_validate(parameters))


def test_the_default_has_384_nodes_in_48_chassis() -> None:
    network = built()
    nodes = network.having(Role.COMPUTE)
    assert (len(nodes), len({node.domain for node in nodes})) == (384, 48)
    assert network.fabric is not None
    assert {*network.fabric.delays_ns[0]} == {0, 929, 2500}


def test_nodes_of_a_device_of_a_chassis_and_of_others_are_at_their_own_distances() -> None:
    network = built(nodes=16, per_chassis=8, per_device=2)
    ways = [delay_ns(network, "npu1", other) for other in ("npu1", "npu2", "npu3", "npu8", "npu9")]
    assert ways == [0, 218, 929, 929, 2500]
    assert delay_ns(network, "npu9", "npu1") == 2500


def test_a_nodes_own_tier_is_no_default_but_a_matter_of_devices() -> None:
    """The control: with one node to a device no pair is as near as two dies of one."""
    network = built(nodes=16, per_chassis=8)
    assert network.fabric is not None
    assert 218 not in {*network.fabric.delays_ns[0]}


def test_sites_add_the_fibre_between_them() -> None:
    sites = {"east": {"nodes": 3}, "west": {"nodes": 5, "x": 30_000, "y": 40_000}}
    network = built(nodes=8, per_chassis=2, sites={name: _site(**site) for name, site in sites.items()})
    assert delay_ns(network, "npu1", "npu4") == 2500 + 50 * 4900
    assert delay_ns(network, "npu1", "npu3") == 2500
    # A chassis stands at one site: npu3 is alone in the second one.
    assert [node.domain for node in network.having(Role.COMPUTE)][:5] == [
        "chassis1", "chassis1", "chassis2", "chassis3", "chassis3",
    ]  # fmt: skip


def _site(nodes: int, x: int = 0, y: int = 0) -> supernode.Site:
    return supernode.Site(nodes=nodes, x_m=x, y_m=y)


def test_a_matrix_gives_every_pair_its_own_distance(tmp_path: Path) -> None:
    path = tmp_path / "delays.csv"
    path.write_text("0 ns,1 us,70 ns\n1 us,0 ns,2.5 us\n70 ns,2.5 us,0 ns\n")
    network = built(nodes=3, matrix=str(path))
    assert network.fabric is not None
    assert network.fabric.delays_ns == ((0, 1000, 70), (1000, 0, 2500), (70, 2500, 0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 ns,1 us\n", "has 1 lines with 2 fields; 2 nodes need 2 of each"),
        ("0 ns,1 us\n1 us\n", "has 2 lines with 1 or 2 fields; 2 nodes need 2 of each"),
        ("", "has 0 lines with no fields; 2 nodes need 2 of each"),
        ("0 ns,1\n1 us,0 ns\n", "line 1, field 2: '1' has no unit"),
        ("0 ns,1 us\n2 us,0 ns\n", "has 1000 ns from node 1 to node 2 and 2000 ns back"),
        ("5 ns,1 us\n1 us,0 ns\n", "has 5 ns from node 1 to node 1 and 5 ns back"),
    ],
)
def test_a_matrix_that_cannot_be_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "delays.csv"
    path.write_text(text)
    with pytest.raises(FieldError, match=r"delays\.csv") as refused:
        built(nodes=2, matrix=str(path))
    assert told in str(refused.value)
    assert refused.value.keys == ("matrix",)


def test_a_matrix_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"none\.csv cannot be read: .*No such file"):
        built(nodes=2, matrix=str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"per_chassis": 8, "per_device": 3}, "3 does not divide per_chassis, 8"),
        ({"nodes": 4, "sites": {"east": supernode.Site(nodes=3)}}, "have 3 nodes in all, and there are 4"),
    ],
)
def test_chassis_and_sites_have_to_add_up(parameters: dict[str, object], told: str) -> None:
    with pytest.raises(FieldError, match=told):
        built(**parameters)


def test_planes_share_a_nodes_rate_and_its_distances() -> None:
    plan = make_plan(built(nodes=4, planes=4, rate=_RATE_BPS))
    port, far = plan.interface("npu2-eth3").fabric, plan.interface("plane3-eth1").fabric
    assert port is not None
    assert far is not None
    assert (port.rate_bps, far.rate_bps) == (_RATE_BPS // 4, _RATE_BPS // 4)
    assert (port.cut_through, far.cut_through) == (False, True)
    assert (port.first_number, port.delays_ns, far.delays_ns) == (1, (929, 0, 929, 929), ())


_RATE_BPS = 400_000_000_000


def test_every_node_has_an_address_in_every_plane_and_routes_over_all_of_them() -> None:
    plan = make_plan(built(nodes=2, planes=2))
    assert [plan.interface(f"npu2-eth{port}").address for port in (0, 1, 2)] == [
        None, "10.64.0.2", "10.65.0.2",
    ]  # fmt: skip
    assert plan.interface("plane2-eth0").address == "10.65.255.254"
    of_node = [route for route in plan.routes if route.station == "npu2"]
    first, second = NextHop("npu2-eth1", "10.64.255.254"), NextHop("npu2-eth2", "10.65.255.254")
    assert of_node == [
        Route(station="npu2", destination="10.64.0.0/16", hops=(first,), source="10.64.0.2"),
        Route(station="npu2", destination="10.65.0.0/16", hops=(second,), source="10.65.0.2"),
        Route(station="npu2", destination="10.2.0.0/16", hops=(first, second), source="10.2.0.2"),
    ]


def test_nodes_know_each_other_over_planes_only_and_everybody_else_over_the_exchange() -> None:
    network = elastic_supernode.network(elastic_supernode.Parameters(nodes=3, onus=1, per_chassis=3))
    plan = make_plan(network)
    known = {(each.station, each.ip): each.interface for each in plan.neighbours}
    assert ("npu1", "10.2.0.2") not in known
    assert known["npu1", "10.64.255.254"] == "npu1-eth1"
    assert known["npu1", "10.1.1.1"] == "npu1-eth0"
    assert known["home1", "10.2.0.2"] == "home1-eth0"
    assert known["controller", "10.2.0.3"] == "controller-eth0"
    # Homes x others both ways, the controller with the nodes both ways, and one gateway and one node a port.
    assert len(plan.neighbours) == 2 * 4 + 2 * 3 + 2 * 3


def test_a_way_to_a_home_never_leads_through_a_plane() -> None:
    network = elastic_supernode.network(elastic_supernode.Parameters(nodes=3, onus=1, metro_m=0, fibre_m=0))
    assert delay_ns(network, "npu1", "home1") == 100_000
    assert delay_ns(network, "controller", "npu1") == 150_000
