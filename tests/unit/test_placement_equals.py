"""The index of equals finds the node that scoring all of them would find, whatever has happened before."""

from random import Random

import pytest

from testbed.model.placement import Placement
from testbed.placement import JobRequest, Node, Scheduler, TierDelays
from testbed.placement.choosing import choose, choose_backup

WEIGHTS = [(60, 40), (60, 0), (1, 99), (100, 1)]


def scheduler(cells: int, policy: Placement, seed: int) -> Scheduler:
    nodes = [Node(name=f"n{each}", capacity=12, domain=f"c{each // 4}") for each in range(4 * cells)]
    delays = TierDelays(
        [node.name for node in nodes], per_cell=4, near_ns=929, far_ns=2_500, stations_ns={"home": 9_000}
    )
    return Scheduler(nodes, delays, policy, seed=seed, explained=False)


def job(random: Random, number: int, nodes: int) -> JobRequest:
    stations = ["home", *(f"n{random.randrange(nodes)}" for _ in range(3))]
    partners = {random.choice(stations): random.choice((1.0, 2.5)) for _ in range(random.randrange(4))}
    return JobRequest(name=f"j{number}", weight=random.randint(1, 4), partners=partners)


def disagreements(driven: Scheduler, random: Random, steps: int) -> int:
    """Of a history of jobs that come and go and nodes that fail and return: decisions that differ."""
    holdings, fleet = driven._holdings, driven.fleet
    assert holdings._equals is not None, "the control of the whole: there is an index"
    found = 0
    for number in range(steps):
        asked = job(random, number, len(fleet))
        question = holdings.question(asked)
        expected = choose(question)
        found += holdings.choose(question) != expected
        if expected is not None:
            backup = choose_backup(fleet, driven.delays, asked, expected)
            found += holdings._choose_backup(asked, expected) != backup
        driven.place(asked)
        if random.random() < 0.4:
            running = [name for name, task in driven.tasks.items() if not task.phase.waits]
            if running:
                driven.cancel(random.choice(running))
        if random.random() < 0.1:
            driven.fail(f"n{random.randrange(len(fleet))}")
        if random.random() < 0.1:
            driven.restore(f"n{random.randrange(len(fleet))}")
    return found


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("cells", [1, 2, 5])
def test_it_chooses_as_the_plain_definition_does(cells: int, weights: tuple[int, int]) -> None:
    policy = Placement(load_weight=weights[0], delay_weight=weights[1])
    for seed in range(8):
        random = Random(f"{cells}/{weights}/{seed}")
        assert disagreements(scheduler(cells, policy, seed), random, 60) == 0


def test_a_tampered_index_is_seen() -> None:
    """The control: an entry that says less than is used leads elsewhere."""
    driven = scheduler(3, Placement(), 1)
    for number in range(12):
        driven.place(JobRequest(name=f"before{number}", weight=2, backup=False))
    full = driven.fleet.used.index(max(driven.fleet.used))
    entry = driven.fleet.rank[full] - len(driven.fleet)
    driven.fleet.entries[full] = entry
    driven.fleet._heap.insert(0, entry)
    assert disagreements(driven, Random(3), 5) > 0


def test_without_a_weight_for_load_there_is_no_index() -> None:
    """Equally far nodes are then equally good, however full, and the rank decides among all of them."""
    driven = scheduler(3, Placement(load_weight=0, delay_weight=100), 1)
    assert driven._holdings._equals is None
