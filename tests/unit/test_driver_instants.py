"""What ends at an instant is over before anything begins there, whoever asked first and whatever it is."""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from fake_network import FakeEvents, FakeLoop

from testbed.applications.script import Script
from testbed.driver.due import Due
from testbed.driver.groups import Groups
from testbed.driver.jobs import Answer, Jobs
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model.job import Job
from testbed.placement import JobRequest
from testbed.plan.make import make_plan
from testbed.scenario import from_mapping
from topologies import elastic_access

SECOND = 10**9


def script(capacities: dict[str, int], **changes: Any) -> Script:
    access = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "1 MB"}
    nodes = {name: {"delay": "1 ms", "capacity": capacity} for name, capacity in capacities.items()}
    whole = {
        "title": "instants",
        "duration": "10 s",
        "network": {"topology": "elastic_access", "parameters": {"onus": 1, "nodes": nodes}},
        "access": {"downstream": access, "upstream": access},
        "placement": {"backup": False},
        **changes,
    }
    return from_mapping(whole, "jobs").variants["default"]


def group(weight: int, starts_s: int, ends_s: int, count: int = 1, priority: int = 0) -> dict[str, Any]:
    own = {"weight": weight, "priority": priority}
    return {"job": own, "count": count, "starts": f"{starts_s} s", "ends": f"{ends_s} s"}


class World:
    """Groups of jobs, and further jobs that a test asks for."""

    def __init__(self, scenario: Script) -> None:
        self.events, self.loop = FakeEvents(), FakeLoop()
        parameters = elastic_access.Parameters.model_validate(scenario.network.parameters)
        plan = make_plan(elastic_access.network(parameters), scenario.access, scenario.pon)
        self.jobs = Jobs(scenario, plan, self.events, self.loop)  # type: ignore[arg-type]
        Groups(scenario, self.jobs, self.loop).start()  # type: ignore[arg-type]
        self.answers: dict[str, Answer] = {}

    def ask(self, *names: str, weight: int, at_s: int, ends_s: int = 9, waits: bool = False) -> None:
        """Ask at an instant for jobs that belong together."""
        requests = [self.jobs.request(name, Job(weight=weight), {}) for name in names]
        self.loop.at(at_s * SECOND, partial(self._ask, requests, ends_s * SECOND, waits))

    def _ask(self, requests: list[JobRequest], ends_ns: int, waits: bool) -> None:
        def then(answer: Answer) -> None:
            self.answers[requests[0].name] = answer

        self.jobs.ask(requests, ends_ns, then, waits=waits)

    def of(self, kind: str) -> list[str]:
        return [event["job"] for event in self.events.written if event["kind"] == kind]


def called(loop: Any, asked: list[Due], pass_time: Callable[[], None]) -> list[Due]:
    found: list[Due] = []
    for due in asked:
        loop.at(0, lambda due=due: found.append(due), due)
    pass_time()
    return found


def test_an_instant_has_one_order_whoever_asked_first() -> None:
    in_order = [Due.END, Due.REPAIR, Due.FAULT, Due.BEGIN, Due.PLACE]
    for asked in permutations(Due):
        loop, fake = Loop(Clock(0)), FakeLoop()
        loop.at(0, loop.stop, Due.PLACE + 1)
        assert called(loop, [*asked], loop.run) == in_order
        assert called(fake, [*asked], partial(fake.pass_until, 0)) == in_order


def test_of_one_rank_the_first_that_asked_is_called_first() -> None:
    loop, found = Loop(Clock(0)), list[int]()
    for number in range(5):
        loop.at(0, partial(found.append, number), Due.BEGIN)
    loop.at(0, loop.stop, Due.PLACE)
    loop.run()
    assert found == [*range(5)]


def test_what_is_arranged_for_the_instant_itself_still_belongs_to_it() -> None:
    """Whatever calling takes: the clock of a run moves on with every look at it."""
    loop, found = Loop(Clock(0)), list[int]()

    def begin() -> None:
        loop.at(loop.instant_ns, lambda: found.append(1), Due.PLACE)

    loop.at(7, begin)
    loop.at(8, lambda: found.append(2))
    loop.at(8, loop.stop, Due.PLACE)
    loop.run()
    assert found == [1, 2]


