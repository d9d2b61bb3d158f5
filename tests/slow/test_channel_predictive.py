"""The predictive policy: rises that have come before in the same order no longer wait."""

from random import Random

import pytest
from fluid_channel import MS, Fluid, G, Load, M, constant, frames, repeated, scenes

from testbed.channel.pattern import MOST_KINDS, MOST_TRANSITIONS, CurrentScene, Pattern
from testbed.model.base import DOWNSTREAM
from testbed.model.channel import ResizePolicy

MEASURED, PREDICTIVE = ResizePolicy.MEASURED, ResizePolicy.PREDICTIVE
LOW_NS, HIGH_NS = 3000 * MS, 2000 * MS
CYCLE_NS = LOW_NS + HIGH_NS
STEP_NS = 2_500_000
"""Of long runs: two in an interval of the counters."""

LOADS = {"constant": constant, "frames": frames}


def worst_at_rises_ns(fluid: Fluid, rises_at_ns: list[int]) -> list[int]:
    """The longest wait in the first half second of each scene that begins at these instants."""
    waits = fluid.waits_ns()
    return [
        max(wait_ns for at_ns, wait_ns in waits if rise_ns <= at_ns < rise_ns + 500 * MS)
        for rise_ns in rises_at_ns
    ]


def two_scenes(name: str) -> Load:
    load = LOADS[name]
    return repeated([(LOW_NS, load(100 * M)), (HIGH_NS, load(4 * G))])


RISES = [LOW_NS + CYCLE_NS * cycle for cycle in range(5)]


def test_from_the_second_time_on_a_scene_of_constant_load_waits_for_nothing() -> None:
    fluid = Fluid(PREDICTIVE).run(two_scenes("constant"), 5 * CYCLE_NS)
    first_ns, *later_ns = worst_at_rises_ns(fluid, RISES)
    assert first_ns > 4 * MS
    assert later_ns == [0, 0, 0, 0]


def test_from_the_second_time_on_frames_wait_no_longer_than_the_peak_rate_makes_them() -> None:
    fluid = Fluid(PREDICTIVE).run(two_scenes("frames"), 5 * CYCLE_NS)
    first_ns, *later_ns = worst_at_rises_ns(fluid, RISES)
    # A frame of 66.7 Mbit at 25 Gbit/s, less the step in which it comes.
    assert max(later_ns) == 2_600_000 < first_ns


@pytest.mark.parametrize("name", LOADS)
def test_the_measured_policy_waits_every_time(name: str) -> None:
    """The control: without learning, the last rise is no better than the first."""
    fluid = Fluid(MEASURED).run(two_scenes(name), 5 * CYCLE_NS)
    assert min(worst_at_rises_ns(fluid, RISES)) > 4 * MS


@pytest.mark.parametrize("name", LOADS)
def test_the_second_and_later_rises_precede_the_load_by_a_bounded_time(name: str) -> None:
    fluid = Fluid(PREDICTIVE).run(two_scenes(name), 5 * CYCLE_NS)
    for rise_ns in RISES[1:]:
        grown_at_ns = [
            at_ns for at_ns, rate_bps in fluid.rises() if rise_ns - 1000 * MS < at_ns and rate_bps > G
        ]
        assert rise_ns - 150 * MS <= grown_at_ns[0] < rise_ns


def test_order_tells_two_scenes_apart_that_follow_the_same_one() -> None:
    """Low, middle, low, high: what comes after low depends on what was before it."""
    turns = [(2000 * MS, 100 * M), (2000 * MS, G), (2000 * MS, 100 * M), (2000 * MS, 4 * G)]
    load = repeated([(for_ns, constant(rate_bps)) for for_ns, rate_bps in turns])
    fluid = Fluid(PREDICTIVE).run(load, 5 * 8000 * MS)
    middle = [2000 * MS + 8000 * MS * cycle for cycle in range(5)]
    high = [6000 * MS + 8000 * MS * cycle for cycle in range(5)]
    assert worst_at_rises_ns(fluid, middle)[2:] == [0, 0, 0]
    assert worst_at_rises_ns(fluid, high)[2:] == [0, 0, 0]
    # And before the middle scene, it does not grow to what the high one needs.
    for rise_ns in middle[2:]:
        early = [rate for at_ns, rate in fluid.rises() if rise_ns - 200 * MS < at_ns <= rise_ns + 500 * MS]
        assert early
        assert max(early) < 2 * G


