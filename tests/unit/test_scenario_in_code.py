"""A scenario built in code is held to the rules of a file, and becomes one."""

from pathlib import Path
from typing import Any

import pytest
import scenario_documents
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.applications.flows.model import Flow
from testbed.errors import ScenarioError
from testbed.model.access import Access, Subscription
from testbed.scenario import from_mapping, load
from testbed.units import DURATION, RATE


def test_a_mapping_is_a_scenario_and_its_text_is_a_file(tmp_path: Path) -> None:
    scenario = from_mapping(scenario_documents.document(tmp_path), "coded")
    assert (scenario.name, scenario.path, list(scenario.variants)) == ("coded", None, ["default"])
    path = tmp_path / "any.yaml"
    path.write_text(scenario.text)
    assert load(str(path)) == scenario


def test_values_of_the_model_may_stand_in_it_and_are_written_with_units(tmp_path: Path) -> None:
    document = scenario_documents.document(tmp_path)
    subscription = Subscription(rate_bps=10**9, committed_bps=10**7, queue_bytes=675_000)
    document["access"] = Access(downstream=subscription, upstream=subscription)
    document["background"] = {
        "download": Flow(
            protocol="tcp", source="node1", destination="home2", starts_at_ns=0, ends_at_ns=10**9, flows=2
        )
    }
    scenario = from_mapping(document, "coded")
    assert scenario.variants["default"].access.upstream == subscription
    assert scenario.variants["default"].background["download"].ends_at_ns == 10**9
    assert "committed: 10 Mbit/s" in scenario.text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("duration", 10, "coded: duration: 10 is not a duration; write a number and a unit, as in '8 ms'"),
        ("duration", float("inf"), "coded: duration: inf (float) cannot be written to a file"),
        ("title", object, "coded: title: <class 'object'> (type) cannot be written to a file"),
        ("sessions", {1: {}}, "coded: sessions: 1 is no key; keys are text"),
        ("tilte", "x", "coded: tilte: unknown key; did you mean 'title'?"),
    ],
)
def test_its_faults_are_told_without_lines(key: str, value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as refused:
        from_mapping(scenario_documents.document(tmp_path) | {key: value}, "coded")
    assert str(refused.value) == message


def test_a_document_that_contains_itself_is_refused(tmp_path: Path) -> None:
    document = scenario_documents.document(tmp_path)
    document["network"]["parameters"] = document
    with pytest.raises(ScenarioError, match="nested more than 32 deep"):
        from_mapping(document, "coded")


NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40)
TEXTS |= st.sampled_from(["no", "1e3", "12:30", "010", "~", "a: b", "<<", "'", '"', "- x"])


@st.composite
def documents(draw: st.DrawFn, folder: Path) -> dict[str, Any]:
    """Scenarios that are right, with whatever names, texts, rates and times are allowed."""
    document = scenario_documents.document(folder)
    duration_ns = draw(st.integers(10**9, 10**12))
    document["title"] = draw(TEXTS)
    document["seed"] = draw(st.integers(0, 2**63 - 1))
    document["duration"] = DURATION.format(duration_ns)
    starts = sorted(draw(st.sets(st.integers(0, duration_ns - 1), min_size=1, max_size=4)))
    session = {
        **document["sessions"]["player"],
        "starts": DURATION.format(starts[0]),
        "ends": DURATION.format(duration_ns),
        "scenes": [
            {
                "name": draw(NAMES),
                "at": DURATION.format(at),
                "rate": RATE.format(draw(st.integers(1, 29 * 10**9))),
            }
            for at in starts
        ],
    }
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    document["sessions"] = dict.fromkeys(names, session)
    variants = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    weights = st.floats(0.5, 100, allow_nan=False)
    document["variants"] = {name: {"placement": {"load_weight": draw(weights)}} for name in variants}
    document["variants"][variants[0]]["sessions"] = {names[-1]: None}
    document["expect"] = [
        {
            "variant": draw(st.sampled_from(variants)),
            "session": draw(st.sampled_from(names)),
            "direction": draw(st.sampled_from(["upstream", "downstream"])),
            **draw(
                st.sampled_from(
                    [{"statistic": "p99", "at_most": "8 ms"}, {"statistic": "lost", "at_most": 0}]
                )
            ),
        }
    ]
    expected = document["expect"][0]
    if expected["variant"] == variants[0] and expected["session"] == names[-1]:
        del document["expect"]
    return document


@settings(max_examples=25, deadline=None)
@given(data=st.data(), seed=st.none() | st.integers(0, 2**63 - 1))
def test_the_effective_text_always_gives_an_equal_scenario(
    data: st.DataObject, seed: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("scenario")
    built = from_mapping(data.draw(documents(folder)), "built")
    first = folder / "first.yaml"
    first.write_text(built.text, encoding="utf-8")
    assert load(str(first)) == built
    chosen = data.draw(st.lists(st.sampled_from(list(built.variants)), max_size=2))
    changed = load(str(first), seed=seed, settings=["duration=2000 s"], variants=chosen)
    again = folder / "again.yaml"
    again.write_text(changed.text, encoding="utf-8")
    assert load(str(again)) == changed
    assert seed is None or {variant.seed for variant in changed.variants.values()} == {seed}