@pytest.mark.parametrize("names", [*permutations(["early", "late", "waits"])])
def test_a_job_that_waits_is_not_placed_in_what_another_leaves_as_both_end(names: tuple[str, ...]) -> None:
    groups = {
        "early": group(10, 1, 3),
        "late": group(10, 2, 3),
        "waits": group(10, 2, 3),
    }
    world = World(script({"node": 10}, jobs={name: groups[name] for name in names}))
    world.loop.pass_until(4 * SECOND)
    assert world.of("job.place") == ["early1"]
    assert sorted(world.of("job.cancel")) == ["late1", "waits1"]


def test_a_job_that_goes_on_is_placed_there() -> None:
    """The control: with a nanosecond left it would run."""
    jobs = {"early": group(10, 1, 3), "waits": group(10, 2, 4)}
    world = World(script({"node": 10}, jobs=jobs))
    world.loop.pass_until(5 * SECOND)
    assert world.of("job.place") == ["early1", "waits1"]


def test_what_waits_and_is_over_is_not_placed_although_nobody_has_completed_it() -> None:
    """As a session that has lost its node: it is completed half a second after its end."""
    world = World(script({"node": 10}, jobs={"early": group(10, 1, 4)}))
    world.ask("session", weight=10, at_s=2, ends_s=3, waits=True)
    world.loop.pass_until(5 * SECOND)
    assert world.of("job.place") == ["early1"]
    assert world.of("job.cancel") == ["session"]
    world.jobs.complete("session")
    assert world.of("job.cancel") == ["session"]


def test_what_begins_gets_the_room_of_what_ends_at_that_instant() -> None:
    world = World(script({"node": 10}, jobs={"early": group(10, 1, 3)}))
    world.ask("session", weight=10, at_s=3)
    world.loop.pass_until(4 * SECOND)
    assert world.answers == {"session": Answer(("node",))}


@pytest.mark.parametrize(("policy", "placed"), [("optimal", 2), ("supernode", 1)])
def test_groups_and_whatever_else_begins_at_an_instant_are_solved_together(policy: str, placed: int) -> None:
    placement = {"policy": policy, "backup": False}
    jobs = {"x": group(30, 1, 9)}
    world = World(script({"node1": 53, "node2": 31}, jobs=jobs, placement=placement))
    world.ask("session", weight=50, at_s=1)
    world.loop.pass_until(2 * SECOND)
    assert len(world.of("job.place")) == placed


def test_the_highest_priority_of_an_instant_goes_first_whatever_it_is() -> None:
    jobs = {"low": group(10, 1, 9), "high": group(10, 1, 9, priority=1)}
    world = World(script({"node": 10}, jobs=jobs))
    world.loop.pass_until(2 * SECOND)
    assert (world.of("job.place"), world.of("job.queue")) == (["high1"], ["low1"])


def test_jobs_that_belong_together_are_refused_together_and_hold_nothing() -> None:
    world = World(script({"node": 5}))
    world.ask("rank1", "rank2", weight=3, at_s=1)
    world.ask("other", weight=5, at_s=1)
    world.loop.pass_until(2 * SECOND)
    assert world.answers["rank1"].nodes == ()
    assert "rank2" in world.answers["rank1"].reason
    assert world.answers["other"] == Answer(("node",))
    assert (world.of("job.refuse"), world.of("job.place")) == (["rank1", "rank2"], ["other"])


def test_nothing_is_placed_when_the_run_is_over() -> None:
    """Completing the jobs at the end of the run leaves room, and nobody to use it."""
    world = World(script({"node": 10}, jobs={"early": group(10, 1, 9), "waits": group(10, 2, 9)}))
    world.loop.pass_until(3 * SECOND)
    world.jobs.complete("early1")
    world.jobs.complete("waits1")
    assert world.of("job.place") == ["early1"]
