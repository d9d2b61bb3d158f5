"""The measured policy: from counters alone to a rate that follows the load, and does not swing."""

from random import Random

import pytest
from fluid_channel import BYTE_NS, MS, Fluid, G, M, constant, frames, scenes
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.channel import ClassCounters
from testbed.channel.meter import Measured, Meter, measure, near
from testbed.model.channel import ResizePolicy

MEASURED, PREDICTIVE, STATIC = ResizePolicy.MEASURED, ResizePolicy.PREDICTIVE, ResizePolicy.STATIC
LOADS = {"constant": constant, "frames": frames}
STEP_AT_NS = 2000 * MS

NEW = Meter()


def observed(
    sent_bytes: int, backlog_bytes: int, meter: Meter = NEW, now_ns: int = 0, **had: int
) -> tuple[Meter, Measured]:
    """One interval of 5 ms: a serialisation time of 1 ms, a hold time of 500 ms."""
    counted = ClassCounters(interval_ns=5 * MS, sent_bytes=sent_bytes, backlog_bytes=backlog_bytes)
    rates = {"rate_bps": 100 * M, "need_bps": 100 * M} | had
    return measure(meter, counted, now_ns, serialisation_ns=MS, hold_ns=500 * MS, **rates)


# The law


def test_what_arrives_needs_its_rate_and_an_eighth() -> None:
    _, measured = observed(50_000, 0)
    assert measured.arrival_bps == 80 * M
    assert measured.rate_bps == measured.steady_bps == 90 * M
    assert measured.reason(MS) == "80 Mbit/s arrives, needs 90 Mbit/s with headroom"


def test_what_waits_is_to_be_gone_within_the_serialisation_time_besides() -> None:
    _, measured = observed(50_000, 100_000)
    assert measured.arrival_bps == 240 * M
    assert measured.rate_bps == 240 * M * 9 // 8 + 100_000 * 8 * 1000
    assert measured.reason(MS) == ("240 Mbit/s arrives and 100 kB waits: gone within 1 ms needs 1.07 Gbit/s")


def test_what_waited_before_has_not_arrived_again() -> None:
    meter, _ = observed(50_000, 100_000)
    _, measured = observed(120_000, 0, meter)
    assert measured.arrival_bps == 20_000 * 8 * 200


def test_a_queue_that_the_rate_is_to_blame_for_tells_nothing_of_the_load() -> None:
    """100 Mbit/s carry 62,500 B in 5 ms; 200,000 B arrived, so 137,500 B would wait however they came."""
    meter, measured = observed(62_500, 137_500)
    assert meter.late_bytes == 137_500
    assert measured.steady_bps == 320 * M * 9 // 8 < measured.rate_bps
    assert meter.burst is None


def test_a_queue_that_the_rate_is_not_to_blame_for_is_a_burst_and_remembered() -> None:
    """1 Gbit/s carries 625,000 B in 5 ms; if 100,000 B of 200,000 B wait, they came at the end."""
    meter = Meter(interval_ns=5 * MS, rate_bps=G)
    meter, measured = observed(100_000, 100_000, meter, rate_bps=G, need_bps=G)
    assert measured.rate_bps == measured.steady_bps == 320 * M * 9 // 8 + 800 * M
    assert meter.burst is not None
    # The same arrivals again, all gone before the counters are read: they need what they have proven.
    again = observed(300_000, 0, meter, now_ns=5 * MS, rate_bps=2 * G, need_bps=measured.rate_bps)
    assert again[1].rate_bps == measured.rate_bps
    assert again[1].reason(MS) == "the bursts of this load have needed 1.16 Gbit/s"


def test_a_burst_is_forgotten_when_its_load_has_been_away_for_the_hold_time() -> None:
    meter, _ = observed(100_000, 100_000, Meter(interval_ns=5 * MS, rate_bps=G), rate_bps=G, need_bps=G)
    meter, _ = observed(100_000, 0, meter, now_ns=5 * MS)  # the two intervals still have all of it
    for now_ns in range(10, 505, 5):
        meter, _ = observed(1000, 0, meter, now_ns=now_ns * MS)
        assert meter.burst is not None
    meter, _ = observed(1000, 0, meter, now_ns=505 * MS)
    assert meter.burst is None


