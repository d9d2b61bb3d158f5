"""The course of a failover as the driver sees it: told in order, to the right ones, never by who is out."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_network import FakeEvents, FakeLoop

from testbed.applications.messages import JobDropped, NodeDied
from testbed.applications.script import Script
from testbed.driver.failover import Failover
from testbed.driver.jobs import Jobs
from testbed.driver.run_context import RunContext
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from testbed.scenario import from_mapping
from topologies import elastic_access

MS = 1_000_000
NODES = {name: {"delay": "100 us", "capacity": 4} for name in ("a", "b", "c")}
ASKED = {"job": {"weight": 2}, "starts": "0 s", "ends": "9 s", "requests": {"source": "home1"}}


def script(**changes: Any) -> Script:
    access = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "1 MB"}
    parameters = {"onus": 1, "nodes": NODES, "controller": "100 us"}
    whole = {
        "title": "jobs",
        "duration": "10 s",
        "network": {"topology": "elastic_access", "parameters": parameters},
        "access": {"downstream": access, "upstream": access},
        "health": {"heartbeat": "10 ms"},
        "jobs": {"work": ASKED},
        **changes,
    }
    return from_mapping(whole, "jobs").variants["default"]


class Children:
    """The one program, as a list of what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.hear: Any = None

    def start(self, name: str, _host: str, _make: Any, heard: Any) -> str:
        self.hear = lambda **message: heard(name, message)
        return name

    def go(self, *_children: str) -> None: ...

    def tell(self, _child: str, kind: str, **fields: Any) -> None:
        self.told.append({"kind": kind, **fields})


class Programs:
    monitor = "controller"

    def address(self, host: str) -> str:
        return f"ip of {host}"

    def state_addresses(self, node: str) -> list[str]:
        return [f"ip of {node}"]


@dataclass
class Network:
    plan: NetworkPlan

    def prepare_faults(self, interfaces: Iterable[str]) -> None: ...

    def cut(self, interfaces: Iterable[str]) -> None: ...

    def mend(self, interfaces: Iterable[str]) -> None: ...


