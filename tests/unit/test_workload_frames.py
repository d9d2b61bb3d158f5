"""The video of a session keeps to the 3GPP model, whatever its scenes are."""

from itertools import pairwise
from random import Random
from statistics import fmean, stdev

from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.applications.game.model import Scene, Session
from testbed.model.job import Job
from testbed.scenario import load
from testbed.workload.frames import JITTER_MOST_NS, Frame, frames, truncated_gauss

SECOND = 10**9


def session_of(
    starts_ns: int, lengths_ns: list[int], frames_per_second: int, rates_bps: list[int] | None = None
) -> Session:
    """A session whose scenes have these lengths."""
    at_ns, scenes = starts_ns, []
    for number, length_ns in enumerate(lengths_ns):
        rate_bps = rates_bps[number % len(rates_bps)] if rates_bps else 10_000_000 * (number + 1)
        scenes.append(Scene(name=f"scene{number}", at_ns=at_ns, rate_bps=rate_bps))
        at_ns += length_ns
    return Session(
        player="home1",
        starts_at_ns=starts_ns,
        ends_at_ns=at_ns,
        job=Job(weight=1),
        frames_per_second=frames_per_second,
        scenes=tuple(scenes),
    )


SESSIONS = st.builds(
    session_of,
    st.integers(0, 5 * SECOND),
    st.lists(st.integers(1, SECOND), min_size=1, max_size=5),
    st.sampled_from([1, 24, 30, 59, 60, 90, 144, 240]),
)
REPEATABLE = settings(max_examples=60, deadline=None, derandomize=True)


def video(session: Session, seed: int | str = 7) -> list[Frame]:
    return list(frames(session, Random(f"{seed}/player/frames")))


@REPEATABLE
@given(SESSIONS)
def test_a_frame_is_between_half_and_one_and_a_half_of_the_mean(session: Session) -> None:
    for frame in video(session):
        mean_bytes = frame.scene.rate_bps / session.frames_per_second / 8
        assert 0.5 * mean_bytes - 1 <= frame.size_bytes <= 1.5 * mean_bytes + 1


@REPEATABLE
@given(SESSIONS)
def test_frames_leave_in_order_each_in_its_own_scene(session: Session) -> None:
    ends_ns = dict(
        zip(session.scenes, [*(s.at_ns for s in session.scenes[1:]), session.ends_at_ns], strict=True)
    )
    made = video(session)
    assert all(before.at_ns <= after.at_ns for before, after in pairwise(made))
    for frame in made:
        assert frame.scene.at_ns <= frame.at_ns < ends_ns[frame.scene]


@REPEATABLE
@given(SESSIONS)
def test_there_are_as_many_frames_as_the_rate_gives_and_none_is_skipped_at_a_scene(session: Session) -> None:
    duration_ns = session.ends_at_ns - session.starts_at_ns
    made = video(session)
    assert [frame.number for frame in made] == list(range(len(made)))
    assert abs(len(made) - session.frames_per_second * duration_ns / SECOND) <= 1


@REPEATABLE
@given(SESSIONS)
def test_no_frame_is_more_than_the_jitter_away_from_its_turn(session: Session) -> None:
    for frame in video(session):
        due_ns = session.starts_at_ns + frame.number * SECOND // session.frames_per_second
        assert abs(frame.at_ns - due_ns) <= JITTER_MOST_NS


def test_the_shipped_scenario_sends_sixty_frames_a_second_through_all_its_scenes() -> None:
    session = load("cloud_gaming").variants["elastic"].sessions["player"]
    assert len(session.scenes) > 3
    assert len(video(session)) == 60 * 30


def test_the_same_seed_gives_the_same_video_and_another_seed_another() -> None:
    session = session_of(0, [SECOND, SECOND], 60)
    assert video(session) == video(session)
    sizes, others = ([frame.size_bytes for frame in video(session, seed)] for seed in (7, 8))
    assert sizes != others


def test_a_frame_is_as_large_and_as_late_as_the_model_says_on_average() -> None:
    """TR 38.838: the standard deviation is 10.5 % of the mean, that of the jitter 2 ms."""
    made = video(session_of(0, [100 * SECOND], 60, rates_bps=[30_000_000]))
    sizes = [frame.size_bytes for frame in made]
    mean_bytes = 30_000_000 / 60 / 8
    assert abs(fmean(sizes) / mean_bytes - 1) < 0.005
    assert abs(stdev(sizes) / mean_bytes - 0.105) < 0.005
    jitters_ms = [(frame.at_ns - frame.number * SECOND // 60) / 1e6 for frame in made]
    assert abs(fmean(jitters_ms)) < 0.1
    assert 1.6 < stdev(jitters_ms) < 2.0  # cut off at two deviations, so a little less than 2 ms


def test_a_richer_scene_has_larger_frames() -> None:
    made = video(session_of(0, [10 * SECOND, 10 * SECOND], 60, rates_bps=[30_000_000, 45_000_000]))
    lobby, rich = (fmean(f.size_bytes for f in made if f.scene.name == name) for name in ("scene0", "scene1"))
    assert 1.45 < rich / lobby < 1.55


def test_a_truncated_variate_stays_within_its_bounds_and_a_plain_one_would_not() -> None:
    random = Random(1)
    drawn = [truncated_gauss(random, 0, 1, -0.5, 0.5) for _ in range(500)]
    assert -0.5 <= min(drawn) <= max(drawn) <= 0.5
    random = Random(1)
    assert max(random.gauss(0, 1) for _ in range(500)) > 0.5  # the control
