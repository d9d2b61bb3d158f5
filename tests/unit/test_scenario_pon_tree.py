"""Networks with a PON that cannot be planned, or would lose what is sent, are refused before they run."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Egress, Network, PonTree, Role, Station, Wire
from testbed.scenario.pon_tree_rules import pon_tree_rules
from topologies import elastic_access, pon_tree

TREE = pon_tree.network(pon_tree.Parameters(onus=2))


def faults(network: Network) -> list[str]:
    return [told for _, told in pon_tree_rules(network)]


def with_wire(network: Network, a: str, b: str, line: bool = False) -> Network:
    down, up = (Egress(pon=DOWNSTREAM), Egress(pon=UPSTREAM)) if line else (Egress(), Egress())
    return replace(network, wires=(*network.wires, Wire(a=a, b=b, a_egress=down, b_egress=up)))


def with_station(network: Network, name: str, role: Role) -> Network:
    return replace(network, stations=(*network.stations, Station(name=name, role=role)))


def without_wire(network: Network, a: str, b: str) -> Network:
    return replace(network, wires=tuple(wire for wire in network.wires if (wire.a, wire.b) != (a, b)))


def second_pon(network: Network) -> Network:
    """Another OLT with a splitter, an ONU and a home of its own, on the same metro exchange."""
    for name, role in (
        ("olt2", Role.OLT),
        ("splitter2", Role.SPLITTER),
        ("onu9", Role.ONU),
        ("home9", Role.HOME),
    ):
        network = with_station(network, name, role)
    network = with_wire(network, "olt2", "splitter2", line=True)
    network = with_wire(with_wire(network, "splitter2", "onu9"), "onu9", "home9")
    assert network.pon is not None
    fibres = {**network.pon.fibres_m, "onu9": 20_000}
    return replace(network, pon=PonTree(standard=network.pon.standard, fibres_m=fibres))


@pytest.mark.parametrize(
    "network",
    [
        TREE,
        pon_tree.network(pon_tree.Parameters(onus=1, devices={"onu1": ["tv", "tablet"]})),
        elastic_access.network(elastic_access.Parameters()),
        Network(name="none", stations=(), wires=()),
    ],
    ids=["tree", "devices", "elastic", "no PON"],
)
def test_what_is_shipped_has_no_fault(network: Network) -> None:
    assert faults(network) == []


def test_two_pons_are_refused_with_both_names() -> None:
    told = faults(second_pon(TREE))
    assert (
        "pon_tree has 2 stations of role olt, olt, olt2: several PONs in one network are not supported; "
        "give each a scenario of its own"
    ) in told
    assert any("2 stations of role splitter, splitter, splitter2" in each for each in told)


def test_two_lines_of_one_olt_are_two_pons() -> None:
    told = faults(with_wire(with_station(TREE, "other", Role.SPLITTER), "olt", "other", line=True))
    assert [each.split(":")[0] for each in told] == [
        "pon_tree has 2 stations of role splitter, splitter, other"
    ]


Broken = Callable[[], Network]
BROKEN: dict[str, tuple[Broken, str]] = {
    "ONU without a home": (
        lambda: without_wire(TREE, "onu2", "home2"),
        "onu2 has no host behind it",
    ),
    "home on a switch": (
        lambda: with_wire(
            without_wire(with_station(TREE, "ap", Role.SWITCH), "onu2", "home2"), "ap", "home2"
        ),
        "home2 is wired to ap; a host of a home has one wire, and that to an ONU",
    ),
    "home with two wires": (
        lambda: with_wire(TREE, "onu1", "home2"),
        "home2 is wired to onu2, onu1; a host of a home has one wire",
    ),
    "ONU beside the splitter": (
        lambda: with_wire(without_wire(TREE, "splitter", "onu2"), "olt", "onu2"),
        "onu2 has wires to its homes, and one to the splitter",
    ),
    "ONU without a fibre": (
        lambda: replace(TREE, pon=PonTree(standard="XGS-PON", fibres_m={"onu1": 20_000})),
        "onu2 has no length in fibres_m",
    ),
    "line without marks": (
        lambda: with_wire(without_wire(TREE, "olt", "splitter"), "olt", "splitter"),
        "the PON's line is one wire between olt and splitter",
    ),
    "no OLT": (
        lambda: replace(TREE, stations=tuple(each for each in TREE.stations if each.role is not Role.OLT)),
        "pon_tree has a PON without olt; add a station of role olt",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_tree_that_cannot_be_planned_is_told(name: str) -> None:
    broken, expected = BROKEN[name]
    assert any(each.startswith(expected) for each in faults(broken())), faults(broken())
