"""The jobs of a run when nodes fail and return: what is written, what is told, and that none is forgotten."""

from typing import Any

import pytest
from fake_network import FakeEvents, FakeLoop

from testbed.applications.script import Script
from testbed.driver.groups import Groups
from testbed.driver.jobs import NOWHERE, Answer, Assigned, Jobs
from testbed.model.job import Job, JobGroup
from testbed.plan.make import make_plan
from testbed.scenario import from_mapping
from topologies import elastic_access

FAR_NS = 10**18
NODES = {
    name: {"delay": f"{delay} us", "capacity": 4} for name, delay in (("a", 100), ("b", 200), ("c", 300))
}


def script(**changes: Any) -> Script:
    """Three nodes with room for four, and whatever else a test wants."""
    access = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "1 MB"}
    whole = {
        "title": "jobs",
        "duration": "10 s",
        "network": {"topology": "elastic_access", "parameters": {"onus": 2, "nodes": NODES}},
        "access": {"downstream": access, "upstream": access},
        **changes,
    }
    return from_mapping(whole, "jobs").variants["default"]


class World:
    """Jobs, and all that they write and tell."""

    def __init__(self, scenario: Script) -> None:
        self.events, self.loop = FakeEvents(), FakeLoop()
        parameters = elastic_access.Parameters.model_validate(scenario.network.parameters)
        plan = make_plan(elastic_access.network(parameters), scenario.access, scenario.pon)
        self.jobs = Jobs(scenario, plan, self.events, self.loop)  # type: ignore[arg-type]
        self.changes: list[tuple[str, Assigned, Assigned]] = []
        self.jobs.on_change = lambda *change: self.changes.append(change)

    def place(self, name: str, weight: int = 2, *, waits: bool = False, at_move: Any = None) -> str | None:
        request = self.jobs.request(name, Job(weight=weight), {})
        answers: list[Answer] = []
        self.jobs.ask([request], FAR_NS, answers.append, [at_move] if at_move else (), waits=waits)
        self.loop.pass_until(self.loop.now_ns)
        [answer] = answers
        assert bool(answer.nodes) != bool(answer.reason)
        return answer.nodes[0] if answer.nodes else None

    def complete(self, *names: str) -> None:
        for name in names:
            self.jobs.complete(name)
        self.loop.pass_until(self.loop.now_ns)


@pytest.fixture
def world() -> World:
    return World(script())


def test_a_backup_takes_over_in_the_next_epoch_and_another_backup_is_found(world: World) -> None:
    node = world.place("one")
    backup = world.jobs.assigned("one").backup
    assert node
    world.jobs.fail_node(node)
    after = world.jobs.assigned("one")
    assert (after.node, after.epoch) == (backup, 2)
    assert after.backup not in (None, node, backup)
    assert world.events.kinds() == ["job.place", "job.promote", "job.backup"]
    assert [change[2] for change in world.changes] == [Assigned(node, 1, backup), after]


def test_who_runs_a_job_is_told_at_once_of_its_loss_and_of_its_new_node_when_that_may_serve() -> None:
    world, told = World(script(placement={"backup": False})), list[tuple[str | None, int]]()
    node = world.place("one", at_move=lambda *moved: told.append(moved))
    assert node
    world.place("fills_b", 4)
    world.place("fills_c", 4)
    world.jobs.fail_node(node)
    assert told == [(None, 1)]
    assert world.jobs.assigned("one") == Assigned(None, 1)
    world.jobs.moved("one", "b", 2)
    assert told == [(None, 1), ("b", 2)]


def test_a_job_without_a_node_is_placed_when_there_is_room_again() -> None:
    world = World(script(placement={"backup": False}))
    nodes = {name: world.place(name, 4) for name in ("one", "two", "three")}
    lost = nodes["one"]
    assert lost
    world.jobs.fail_node(lost)
    assert world.jobs.assigned("one").node is None
    world.complete("two")
    assert world.jobs.assigned("one") == Assigned(nodes["two"], 2)
    assert world.events.kinds()[-3:] == ["job.evict", "job.complete", "job.place"]


def test_a_job_that_may_wait_is_placed_later_and_one_that_may_not_is_refused() -> None:
    world = World(script(placement={"backup": False}))
    for name in ("one", "two", "three"):
        world.place(name, 4)
    assert world.place("waiting", waits=True) is None
    assert world.place("refused") is None
    world.complete("one", "two")
    assert world.jobs.assigned("waiting").node is not None
    assert world.jobs.assigned("refused").node is None


def test_a_job_that_waits_is_given_up_at_its_end(world: World) -> None:
    for name in ("one", "two", "three"):
        world.place(name, 4)
    world.place("waiting", 4, waits=True)
    world.jobs.complete("waiting")
    assert world.events.kinds()[-1] == "job.cancel"
    assert world.jobs.assigned("waiting") == NOWHERE


def test_a_node_that_returns_gives_jobs_without_a_backup_one(world: World) -> None:
    node = world.place("one", 3)
    assert node
    world.jobs.fail_node(node)
    third = ({*NODES} - {node, world.jobs.assigned("one").node}).pop()
    world.jobs.fail_node(third)
    assert world.jobs.assigned("one").backup is None
    world.jobs.return_node(node)
    assert world.jobs.assigned("one").backup == node


def test_a_node_that_nobody_uses_fails_without_a_word(world: World) -> None:
    """The control: what is told comes from what changed."""
    node = world.place("one")
    idle = ({*NODES} - {node, world.jobs.assigned("one").backup}).pop()
    told = len(world.changes)
    world.jobs.fail_node(idle)
    assert len(world.changes) == told


def test_a_group_is_placed_at_its_start_and_completed_at_its_end() -> None:
    groups = {"work": {"job": {"weight": 1}, "count": 3, "starts": "1 s", "ends": "2 s"}}
    world = World(scenario := script(jobs=groups))
    Groups(scenario, world.jobs, world.loop).start()  # type: ignore[arg-type]
    world.loop.pass_until(999_999_999)
    assert world.events.kinds() == []
    world.loop.pass_until(1_500_000_000)
    assert [event["job"] for event in world.events.written] == ["work1", "work2", "work3"]
    world.loop.pass_until(2_000_000_000)
    assert world.events.kinds() == ["job.place"] * 3 + ["job.complete"] * 3


def test_a_group_belongs_near_the_jobs_of_its_partners() -> None:
    own = {"job": {"weight": 1}, "starts": "1 s", "ends": "3 s"}
    policy = {"policy": "affinity", "backup": False}
    near = script(
        placement=policy,
        jobs={"first": own, "second": {**own, "starts": "2 s", "partners": {"first": 1.0}}},
    )
    world = World(near)
    Groups(near, world.jobs, world.loop).start()  # type: ignore[arg-type]
    world.loop.pass_until(2_500_000_000)
    assert world.jobs.assigned("second1").node == world.jobs.assigned("first1").node


def test_the_jobs_of_a_group_are_numbered() -> None:
    group = JobGroup(job=Job(weight=1), count=2, starts_at_ns=0, ends_at_ns=1)
    assert group.jobs_of("work") == ("work1", "work2")