class Elsewhere:
    """Sessions or services: who of them is told to end."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def node_died(self, node: str) -> None:
        self.ended.append(f"all on {node}")

    def dropped(self, job: str, node: str) -> None:
        self.ended.append(f"{job} on {node}")


class World:
    """A job on its first node, which serves."""

    def __init__(self, scenario: Script, logs: Path) -> None:
        self.loop, self.events, self.children = FakeLoop(), FakeEvents(), Children()
        self.sessions, self.services = Elsewhere(), Elsewhere()
        parameters = elastic_access.Parameters.model_validate(scenario.network.parameters)
        network = Network(make_plan(elastic_access.network(parameters), scenario.access, scenario.pon))
        self.jobs = Jobs(scenario, network.plan, self.events, self.loop)  # type: ignore[arg-type]
        run = RunContext(
            scenario=scenario,  # type: ignore[arg-type]
            network=network,  # type: ignore[arg-type]
            children=self.children,  # type: ignore[arg-type]
            loop=self.loop,  # type: ignore[arg-type]
            jobs=self.jobs,
            events=self.events,  # type: ignore[arg-type]
            rates=None,  # type: ignore[arg-type]
            folder=logs,
        )
        self.failover = Failover(run, Programs(), self.sessions)  # type: ignore[arg-type]
        run.bus.subscribe(NodeDied, lambda died: self.services.node_died(died.node))
        run.bus.subscribe(JobDropped, lambda dropped: self.services.dropped(dropped.job, dropped.node))
        self.failover.start()
        self.loop.pass_until(MS)
        self.first = self.jobs.assigned("work1")
        assert self.first.node
        assert self.first.backup

    def serves(self, node: str | None, epoch: int, ready_ns: int) -> None:
        times = {"ordered_ns": ready_ns - 2, "moved_ns": ready_ns - 1, "ready_ns": ready_ns}
        self.children.hear(kind="serves", node=node, job="work1", epoch=epoch, **times)

    def kinds(self) -> list[str]:
        return [kind for kind in self.events.kinds() if kind not in ("job.place", "job.backup")]


@pytest.fixture
def faults() -> dict[str, Any]:
    """Whatever node the job is on dies, by three faults."""
    return {node: {"at": "1 s", "node": node} for node in NODES}


def test_a_job_that_is_placed_is_ordered_at_its_node_and_its_backup(tmp_path: Path) -> None:
    world = World(script(), tmp_path)
    orders = {each["node"]: each["order"]["kind"] for each in world.children.told if each["kind"] == "order"}
    assert orders == {world.first.node: "serve", world.first.backup: "hold"}
    assert [each["news"]["ip"] for each in world.children.told if each["kind"] == "inform"] == [
        f"ip of {world.first.node}"
    ]


def test_a_silent_node_loses_its_job_to_the_backup_which_is_told_and_serves(tmp_path: Path) -> None:
    world = World(script(), tmp_path)
    world.serves(world.first.node, 1, 2 * MS)
    world.children.told.clear()
    world.children.hear(kind="silent", node=world.first.node, silent_ns=30 * MS, fence_ns=0)
    after = world.jobs.assigned("work1")
    assert (after.node, after.epoch) == (world.first.backup, 2)
    orders = {each["node"]: each["order"]["kind"] for each in world.children.told if each["kind"] == "order"}
    assert orders[after.node] == "serve"
    assert orders[after.backup] == "hold"
    world.serves(after.node, 2, 5 * MS)
    world.children.hear(kind="served", job="work1", epoch=2, at_ns=6 * MS)
    assert world.kinds() == ["job.serve", "node.fail", "job.promote", "job.serve", "job.recover"]


def test_a_node_that_was_given_up_says_in_vain_that_it_serves(tmp_path: Path) -> None:
    world = World(script(), tmp_path)
    world.children.hear(kind="silent", node=world.first.node, silent_ns=30 * MS, fence_ns=0)
    world.serves(world.first.node, 1, 5 * MS)
    assert "job.serve" not in world.kinds()


def test_who_is_served_by_the_old_epoch_has_not_recovered(tmp_path: Path) -> None:
    world = World(script(), tmp_path)
    world.serves(world.first.node, 1, 2 * MS)
    world.children.hear(kind="silent", node=world.first.node, silent_ns=30 * MS, fence_ns=0)
    world.serves(world.first.backup, 2, 5 * MS)
    world.children.hear(kind="served", job="work1", epoch=1, at_ns=6 * MS)
    assert "job.recover" not in world.kinds()


def test_a_job_that_nobody_asks_has_recovered_when_it_may_serve(tmp_path: Path) -> None:
    quiet = {key: value for key, value in ASKED.items() if key != "requests"}
    world = World(script(jobs={"work": quiet}), tmp_path)
    world.children.hear(kind="silent", node=world.first.node, silent_ns=30 * MS, fence_ns=0)
    world.serves(world.first.backup, 2, 5 * MS)
    [recovered] = [each for each in world.events.written if each["kind"] == "job.recover"]
    assert recovered["first_request_ns"] == 0


def test_a_node_that_dies_takes_its_programs_with_it_and_one_cut_off_does_not(tmp_path: Path) -> None:
    dies = World(script(faults={"power": {"at": "1 s", "node": "a"}}), tmp_path)
    dies.loop.pass_until(1000 * MS)
    assert dies.sessions.ended == dies.services.ended == ["all on a"]
    assert [each for each in dies.children.told if each["kind"] == "dies"] == [{"kind": "dies", "node": "a"}]
    alive = World(script(faults={"cable": {"at": "1 s", "isolated": "a"}}), tmp_path)
    alive.loop.pass_until(1000 * MS)
    assert alive.sessions.ended == alive.services.ended == []


def test_what_an_agent_drops_ends_where_it_was(tmp_path: Path) -> None:
    world = World(script(), tmp_path)
    world.children.hear(kind="dropped", node="a", job="work1", epoch=1)
    assert world.kinds() == ["job.stop"]
    assert world.sessions.ended == world.services.ended == ["work1 on a"]


def test_without_health_nobody_is_told_anything(tmp_path: Path, faults: dict[str, Any]) -> None:
    """The control: faults break things, and only watching moves jobs."""
    quiet = {key: value for key, value in ASKED.items() if key != "requests"}
    world = World(script(health=None, jobs={"work": quiet}, faults=faults), tmp_path)
    world.loop.pass_until(2000 * MS)
    assert world.children.told == []
    assert world.jobs.assigned("work1") == world.first
    assert world.kinds() == ["fault"] * 3
