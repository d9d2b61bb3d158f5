"""Expectations and references of work on nodes: what can be named, in which unit, and what is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from synthetic_work import network, scenario

from testbed.applications.quantity import (
    MEASURES,
    STATISTICS,
    Expectation,
    Quantified,
    Reference,
    statistics_of,
)
from testbed.model.base import FROM_TEXT
from testbed.model.measure import Unit
from testbed.report.expectations import compare, evaluate, sentence, show
from testbed.scenario.quantity_rules import quantity_rules

VARIANTS = ("one_plane", "two_planes")


def named(measure: str, statistic: str, session: str | None = None, **rest: Any) -> Quantified:
    return Quantified.model_validate(
        {"variant": "two_planes", "measure": measure, "statistic": statistic, "session": session, **rest}
    )


def findings(quantity: Quantified) -> list[tuple[str, str]]:
    scripts = {variant: scenario(variant) for variant in VARIANTS}
    networks = {variant: network(variant) for variant in VARIANTS}
    found = quantity_rules(("expect", 0), quantity, scripts, networks, VARIANTS)
    return [(str(keys[-1]), message) for keys, message in found]


@pytest.mark.parametrize(
    "quantity",
    [
        named("first_token", "p50", "reader"),
        named("token", "mean", "reader"),
        named("answer", "lost", "reader"),
        named("dispatch", "p99", "moe"),
        named("combine", "p99", "moe"),
        named("exchange", "mean", "moe"),
        named("block", "sent", "copy"),
        named("request", "lost", "web"),
        named("recovery", "max", "web"),
        named("recovery", "max", "player"),
        named("transfer", "throughput", "copy"),
        named("transfer", "kept", "copy"),
        named("transfer", "outage", "copy"),
        named("transfer", "stalled", "copy"),
        named("recovery", "max", "llm"),
        named("service", "utilisation", "llm"),
        named("service", "token_rate", "llm"),
        *(named("jobs", statistic) for statistic in statistics_of("jobs")),
    ],
)
def test_whatever_a_variant_has_can_be_named(quantity: Quantified) -> None:
    assert findings(quantity) == []


@pytest.mark.parametrize(
    ("quantity", "key", "message"),
    [
        (
            named("first_token", "p50", "llm"),
            "session",
            "there is no client of a service 'llm'; known is reader",
        ),
        (
            named("exchange", "p50", "mow"),
            "session",
            "there is no group of experts 'mow'; did you mean 'moe'?",
        ),
        (named("transfer", "kept", "web"), "session", "there is no transfer 'web'; known is copy"),
        (named("service", "token_rate", "reader"), "session", "there is no service 'reader'; known is llm"),
        (named("request", "p50", "player"), "session", "there is no group of jobs 'player'; known is web"),
        (
            named("recovery", "p50", "copy"),
            "session",
            "there is no job or group of jobs 'copy'; known are player, web, llm, moe",
        ),
        (
            named("recovery", "p50", "web", variant="one_plane"),
            "measure",
            "nothing breaks in variant 'one_plane'; write faults for it, or remove this",
        ),
        (
            named("transfer", "kept", "copy", variant="one_plane"),
            "statistic",
            "nothing breaks in variant 'one_plane'; write faults for it, or remove this",
        ),
    ],
)
def test_what_a_variant_does_not_have_is_refused(quantity: Quantified, key: str, message: str) -> None:
    assert findings(quantity) == [(key, message)]


def test_jobs_of_a_variant_without_any_cannot_be_counted() -> None:
    empty = scenario("one_plane").model_copy(
        update={"sessions": {}, "jobs": {}, "services": {}, "experts": {}}
    )
    counted = named("jobs", "lost", variant="one_plane")
    found = quantity_rules(("expect", 0), counted, {"one_plane": empty}, {}, VARIANTS)
    assert [message for _, message in found] == ["there are no jobs in variant 'one_plane'"]


def test_requests_that_nobody_sends_cannot_be_expected() -> None:
    script = scenario("two_planes")
    silent = script.model_copy(
        update={"jobs": {"web": script.jobs["web"].model_copy(update={"requests": None})}}
    )
    wanted = named("request", "p50", "web")
    found = quantity_rules(("expect", 0), wanted, {"two_planes": silent}, {}, VARIANTS)
    assert [message for _, message in found] == [
        "nothing is asked of the jobs of 'web'; write requests for them"
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            {"measure": "first_token", "session": "s", "direction": "downstream"},
            "a first token has one way only;",
        ),
        (
            {"measure": "answer", "session": "s", "direction": "upstream"},
            "an answer has one way only; remove",
        ),
        ({"measure": "recovery"}, "is missing"),
        ({"measure": "jobs", "session": "s", "statistic": "lost"}, "'lost' is of all jobs; remove this key"),
        (
            {"measure": "jobs", "direction": "upstream", "statistic": "lost"},
            "jobs have no direction; remove this key",
        ),
        (
            {"measure": "jobs"},
            "'p50' is not of jobs; jobs have placed, refused, waiting, lost, promoted, evicted",
        ),
        (
            {"measure": "transfer", "session": "s"},
            "'p50' is not of a transfer; a transfer has throughput, kept, outage, stalled",
        ),
        (
            {"measure": "service", "session": "s", "statistic": "lost"},
            "'lost' is not of a service; a service has utilisation, saturation, token_rate",
        ),
        (
            {"session": "s", "direction": "upstream", "statistic": "outage"},
            "'outage' is not of a probe; write measure: transfer beside it",
        ),
        (
            {"measure": "transfer", "session": "s", "direction": "upstream", "statistic": "kept"},
            "a transfer has one way only, from its source; remove this key",
        ),
    ],
)
def test_what_cannot_be_is_told(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Quantified.model_validate({"variant": "v", "statistic": "p50", **written})
    assert message in str(refused.value)


def test_the_reference_names_every_measure_and_statistic() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "results.md").read_text()
    measures, statistics = (_first_column(text, heading) for heading in ("Measures", "Statistics"))
    assert measures == {*MEASURES}
    assert statistics == {*STATISTICS}


def _first_column(text: str, heading: str) -> set[str]:
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", section, re.M)
    return {word for cell in cells for word in re.findall(r"`([a-z_0-9]+)`", cell)}


def test_every_measure_has_its_place_in_the_summary_and_no_two_the_same() -> None:
    placed = {each.key for each in MEASURES.values()}
    assert len(placed) == len(MEASURES)
    assert all(each.is_stream for each in MEASURES.values() if each.direction is not None)


NUMBERS: dict[str, Any] = {
    "two_planes": {
        "transfers": {"copy": {"throughput_bps": 3 * 10**9, "kept_ppm": None, "outage_ns": 2_000_000}},
        "services": {"llm": {"utilisation_ppm": 300_000, "token_rate": 411}},
        "placement": {"lost": 0},
        "recoveries": {"web": {"across": {"lost": 1, "delay_ns": {"p50": 28_000_000}}}},
    }
}


@pytest.mark.parametrize(
    ("quantity", "bounds", "holds", "shown", "said"),
    [
        (
            named("transfer", "throughput", "copy"),
            {"at_least": "3 Gbit/s"},
            True,
            "3 Gbit/s",
            "two_planes: copy transfer throughput at least 3 Gbit/s",
        ),
        (
            named("transfer", "kept", "copy"),
            {"at_least": "0 %"},
            False,
            "nothing",
            "two_planes: copy transfer kept at least 0 ppm",
        ),
        (
            named("transfer", "outage", "copy"),
            {"at_most": "1 ms"},
            False,
            "2.000 ms",
            "two_planes: copy transfer outage at most 1 ms",
        ),
        (
            named("service", "utilisation", "llm"),
            {"at_most": "30 %"},
            True,
            "30.0 %",
            "two_planes: llm service utilisation at most 30 %",
        ),
        (
            named("service", "token_rate", "llm"),
            {"at_least": 412},
            False,
            "411",
            "two_planes: llm service token_rate at least 412",
        ),
        (named("jobs", "lost"), {"at_most": 0}, True, "0", "two_planes: jobs lost at most 0"),
        (
            named("recovery", "p50", "web"),
            {"at_most": "100 ms"},
            True,
            "28.000 ms",
            "two_planes: web recovery p50 at most 100 ms",
        ),
        (
            named("recovery", "lost", "player"),
            {"at_most": 0},
            False,
            "nothing",
            "two_planes: player recovery lost at most 0",
        ),
    ],
)
def test_numbers_are_judged_in_their_own_unit(
    quantity: Quantified, bounds: dict[str, Any], holds: bool, shown: str, said: str
) -> None:
    wanted = Expectation.model_validate(quantity.model_dump() | bounds, context=FROM_TEXT)
    verdict = evaluate(wanted, NUMBERS)
    assert (verdict["holds"], show(verdict["measured"], verdict["unit"]), sentence(wanted)) == (
        holds,
        shown,
        said,
    )


@pytest.mark.parametrize("numbers", [{}, {"two_planes": {}}, {"two_planes": {"transfers": {}}}])
def test_a_run_without_any_of_it_holds_nothing_of_it(numbers: dict[str, Any]) -> None:
    for quantity in (
        named("transfer", "outage", "copy"),
        named("service", "token_rate", "llm"),
        named("jobs", "lost"),
        named("recovery", "lost", "web"),
    ):
        wanted = Expectation(**quantity.model_dump(), at_least=0)
        assert evaluate(wanted, numbers)["holds"] is False


@pytest.mark.parametrize(
    ("quantity", "value", "published", "unit"),
    [
        (named("recovery", "p50", "web"), "83 ms", 83_000_000, Unit.DELAY.unit),
        (named("service", "utilisation", "llm"), "85 %", 850_000, Unit.SHARE.unit),
        (named("transfer", "throughput", "copy"), "3 Gbit/s", 3 * 10**9, Unit.RATE.unit),
        (named("service", "token_rate", "llm"), 538, 538, Unit.COUNT.unit),
    ],
)
def test_a_published_figure_is_in_the_unit_of_its_statistic_and_survives_its_own_text(
    quantity: Quantified, value: str | int, published: int, unit: str
) -> None:
    given = quantity.model_dump() | {"value": value, "source": "a trial"}
    reference = Reference.model_validate(given, context=FROM_TEXT)
    compared = compare(reference, NUMBERS)
    assert (compared["published"], compared["unit"]) == (published, unit)
    text = reference.model_dump(mode="json", by_alias=True)
    assert text["value"] == value
    assert Reference.model_validate(text, context=FROM_TEXT) == reference


@pytest.mark.parametrize(
    ("statistic", "value", "message"),
    [
        ("utilisation", "83 ms", "'ms' is not a unit of a share"),
        ("utilisation", 85, "'utilisation' needs one with a unit: '35 %'"),
        ("token_rate", "538", "'token_rate' needs a whole number"),
    ],
)
def test_a_published_figure_in_another_unit_is_refused(
    statistic: str, value: str | int, message: str
) -> None:
    given = named("service", statistic, "llm").model_dump() | {"value": value, "source": "a trial"}
    with pytest.raises(ValidationError) as refused:
        Reference.model_validate(given, context=FROM_TEXT)
    assert message in str(refused.value)


def test_a_number_is_shown_with_its_unit() -> None:
    shown = [
        show(value, kind.unit)
        for value, kind in ((None, Unit.DELAY), (5, Unit.COUNT), (5 * 10**8, Unit.RATE))
    ]
    assert shown == ["nothing", "5", "500 Mbit/s"]
