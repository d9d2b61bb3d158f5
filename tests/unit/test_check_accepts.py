"""What `check` accepts can be planned: a network is planned, or refused with a message."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import scenario_documents

from testbed.errors import ScenarioError
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Role, Station, Wire
from testbed.plan.make import make_plan
from testbed.plan.paths import way
from testbed.scenario import from_mapping, load, shipped_topologies
from testbed.scenario.network_faults import network_faults
from topologies import pon_tree

LINE = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "500 kB"}


@pytest.mark.parametrize("topology", shipped_topologies())
def test_a_shipped_topology_has_a_pon_to_run_or_is_refused(topology: str) -> None:
    document = {
        "title": "A network alone",
        "duration": "1 s",
        "network": {"topology": topology},
        "access": {"downstream": LINE, "upstream": LINE},
    }
    if topology in ("cluster", "compute_mesh", "supernode"):
        with pytest.raises(ScenarioError, match="has no access network, and a run needs the PON of one"):
            from_mapping(document, "alone")
        return
    scenario = from_mapping(document, "alone")
    script, network = next(iter(scenario.variants.values())), next(iter(scenario.networks.values()))
    plan = make_plan(network, script.access, script.pon)
    assert plan.pon_port(DOWNSTREAM).classes
    assert plan.pon_port(UPSTREAM)


SHAPES: dict[str, list[tuple[str, Role, tuple[str, ...]]]] = {
    "as shipped": [],
    "home under a switch": [("switch9", Role.SWITCH, ("onu1",)), ("home9", Role.HOME, ("switch9",))],
    "two stations in a row": [
        ("switch8", Role.SWITCH, ("onu1",)),
        ("switch9", Role.SWITCH, ("switch8",)),
        ("home9", Role.HOME, ("switch9",)),
    ],
    "home at the OLT": [("home9", Role.HOME, ("olt",))],
    "home without a wire": [("home9", Role.HOME, ())],
    "home behind a home": [("home9", Role.HOME, ("home1",))],
    "home at two ONUs": [("home9", Role.HOME, ("onu1", "onu2"))],
    "ONU without a home": [("onu9", Role.ONU, ("splitter",))],
    "ONU behind an ONU": [("onu9", Role.ONU, ("onu1",)), ("home9", Role.HOME, ("onu9",))],
    "node behind an ONU": [("node9", Role.COMPUTE, ("onu1",))],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("in_frames", [True, False])
def test_stations_between_onu_and_home_are_planned_or_refused(shape: str, in_frames: bool) -> None:
    network = pon_tree.network(pon_tree.Parameters(onus=2))
    for name, role, wired in SHAPES[shape]:
        network = replace(
            network,
            stations=(*network.stations, Station(name=name, role=role)),
            wires=(*network.wires, *(Wire(a=there, b=name) for there in wired)),
        )
    network = network if in_frames else replace(network, pon=None)
    if not [*network_faults(network)]:
        assert make_plan(network).addresses


def small(stations: str, wires: str) -> str:
    """The small topology with more stations and wires, as Python that lists them."""
    hosts, wire = "            *hosts,\n", '            Wire(a="olt", b="node1"'
    more = f"            *(Wire(a=a, b=b) for a, b in ({wires})),\n{wire}"
    return scenario_documents.TOPOLOGY.replace(hosts, f"{hosts}{stations}").replace(wire, more)


METRO = '*(Station(name=name, role=Role.METRO) for name in ("metro1", "metro2")),'
NODES = '*(Station(name=name, role=Role.COMPUTE, capacity=10) for name in ("node2", "node3")),'
ACROSS_A_NODE = small(
    f"{NODES}{METRO}",
    '("node1", "node2"), ("node2", "node3"), ("olt", "metro1"), ("metro1", "metro2"), ("metro2", "node2")',
)
"""A second node that is fewer hops away across the first one, which does not forward."""


def test_a_peak_need_not_fit_a_link_that_one_node_alone_needs(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("{capacity: 10}", "{uplink: 1 Gbit/s}"))
    with pytest.raises(ScenarioError, match="does not fit the link from node1 to olt"):
        load(path)
    (tmp_path / "small.py").write_text(ACROSS_A_NODE)
    network = load(path).networks["elastic"]
    assert [hop.there for hop in way(network, "olt", "node2")] == ["metro1", "metro2", "node2"]


def test_a_transfer_between_nodes_without_a_way_is_refused(tmp_path: Path) -> None:
    bulk = "  bulk: {source: node1, destination: NODE, starts: 0 s, ends: 1 s, block: 1 kB}"
    refused = pytest.raises(ScenarioError, match="no way from node1 to node3 in network small: hosts do not")
    cases: list[tuple[str, AbstractContextManager[object]]] = [("node2", nullcontext()), ("node3", refused)]
    for node, expected in cases:
        transfers = f"transfers:\n{bulk.replace('NODE', node)}\nvariants:"
        path = scenario_documents.write(tmp_path, ("variants:", transfers))
        (tmp_path / "small.py").write_text(small(NODES, '("node1", "node2"), ("node2", "node3")'))
        with expected:
            load(path)