def test_a_burst_seen_before_it_had_come_whole_belongs_to_the_load_that_follows() -> None:
    """Or the beginning of a scene would set the rate of all scenes above that."""
    meter, _ = observed(100_000, 100_000, Meter(interval_ns=5 * MS, rate_bps=G), rate_bps=G, need_bps=G)
    had = {"rate_bps": 10 * G, "need_bps": 10 * G}
    for now_ns in range(5, 50, 5):
        meter, measured = observed(2_000_000, 0, meter, now_ns=now_ns * MS, **had)
    for now_ns in range(50, 600, 5):
        meter, measured = observed(500_000, 0, meter, now_ns=now_ns * MS, **had)
    assert measured.rate_bps == 800 * M * 9 // 8


def test_a_sixteenth_is_no_difference() -> None:
    assert near(1700, 1600)
    assert near(1500, 1600)
    assert not near(1701, 1600)
    assert not near(1499, 1600)


# On a fluid


@pytest.mark.parametrize("peak_bps", [5 * G, 25 * G])
@pytest.mark.parametrize("name", LOADS)
def test_from_100_megabits_to_4_gigabits_the_queue_stays_short_and_is_soon_gone(
    name: str, peak_bps: int
) -> None:
    """Beyond what the same load waits in the end: less than 20 ms, and over within 100 ms."""
    load = LOADS[name]
    fluid = Fluid(MEASURED, peak_bps=peak_bps).run(
        scenes((STEP_AT_NS, load(100 * M)), (0, load(4 * G))), 5000 * MS
    )
    waits = fluid.waits_ns()
    settled_ns = max(wait_ns for at_ns, wait_ns in waits if at_ns > 4000 * MS)
    step = [(at_ns, wait_ns - settled_ns) for at_ns, wait_ns in waits if at_ns >= STEP_AT_NS]
    assert max(extra_ns for _, extra_ns in step) < 20 * MS
    assert max(at_ns for at_ns, extra_ns in step if extra_ns > 0) < STEP_AT_NS + 100 * MS
    assert fluid.rate_bps >= 9 * 4 * G // 8


@pytest.mark.parametrize("name", LOADS)
def test_the_static_policy_has_a_queue_that_never_ends(name: str) -> None:
    """The control: at the committed rate, the same step makes packets wait for seconds."""
    load = LOADS[name]
    fluid = Fluid(STATIC).run(scenes((STEP_AT_NS, load(100 * M)), (0, load(4 * G))), 3000 * MS)
    assert max(wait_ns for _, wait_ns in fluid.waits_ns()) > 900 * MS
    assert fluid.resizes == []


def test_a_constant_load_is_given_an_eighth_more_than_it_sends_and_no_more() -> None:
    fluid = Fluid(MEASURED).run(constant(4 * G), 3000 * MS)
    assert fluid.rate_bps == 4500 * M


def test_what_the_step_needed_is_held_for_the_hold_time_and_then_given_back() -> None:
    fluid = Fluid(MEASURED).run(scenes((STEP_AT_NS, constant(100 * M)), (0, constant(4 * G))), 5000 * MS)
    (grown_at_ns, _), (shrunk_at_ns, last_bps) = [each for each in fluid.resizes if each[0] > STEP_AT_NS]
    assert grown_at_ns == STEP_AT_NS + 5 * MS
    assert last_bps == pytest.approx(4500 * M, abs=10_000), "counters are in whole bytes"
    assert shrunk_at_ns == grown_at_ns + 505 * MS, "the need was last so high at the next reading"


def test_a_scene_that_ends_is_given_back_after_the_hold_time() -> None:
    fluid = Fluid(MEASURED).run(scenes((STEP_AT_NS, constant(4 * G)), (0, constant(400 * M))), 5000 * MS)
    assert fluid.resizes[-1] == (STEP_AT_NS + 505 * MS, 450 * M)


def test_frames_do_not_move_the_rate_though_the_counters_see_gaps() -> None:
    fluid = Fluid(MEASURED).run(frames(2 * G), 10_000 * MS)
    assert [at_ns for at_ns, _ in fluid.resizes if at_ns > 1000 * MS] == []
    assert len(fluid.resizes) <= 6


def test_without_a_hold_time_the_rate_follows_every_frame() -> None:
    """The control: it is the hold time that keeps a rate through the gaps."""
    fluid = Fluid(MEASURED, hold_ns=0).run(frames(2 * G), 2000 * MS)
    assert len(fluid.resizes) > 100