def test_a_scene_that_fails_to_come_costs_its_rate_for_a_bounded_time_and_is_forgotten() -> None:
    turns = two_scenes("constant")
    ends_at_ns = 3 * CYCLE_NS
    fluid = Fluid(PREDICTIVE).run(
        scenes((ends_at_ns, turns), (0, constant(100 * M))), ends_at_ns + 40_000 * MS
    )
    expected_ns = ends_at_ns + LOW_NS
    raised = [each for each in fluid.resizes if each[0] > ends_at_ns + 1000 * MS]
    (grown_at_ns, grown_bps), (shrunk_at_ns, shrunk_bps) = raised
    assert grown_bps > 4 * G > G > shrunk_bps
    assert expected_ns - 150 * MS <= grown_at_ns < expected_ns
    assert shrunk_at_ns <= expected_ns + 150 * MS + 505 * MS


def test_scenes_that_fail_twice_are_forgotten() -> None:
    """A high scene came 3 s after the fall; from then on only after 6 s."""
    late = repeated([(6000 * MS, constant(100 * M)), (HIGH_NS, constant(4 * G))])
    first = 2 * CYCLE_NS
    fluid = Fluid(PREDICTIVE).run(
        scenes((first, two_scenes("constant")), (0, lambda at_ns: late(at_ns - first))), first + 5 * 8000 * MS
    )
    wrong = []
    for cycle in range(5):
        begins_ns = first + 8000 * MS * cycle
        wrong.append(any(begins_ns + 2500 * MS < at_ns < begins_ns + 4000 * MS for at_ns, _ in fluid.rises()))
    assert wrong == [True, True, False, False, False]


def random_scenes(random: Random, count: int = 20) -> tuple[Load, list[int], int]:
    """Scenes of random levels and lengths: the load, when each begins, and the end."""
    timeline, begins, at_ns = [], [], 0
    for _ in range(count):
        begins.append(at_ns)
        at_ns += random.randint(1200, 4000) * MS
        timeline.append((at_ns, constant(random.choice((100 * M, 500 * M, 2 * G, 4 * G)), step_ns=STEP_NS)))
    return scenes(*timeline), begins, at_ns


def test_a_pattern_without_order_is_never_worse_than_measured() -> None:
    for seed in range(10):
        load, _, ends_at_ns = random_scenes(Random(seed))
        waits = {}
        for policy in (MEASURED, PREDICTIVE):
            fluid = Fluid(policy, step_ns=STEP_NS).run(load, ends_at_ns)
            waits[policy] = [wait_ns for _, wait_ns in fluid.waits_ns()]
        assert max(waits[PREDICTIVE]) <= max(waits[MEASURED])
        assert sum(waits[PREDICTIVE]) <= sum(waits[MEASURED])


def test_the_memory_is_bounded() -> None:
    pattern = Pattern(CurrentScene(0, 0, M, M))
    random = Random(3)
    now_ns = 0
    for _ in range(2000):
        level_bps = 10 ** random.randint(6, 10) * random.randint(1, 9)
        for _ in range(random.randint(4, 9)):
            now_ns += 100 * MS
            pattern = pattern.seeing(level_bps, level_bps, 100 * MS, now_ns, 100 * MS)
    assert len(pattern.kinds) == MOST_KINDS
    assert len(pattern.transitions) <= MOST_TRANSITIONS
    known = {kind.number for kind in pattern.kinds}
    assert {number for each in pattern.transitions for number in (each.scene, each.after)} <= known


def test_the_measured_policy_learns_nothing() -> None:
    for policy, learns in ((MEASURED, False), (PREDICTIVE, True)):
        fluid = Fluid(policy).run(two_scenes("constant"), CYCLE_NS)
        down, _ = fluid.state.memories["game"]
        assert (down.pattern is not None) is learns


def test_a_prediction_says_what_it_goes_by() -> None:
    fluid = Fluid(PREDICTIVE).run(two_scenes("constant"), 2 * LOW_NS + HIGH_NS - 50 * MS)
    reason = fluid.state.channel("game").towards(DOWNSTREAM).need.reason
    assert reason == "a scene is about to begin that has needed 4.5 Gbit/s"


def test_it_is_deterministic() -> None:
    load, _, ends_at_ns = random_scenes(Random(1), 8)
    runs = [Fluid(PREDICTIVE, step_ns=STEP_NS).run(load, ends_at_ns) for _ in range(2)]
    assert runs[0].resizes == runs[1].resizes
    assert runs[0].state == runs[1].state
