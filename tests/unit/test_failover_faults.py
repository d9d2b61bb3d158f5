"""A fault cuts both ends of every wire that it takes, and a repair mends what no other fault still breaks."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from fake_network import FakeEvents, FakeLoop

from testbed.driver.faults import Faults, broken_by
from testbed.model.failure import FabricLink, Fault
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from topologies import elastic_supernode


@pytest.fixture(scope="module")
def plan() -> NetworkPlan:
    parameters = elastic_supernode.Parameters(onus=1, nodes=4, per_chassis=2, planes=2)
    return make_plan(elastic_supernode.network(parameters))


def ends(plan: NetworkPlan, fault: Fault) -> set[tuple[str, str]]:
    return {
        (plan.interface(name).station, plan.interface(name).peer_station) for name in broken_by(plan, fault)
    }


@pytest.mark.parametrize("key", ["node", "isolated"])
def test_a_node_loses_every_wire_it_has(plan: NetworkPlan, key: str) -> None:
    others = ("metro", "plane1", "plane2")
    fault = Fault.model_validate({"at": 0, key: "npu2"})
    assert ends(plan, fault) == {("npu2", each) for each in others} | {(each, "npu2") for each in others}


def test_a_plane_loses_the_wires_to_all_nodes_and_the_other_plane_none(plan: NetworkPlan) -> None:
    nodes = ("npu1", "npu2", "npu3", "npu4")
    fault = Fault(at_ns=0, plane=2)
    assert ends(plan, fault) == {("plane2", node) for node in nodes} | {(node, "plane2") for node in nodes}


def test_a_link_is_one_wire(plan: NetworkPlan) -> None:
    fault = Fault(at_ns=0, link=FabricLink(node="npu3", plane=1))
    assert ends(plan, fault) == {("npu3", "plane1"), ("plane1", "npu3")}


class Cutting:
    """Remembers what is cut."""

    def __init__(self) -> None:
        self.prepared: set[str] = set()
        self.cut_now: set[str] = set()

    def prepare_faults(self, interfaces: Iterable[str]) -> None:
        self.prepared |= {*interfaces}

    def cut(self, interfaces: Iterable[str]) -> None:
        assert {*interfaces} <= self.prepared, "an interface that is not prepared loses what waits in it"
        self.cut_now |= {*interfaces}

    def mend(self, interfaces: Iterable[str]) -> None:
        self.cut_now -= {*interfaces}


def test_what_two_faults_break_is_whole_after_the_second_repair(plan: NetworkPlan, tmp_path: Path) -> None:
    network, loop, events, told = Cutting(), FakeLoop(), FakeEvents(), list[str]()
    faults = {
        "node": Fault(at_ns=10, repaired_ns=30, node="npu1"),
        "plane": Fault(at_ns=20, repaired_ns=40, plane=1),
    }
    Faults(
        faults,
        plan,
        network,
        loop,  # type: ignore[arg-type]
        events,  # type: ignore[arg-type]
        lambda fault: told.append(f"broke {fault.node or fault.plane}"),
        lambda fault: told.append(f"mended {fault.node or fault.plane}"),
    ).start()
    loop.pass_until(20)
    assert network.cut_now == {*broken_by(plan, faults["node"]), *broken_by(plan, faults["plane"])}
    loop.pass_until(30)
    assert network.cut_now == {*broken_by(plan, faults["plane"])}
    loop.pass_until(40)
    assert network.cut_now == set()
    assert told == ["broke npu1", "broke 1", "mended npu1", "mended 1"]
    assert events.written[0] == {"at_ns": 10, "kind": "fault", "fault": "node", "node": "npu1"}
    assert events.written[-1] == {"at_ns": 40, "kind": "repair", "fault": "plane", "plane": 1}