PERIOD_STEPS = 5
"""Steps of 1 ms in an interval of 5 ms."""


@st.composite
def periodic_loads(draw: st.DrawFn) -> list[int]:
    """What arrives in each millisecond of up to 12 intervals, in Mbit/s: smooth, bursty or both."""
    steps = PERIOD_STEPS * draw(st.integers(1, 12))
    amount = draw(
        st.sampled_from(
            [
                st.integers(0, 4000),
                st.just(0) | st.just(0) | st.integers(0, 40_000),
                st.integers(0, 500) | st.integers(0, 40_000),
            ]
        )
    )
    return draw(st.lists(amount, min_size=steps, max_size=steps))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    pattern=periodic_loads(),
    policy=st.sampled_from([MEASURED, PREDICTIVE]),
    hold_periods=st.sampled_from([1, 2, 8]),
    serialisation_ns=st.sampled_from([1 * MS, 5 * MS, 30 * MS]),
    committed_bps=st.sampled_from([0, 100 * M, 500 * M]),
    peak_bps=st.sampled_from([1 * G, 5 * G, 25 * G]),
)
def test_a_load_that_repeats_within_the_hold_time_resizes_nothing_once_it_is_known(
    pattern: list[int],
    policy: ResizePolicy,
    hold_periods: int,
    serialisation_ns: int,
    committed_bps: int,
    peak_bps: int,
) -> None:
    """No oscillation: after the hold time and eight periods, not one resize."""
    period_ns = len(pattern) * MS
    hold_ns = hold_periods * period_ns
    fluid = Fluid(
        policy,
        committed_bps=committed_bps,
        peak_bps=peak_bps,
        serialisation_ns=serialisation_ns,
        hold_ns=hold_ns,
        step_ns=MS,
    )
    known_at_ns = hold_ns + 8 * period_ns
    fluid.run(lambda at_ns: pattern[at_ns // MS % len(pattern)] * M * MS, known_at_ns + 4 * hold_ns)
    assert [each for each in fluid.resizes if each[0] > known_at_ns] == []


@pytest.mark.parametrize("per_second", [24, 25, 30, 50, 60, 72, 90])
@pytest.mark.parametrize("phase_ns", [0, 1_300_000, 3_700_000])
def test_frames_of_any_usual_rate_settle(per_second: int, phase_ns: int) -> None:
    """Their period is no multiple of the interval, so that what the counters see of a frame changes."""
    fluid = Fluid(MEASURED, peak_bps=10 * G).run(frames(G, per_second, phase_ns), 5000 * MS)
    assert [each for each in fluid.resizes if each[0] > 1500 * MS] == []


def test_a_few_per_cent_of_noise_resize_nothing() -> None:
    random = Random(4)
    fluid = Fluid(MEASURED, step_ns=MS)
    fluid.run(lambda _: 2 * G * MS * random.randint(970, 1030) // 1000, 20_000 * MS)
    assert [each for each in fluid.resizes if each[0] > 600 * MS] == []


def test_a_load_that_doubles_is_no_noise() -> None:
    """The control of the test above."""
    fluid = Fluid(MEASURED, step_ns=MS)
    fluid.run(lambda at_ns: (1 + at_ns // (2000 * MS)) * G * MS, 6000 * MS)
    assert len([each for each in fluid.resizes if each[0] > 600 * MS]) >= 2


def test_frames_of_varying_size_are_not_followed_one_by_one() -> None:
    """Sizes vary by half (3GPP TR 38.838): the rate grows to the largest and stays while the scene lasts."""
    random = Random(5)
    mean_bytes = 2 * G // 8 // 60

    def load(at_ns: int) -> int:
        if at_ns * 60 // 10**9 == (at_ns + 100_000) * 60 // 10**9:
            return 0
        share = min(1.5, max(0.5, random.gauss(1, 0.105)))
        return int(mean_bytes * share) * BYTE_NS

    fluid = Fluid(MEASURED).run(load, 20_000 * MS)
    late = [each for each in fluid.resizes if each[0] > 1500 * MS]
    assert len(late) <= 4
    assert late == sorted(late, key=lambda each: each[1])


def test_counters_that_were_read_twice_at_once_are_told_so() -> None:
    with pytest.raises(ValueError, match="read twice at one instant"):
        ClassCounters(interval_ns=0, sent_bytes=1, backlog_bytes=0)
