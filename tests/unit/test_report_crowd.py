"""A run of very many sessions: a page and a table that are still read, and nothing hidden without a word."""

from typing import Any

import pytest
from synthetic_run import scenario

from testbed.applications.game.model import Session
from testbed.report.streams import SHOWN_AT_MOST, left_out, telling
from testbed.report.words import conditions


def summary(*delays_ns: int | None) -> Any:
    """A summary of sessions s0, s1, … with these longest delays of their probes."""
    probes = {
        f"s{number}": {"downstream": {"delay_ns": {"max": delay_ns}}}
        for number, delay_ns in enumerate(delays_ns)
    }
    nothing: dict[str, Any] = {"frames": {}, "packets": {}, "commands": {}, "channels": {}}
    return {"variants": {"only": {"probes": probes, **nothing}}}


@pytest.mark.parametrize("count", [0, 1, SHOWN_AT_MOST])
def test_as_many_sessions_as_fit_are_all_shown(count: int) -> None:
    few = summary(*range(count))
    assert telling(few) == [f"s{number}" for number in range(count)]
    assert left_out(few) == ""


def test_of_more_those_with_the_longest_delays_are_shown_and_it_is_said() -> None:
    many = summary(*[5] * SHOWN_AT_MOST, 9, None, 7)
    assert telling(many) == [f"s{number}" for number in range(SHOWN_AT_MOST - 2)] + ["s12", "s14"]
    assert left_out(many) == "the 12 of 15 with the longest delays"


def test_sessions_that_are_declared_alike_are_told_together() -> None:
    one = scenario("elastic")
    pattern = one.sessions["player"]
    other = pattern.model_copy(update={"player": "home2"})
    slower = pattern.model_copy(update={"frames_per_second": 30})
    sessions: dict[str, Session] = {"a1": pattern, "a2": other, "b": slower}
    rows = dict(conditions(one.model_copy(update={"sessions": sessions})))
    assert rows["session a1 … a2 (2)"].startswith("player home1, home2, 60 frames/s; scenes: lobby 30 Mbit/s")
    assert rows["session b"].startswith("player home1, 30 frames/s")
    assert "channel of a1 … a2 (2)" in rows


def test_video_upstream_is_told() -> None:
    one = scenario("elastic")
    pattern = one.sessions["player"]
    scenes = (pattern.scenes[0].model_copy(update={"upstream_bps": 4_000_000}),)
    meeting = {"player": pattern.model_copy(update={"scenes": scenes})}
    rows = dict(conditions(one.model_copy(update={"sessions": meeting})))
    assert rows["session player"].endswith("lobby 30 Mbit/s and 4 Mbit/s upstream")
