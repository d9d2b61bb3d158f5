"""What holds for the node scheduler under any sequence of jobs, failures and repairs."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from testbed.model.placement import Placement, PlacementPolicy, Reservation
from testbed.placement import (
    JobPlacement,
    JobRequest,
    Node,
    Outcome,
    PairDelays,
    Phase,
    Refused,
    Scheduler,
)

REPEATABLE = settings(max_examples=100, deadline=None, derandomize=True)

NODES = tuple(f"n{i}" for i in range(5))
HOMES = ("h1", "h2")
STATIONS = (*HOMES, *NODES)
PAIRS = [(a, b) for i, a in enumerate(STATIONS) for b in STATIONS[i + 1 :]]
JOBS = tuple(f"j{i}" for i in range(8))
DOMAINS = ("", "rack1", "rack2")
BY_RANK = [
    each
    for each in PlacementPolicy
    if each not in (PlacementPolicy.RANDOM, PlacementPolicy.ROUND_ROBIN, PlacementPolicy.TWO_CHOICES)
]
"""The policies to which the order in which nodes are given means nothing."""

Step = JobRequest | str
"""A job to place, or the name of one to complete."""
Network = tuple[tuple[Node, ...], dict[tuple[str, str], int], Placement, int]
"""Nodes, delays, policy and seed."""

jobs = st.builds(
    JobRequest,
    name=st.sampled_from(JOBS),
    weight=st.integers(1, 8),
    partners=st.dictionaries(st.sampled_from(STATIONS), st.floats(0.1, 10), max_size=3),
    backup=st.booleans(),
    priority=st.integers(0, 2),
    preempts=st.booleans(),
)
nodes = st.tuples(
    *(
        st.builds(
            Node,
            name=st.just(name),
            capacity=st.integers(0, 12),
            healthy=st.sampled_from([True, True, True, False]),
            domain=st.sampled_from(DOMAINS),
        )
        for name in NODES
    )
)
between = st.lists(st.integers(0, 30_000_000), min_size=len(PAIRS), max_size=len(PAIRS)).map(
    lambda delays_ns: dict(zip(PAIRS, delays_ns, strict=True))
)
weights = st.sampled_from([(60.0, 40.0), (60.0, 0.0), (0.0, 40.0), (1.0, 99.5)])
reservations = st.sampled_from(Reservation)


def policies(among: list[PlacementPolicy]) -> st.SearchStrategy[Placement]:
    return st.builds(
        lambda policy, weights, reservation: Placement(
            policy=policy, load_weight=weights[0], delay_weight=weights[1], reservation=reservation
        ),
        st.sampled_from(among),
        weights,
        reservations,
    )


networks = st.tuples(nodes, between, policies([PlacementPolicy.SUPERNODE]), st.integers(0, 3))
steps = st.lists(st.one_of(jobs, st.sampled_from(JOBS)), max_size=16)


def scheduler(network: Network) -> Scheduler:
    fleet, between_ns, policy, seed = network
    return Scheduler(fleet, PairDelays(between_ns), policy, seed=seed)


def outcomes_of(core: Scheduler, work: list[Step]) -> list[Outcome]:
    """What comes of each step that is possible."""
    found: list[Outcome] = []
    for step in work:
        task = core.tasks.get(step if isinstance(step, str) else step.name)
        if isinstance(step, JobRequest) and (task is None or task.phase.waits):
            found += core.place(step)
        elif isinstance(step, str) and task is not None and task.phase is Phase.RUNNING:
            found += core.complete(step)
    return found


@REPEATABLE
@given(networks, steps)
def test_the_chosen_node_has_the_highest_score_and_every_node_has_its_say(
    network: Network, work: list[Step]
) -> None:
    for outcome in outcomes_of(scheduler(network), work):
        if isinstance(outcome, JobPlacement) and outcome.scores:
            assert all(0 <= score <= 100 for score in outcome.scores.values())
            assert {*outcome.scores, *outcome.rejected} == set(NODES)
            assert not outcome.scores.keys() & outcome.rejected.keys()
            assert outcome.scores[outcome.node] == max(outcome.scores.values())
        if isinstance(outcome, Refused):
            assert outcome.rejected.keys() == set(NODES)
            assert all(outcome.rejected.values())


@REPEATABLE
@given(st.tuples(nodes, between, policies(BY_RANK), st.integers(0, 3)), steps, st.permutations(range(5)))
def test_placements_depend_on_the_seed_and_not_on_the_order_of_the_nodes(
    network: Network, work: list[Step], order: list[int]
) -> None:
    fleet, *rest = network
    shuffled = (tuple(fleet[number] for number in order), *rest)

    def placements(network: Network) -> list[tuple[str, str, str | None]]:
        outcomes = outcomes_of(scheduler(network), work)
        return [(each.job, each.node, each.backup) for each in outcomes if isinstance(each, JobPlacement)]

    assert placements(network) == placements(network) == placements(shuffled)


@REPEATABLE
@given(networks, steps)
def test_when_all_jobs_are_completed_all_capacity_is_free(network: Network, work: list[Step]) -> None:
    core = scheduler(network)
    outcomes_of(core, work)
    for task in core.in_phase(Phase.RUNNING):
        core.complete(task.job.name)
    assert not any(core.fleet.used)


def test_two_schedulers_with_nodes_in_other_orders_may_share_their_delays() -> None:
    delays = PairDelays({("h1", "n0"): 1, ("h1", "n1"): 9})
    fleet = [Node(name=name, capacity=9) for name in ("n0", "n1")]
    for_delay = Placement(load_weight=0)
    first, second = Scheduler(fleet, delays, for_delay), Scheduler(fleet[::-1], delays, for_delay)
    for core, name in ((first, "a"), (second, "b"), (first, "c")):
        core.place(JobRequest(name=name, weight=1, partners={"h1": 1.0}, backup=False))
        assert core.tasks[name].node == "n0"


class AnyOrder(RuleBasedStateMachine):
    """Jobs come and go while nodes fail and return; two schedulers are driven alike."""

    @initialize(fleet=nodes, between_ns=between, policy=policies([*PlacementPolicy]))
    def build(
        self, fleet: tuple[Node, ...], between_ns: dict[tuple[str, str], int], policy: Placement
    ) -> None:
        self.core, self.twin = (Scheduler(fleet, PairDelays(between_ns), policy) for _ in range(2))
        self.asked: set[str] = set()
        self.down = {node.name for node in fleet if not node.healthy}
        self.given: dict[tuple[str, int], str] = {}

    @rule(job=jobs, waits=st.booleans())
    def ask(self, job: JobRequest, waits: bool) -> None:
        known = self.core.tasks.get(job.name)
        if known is None or known.phase.waits:
            self.asked.add(job.name)
            ways = [core.submit if waits else core.place for core in (self.core, self.twin)]
            assert ways[0](job) == ways[1](job)

    @rule()
    def retry(self) -> None:
        assert self.core.retry() == self.twin.retry()

    @rule(name=st.sampled_from(JOBS), finish=st.booleans())
    def end(self, name: str, finish: bool) -> None:
        task = self.core.tasks.get(name)
        for core in (self.core, self.twin):
            if task is not None and finish and core.tasks[name].phase is Phase.RUNNING:
                core.complete(name)
            elif task is not None and not finish:
                core.cancel(name)

    @rule(names=st.lists(st.sampled_from(NODES), min_size=1, max_size=3))
    def fail(self, names: list[str]) -> None:
        self.down |= set(names)
        assert self.core.fail(*names) == self.twin.fail(*names)

    @rule(name=st.sampled_from(NODES))
    def repair(self, name: str) -> None:
        self.down.discard(name)
        assert self.core.restore(name) == self.twin.restore(name)

    @rule(pair=st.sampled_from(PAIRS), delay_ns=st.integers(0, 40_000_000))
    def measure(self, pair: tuple[str, str], delay_ns: int) -> None:
        for core in (self.core, self.twin):
            core.delays.measured(*pair, delay_ns)

    @invariant()
    def load_is_what_was_placed_and_fits(self) -> None:
        assert broken_sums(self.core) == []

    @invariant()
    def jobs_and_backups_are_apart_and_on_healthy_nodes(self) -> None:
        fleet = self.core.fleet
        assert {name for name, well in zip(fleet.names, fleet.healthy, strict=True) if not well} == self.down
        for task in self.core.in_phase(Phase.RUNNING):
            assert task.node is not None
            assert not {task.node, task.backup} & self.down
            if task.backup is not None:
                assert task.job.backup
                assert fleet.domain[fleet.index[task.node]] != fleet.domain[fleet.index[task.backup]]

    @invariant()
    def every_job_is_in_exactly_one_phase(self) -> None:
        assert self.core.tasks.keys() == self.asked
        assert sum(self.core.status().jobs.values()) == len(self.asked)

    @invariant()
    def no_lease_is_given_twice_and_only_the_present_one_serves(self) -> None:
        running = self.core.in_phase(Phase.RUNNING)
        for task in running:
            assert task.node is not None
            assert self.given.setdefault((task.job.name, task.epoch), task.node) == task.node
        serving = [job for (job, epoch), node in self.given.items() if self.core.may_serve(job, node, epoch)]
        assert sorted(serving) == sorted(task.job.name for task in running)


def broken_sums(core: Scheduler) -> list[str]:
    """The nodes of which the load is not what jobs hold there, or more than there is room for."""
    runs: Counter[str] = Counter()
    kept: Counter[tuple[str, int]] = Counter()
    fleet, shared = core.fleet, core.policy.reservation is Reservation.SHARED
    for task in core.in_phase(Phase.RUNNING):
        assert task.node is not None
        runs[task.node] += task.job.weight
        if task.backup is not None:
            kept[task.backup, fleet.domain[fleet.index[task.node]] if shared else 0] += task.job.weight
    found = []
    for number, name in enumerate(fleet.names):
        # Of a shared reservation the greatest failure domain counts; of dedicated ones there is one sum.
        reserved = max((weight for (node, _), weight in kept.items() if node == name), default=0)
        counted = (fleet.running[number], fleet.reserved[number]) == (runs[name], reserved)
        if not counted or not 0 <= runs[name] + reserved == fleet.used[number] <= fleet.capacity[number]:
            found.append(name)
    return found


def test_a_load_that_no_job_holds_is_found() -> None:
    """The control of the sums."""
    core = Scheduler([Node(name="n0", capacity=4)], PairDelays({}))
    assert broken_sums(core) == []
    core.fleet.run(0, JobRequest(name="ghost", weight=1))
    assert broken_sums(core) == ["n0"]


AnyOrder.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, derandomize=True
)
TestAnyOrderOfFailuresAndRepairsKeepsTheInvariants = AnyOrder.TestCase
