"""Repeated sessions: as many as were asked for, in time, each with a name and a player, always the same."""

from pathlib import Path

import pytest
import scenario_documents

from testbed.applications.game.model import Session
from testbed.errors import ScenarioError
from testbed.scenario import load
from testbed.scenario.repeat import expanded

SECOND = 10**9
MANY = ("    player: home1\n", "    player: home1\n    repeat: {count: 12, within: 1 s}\n")
OF_PLAYER = ("variant: elastic, session: player,", "variant: elastic, session: player03,")
ALSO = ("variant: best_effort, session: player,", "variant: best_effort, session: player12,")


OTHER = """\
  {}:
    player: home2
    starts: 1 s
    ends: 9 s
    job: {{weight: 1}}
    scenes: [{{name: only, at: 1 s, rate: 1 Mbit/s}}]
background:"""


def crowd(folder: Path, *changes: tuple[str, str], seed: int | None = None) -> dict[str, Session]:
    path = scenario_documents.write(folder, MANY, OF_PLAYER, OF_PLAYER, ALSO, *changes)
    return load(path, seed=seed).variants["elastic"].sessions


def refusal(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(ScenarioError) as refused:
        crowd(folder, *changes)
    return str(refused.value)


def test_a_session_is_repeated_with_numbers_in_the_order_of_beginning(tmp_path: Path) -> None:
    sessions = crowd(tmp_path)
    assert list(sessions) == [f"player{number:02}" for number in range(1, 13)]
    starts_ns = [session.starts_at_ns for session in sessions.values()]
    assert starts_ns == sorted(starts_ns)
    assert all(SECOND <= at_ns < 2 * SECOND for at_ns in starts_ns)
    assert len(set(starts_ns)) == 12


def test_all_instants_of_a_repetition_are_later_by_the_same(tmp_path: Path) -> None:
    for session in crowd(tmp_path).values():
        later_ns = session.starts_at_ns - SECOND
        assert [scene.at_ns for scene in session.scenes] == [SECOND + later_ns, 5 * SECOND + later_ns]
        assert session.ends_at_ns == 9 * SECOND + later_ns
        assert session.repeat is None


def test_the_players_are_the_homes_in_turn_from_the_one_that_is_named(tmp_path: Path) -> None:
    assert [one.player for one in crowd(tmp_path).values()] == ["home1", "home2"] * 6
    from_second = ("    player: home1\n", "    player: home2\n")
    assert [one.player for one in crowd(tmp_path, from_second).values()] == ["home2", "home1"] * 6


def test_the_same_seed_gives_the_same_crowd_and_another_seed_another(tmp_path: Path) -> None:
    assert crowd(tmp_path) == crowd(tmp_path)
    assert crowd(tmp_path, seed=8) != crowd(tmp_path, seed=9)


def test_the_text_of_the_scenario_keeps_the_pattern_and_gives_the_same_crowd(tmp_path: Path) -> None:
    loaded = load(scenario_documents.write(tmp_path, MANY, OF_PLAYER, OF_PLAYER, ALSO))
    assert loaded.text.count("repeat:") == 1
    (tmp_path / "again.yaml").write_text(loaded.text)
    again = load(str(tmp_path / "again.yaml"))
    assert again.variants["elastic"].sessions == loaded.variants["elastic"].sessions


def test_a_session_that_is_not_repeated_keeps_its_name(tmp_path: Path) -> None:
    """The control."""
    assert list(load(scenario_documents.write(tmp_path)).variants["elastic"].sessions) == ["player"]


def test_expanding_twice_changes_nothing(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, MANY, OF_PLAYER, OF_PLAYER, ALSO)
    file = load(path)
    sessions = file.variants["elastic"].sessions
    assert expanded(sessions, file.networks["elastic"], seed=5) == sessions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [("within: 1 s", "within: 1001 ms")],
            "repeat.within: the last may end at 10.001 s, after the scenario's end at 10 s",
        ),
        (
            [("count: 12", "count: 1000"), ("background:", OTHER.format("guest"))],
            "1,001 sessions with all repeats; at most 1,000 are carried",
        ),
        ([("count: 12", "count: 0")], "repeat.count: 0 is too small"),
        ([("home1\n    repeat", "home3\n    repeat")], "'home3' is no host of a home; did you mean 'home2'?"),
        (
            [("background:", OTHER.format("player07"))],
            "sessions.player07: is the name of a repetition of sessions.player too",
        ),
        (
            [("  player:\n", f"  {'p' * 40}:\n")],
            "with its numbers the name is 2 characters too long; shorten it",
        ),
        ([OF_PLAYER[::-1]], "there is no session 'player'; did you mean"),
    ],
)  # fmt: skip
def test_a_crowd_that_cannot_be_is_told(changes: list[tuple[str, str]], message: str, tmp_path: Path) -> None:
    assert message in refusal(tmp_path, *changes)
