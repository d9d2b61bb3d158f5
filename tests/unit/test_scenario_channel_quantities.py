"""Expectations of channels and of upstream video: what can be named, and how it is bounded and judged."""

from pathlib import Path
from typing import Any

import pytest
import scenario_documents
from pydantic import ValidationError

from testbed.applications.quantity import STATISTICS, Expectation, Quantified
from testbed.errors import ScenarioError
from testbed.model.base import FROM_TEXT
from testbed.model.measure import Unit
from testbed.report.expectations import evaluate, sentence, show
from testbed.scenario import load

CHANNEL = {"variant": "v", "session": "s", "direction": "downstream", "measure": "channel"}
ALL = {"variant": "v", "measure": "channel"}
WAY = {"unused_ppm": 350_000, "resizes": 3, "queueing_ns": 4, "opening_ns": None}
NUMBERS: dict[str, Any] = {
    "v": {
        "channels": {"s": {"downstream": WAY}},
        "admission": {"refused": 2, "fairness_ppm": {"downstream": 900_000, "upstream": None}},
    }
}


def expectation(named: dict[str, Any], **rest: Any) -> Expectation:
    return Expectation.model_validate(named | rest, context=FROM_TEXT)


@pytest.mark.parametrize(
    ("wanted", "holds", "shown", "said"),
    [
        (
            expectation(CHANNEL, statistic="unused", at_most="35 %"),
            True,
            "35.0 %",
            "v: s downstream channel unused at most 35 %",
        ),
        (
            expectation(CHANNEL, statistic="unused", at_most="34 %"),
            False,
            "35.0 %",
            "v: s downstream channel unused at most 34 %",
        ),
        (
            expectation(CHANNEL, statistic="resizes", at_most=2),
            False,
            "3",
            "v: s downstream channel resizes at most 2",
        ),
        (
            expectation(CHANNEL, statistic="queueing", at_most="4 ns"),
            True,
            "0.000 ms",
            "v: s downstream channel queueing at most 4 ns",
        ),
        (
            expectation(CHANNEL, statistic="opening", at_most="1 min"),
            False,
            "nothing",
            "v: s downstream channel opening at most 1 min",
        ),
        (expectation(ALL, statistic="refused", at_least=2), True, "2", "v: channel refused at least 2"),
        (
            expectation(ALL, statistic="fairness", direction="downstream", at_least="90 %"),
            True,
            "90.0 %",
            "v: downstream channel fairness at least 90 %",
        ),
        (
            expectation(ALL, statistic="fairness", direction="upstream", at_least="0 %"),
            False,
            "nothing",
            "v: upstream channel fairness at least 0 ppm",
        ),
    ],
)
def test_a_number_of_channels_is_judged_in_its_own_unit(
    wanted: Expectation, holds: bool, shown: str, said: str
) -> None:
    verdict = evaluate(wanted, NUMBERS)
    measured = show(verdict["measured"], verdict["unit"])
    assert (verdict["holds"], measured, sentence(wanted)) == (holds, shown, said)


@pytest.mark.parametrize("numbers", [{}, {"v": {}}, {"v": {"channels": {}, "admission": {}}}])
def test_a_run_without_channels_holds_nothing_of_them(numbers: dict[str, Any]) -> None:
    for wanted in (
        expectation(CHANNEL, statistic="resizes", at_least=0),
        expectation(ALL, statistic="refused", at_least=0),
        expectation(ALL, statistic="fairness", direction="upstream", at_least="0 %"),
    ):
        assert evaluate(wanted, numbers)["measured"] is None


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            CHANNEL | {"statistic": "p50"},
            "'p50' is not of a channel; a channel has unused, resizes, queueing",
        ),
        (CHANNEL | {"measure": "probe", "statistic": "unused"}, "is not of a probe; write measure: channel"),
        (CHANNEL | {"statistic": "refused"}, "'refused' is of all sessions; remove this key"),
        (ALL | {"statistic": "unused", "direction": "upstream"}, "Value error, is missing ["),
        (ALL | {"statistic": "fairness"}, "is missing; write downstream or upstream"),
        (ALL | {"statistic": "refused", "direction": "upstream"}, "a channel is one for both ways; remove"),
    ],
)
def test_what_is_no_number_of_channels_is_told(named: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Quantified.model_validate(named)
    assert message in str(refused.value)


def test_a_share_is_bounded_by_a_share() -> None:
    with pytest.raises(ValidationError, match="'unused' needs one with a unit: '35 %'"):
        expectation(CHANNEL, statistic="unused", at_most=35)


def test_every_statistic_has_a_kind_and_is_written_with_its_unit() -> None:
    assert {each.kind for each in STATISTICS.values()} == set(Unit)
    assert Unit.SHARE.written(350_000) == "35 %"


OF_CHANNEL = "session: player, measure: channel, "


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "session: player, direction: upstream, statistic: lost, at_least: 1",
            "session: player, direction: upstream, measure: channel, statistic: resizes, at_most: 1",
            "expect.1.session: session 'player' asks for no channel in this variant",
        ),
        (
            "best_effort, session: player, direction: upstream, statistic: lost, at_least: 1",
            "best_effort, measure: channel, statistic: refused, at_least: 1",
            "expect.1.statistic: no session asks for a channel in variant 'best_effort'",
        ),
        (
            "session: player, direction: downstream, statistic: p50, at_most: 8 ms",
            "session: guest, direction: downstream, measure: channel, statistic: unused, at_most: 8 %",
            "expect.0.session: there is no session 'guest'; known is player",
        ),
    ],
)
def test_a_channel_that_is_not_there_cannot_be_expected(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError) as refused:
        load(scenario_documents.write(tmp_path, (old, new)))
    assert message in str(refused.value)


def test_the_channel_of_a_session_that_asks_for_one_can_be_expected(tmp_path: Path) -> None:
    """The control."""
    old = "session: player, direction: downstream, statistic: p50, at_most: 8 ms"
    new = "session: player, direction: upstream, measure: channel, statistic: unused, at_most: 8 %"
    (first, *_) = load(scenario_documents.write(tmp_path, (old, new))).expectations
    assert (first.at_most, first.unit) == (80_000, Unit.SHARE)


def test_frames_upstream_can_be_expected_of_a_session_that_sends_them(tmp_path: Path) -> None:
    expected = (
        "direction: upstream, statistic: lost",
        "direction: upstream, measure: frame, statistic: lost",
    )
    with pytest.raises(ScenarioError, match="a frame goes downstream only"):
        load(scenario_documents.write(tmp_path, expected))
    sending = ("rate: 45 Mbit/s}", "rate: 45 Mbit/s, upstream: 5 Mbit/s}")
    loaded = load(scenario_documents.write(tmp_path, expected, sending))
    scenes = loaded.variants["elastic"].sessions["player"].scenes
    assert [scene.upstream_bps for scene in scenes] == [None, 5_000_000]
