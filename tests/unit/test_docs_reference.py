"""The reference is what the models, the parser and the errors say now, and leaves nothing unsaid."""

import inspect
from pathlib import Path

import pytest
from documents.pages import PROJECT
from documents.reference_keys import Section, found
from documents.reference_kinds import default_of, kind_of
from reference import FOLDER, NOTE, PAGES

from testbed.applications.flows.model import Flow
from testbed.applications.game.model import Probes, Session
from testbed.applications.quantity import MEASURES, STATISTICS
from testbed.model.base import Value
from testbed.record.event import event_classes
from testbed.scenario.meanings import meanings
from testbed.scenario.shape import Layout
from testbed.scenario.source import TOPOLOGIES, shipped_topologies
from testbed.scenario.topology import load_topology

TESTBED = PROJECT / "testbed"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_up_to_date(name: str) -> None:
    renew = f"docs/reference/{name} is stale; renew it: python tools/reference.py"
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]() + NOTE, renew


def test_no_page_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*PAGES}


def sections() -> list[Section]:
    topologies = [load_topology(name, TOPOLOGIES).parameters for name in shipped_topologies()]
    return [section for top in (Layout, *topologies) for section in found(top)]


def unexplained(model: type[Value]) -> list[str]:
    """Keys without a word on what they mean, but for those whose value is a section of its own."""
    said = meanings(model)
    return [name for name in model.model_fields if name not in said and "SECTION" not in kind(model, name)]


def kind(model: type[Value], name: str) -> str:
    return kind_of(model, name, lambda _below: "SECTION")


def test_every_key_is_explained() -> None:
    assert {section.heading: names for section in sections() if (names := unexplained(section.model))} == {}


def test_every_measure_and_statistic_is_explained() -> None:
    assert all(each.meaning for each in (*MEASURES.values(), *STATISTICS.values()))


def test_a_type_is_told_with_its_unit_and_its_bounds() -> None:
    assert kind(Probes, "size_bytes") == "size, 64 B to 1.4 kB"
    assert kind(Probes, "interval_ns") == "duration from 100 us"
    assert kind(Flow, "congestion") == "`cubic`, `bbr`, `dctcp`, `prague`"
    assert kind(Flow, "starts_at_ns") == "instant"
    assert kind(Session, "scenes") == "list of SECTION"
    assert default_of(Probes.model_fields["interval_ns"], "interval_ns") == "10 ms"
    assert default_of(Flow.model_fields["rate_bps"], "rate_bps") == "none"
    assert default_of(Flow.model_fields["source"], "source") == "required"


def test_a_meaning_is_the_text_below_a_key_and_inherited_ones_count() -> None:
    class Base(Value):
        """Keys."""

        first: int
        """What the first
        one means."""
        second: int = 2

    class Derived(Base):
        """More keys."""

        third: int = 3
        """The third."""

    assert meanings(Derived) == {"first": "What the first one means.", "third": "The third."}
    assert unexplained(Derived) == ["second"]


def sources(*places: str) -> dict[Path, str]:
    return {
        path: path.read_text(encoding="utf-8") for each in places for path in (TESTBED / each).rglob("*.py")
    }


def test_every_kind_of_event_is_written_somewhere_and_is_in_the_reference() -> None:
    """Decisions are made as values of their own, with the kind of their event."""
    page = (FOLDER / "results.md").read_text(encoding="utf-8")
    writers, deciders = sources("applications", "driver"), sources("channel", "placement")
    for kind, described in event_classes().items():
        defined = Path(inspect.getfile(described))
        is_constructed = any(described.__name__ in writers[path] for path in writers if path != defined)
        assert is_constructed or any(f'"{kind}"' in text for text in deciders.values()), kind
        assert f"| `{kind}` |" in page
