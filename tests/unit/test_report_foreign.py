"""A report is made of data: whatever a run directory holds, nothing in it is imported or executed."""

import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_run
from recorded import objects
from synthetic_run import VARIANTS, write_report

from testbed.cli import main
from testbed.errors import ScenarioError
from testbed.live.variant_follower import VariantFollower
from testbed.record import checksums
from testbed.record.logs import EventLog
from testbed.record.run_directory import RunDirectory
from testbed.report import declared
from testbed.report.figures import Plot
from testbed.report.frames import samples
from testbed.report.page import figure_json

SCENARIO = """\
title: A foreign run
duration: 2 s
network: {topology: %s}
access:
  downstream: {rate: 1 Gbit/s, committed: 0 bit/s, queue: 1 MB}
  upstream: {rate: 1 Gbit/s, committed: 0 bit/s, queue: 1 MB}
variants: {best_effort: null, elastic: null}
expect:
  - {variant: elastic, session: player, direction: downstream, statistic: p50, at_most: 20 ms}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return write_report(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def foreign(written: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A run directory of somebody else's, whose topology leaves a marker if it is executed."""
    shutil.copytree(written.path, tmp_path / "foreign")
    run = RunDirectory(tmp_path / "foreign")
    topology = run.path / "topology.py"
    topology.write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()\n")
    run.scenario_path.write_text(SCENARIO % topology)
    run.report_path.unlink()
    # Whoever makes such a run can make its checksums as well; without any it is one of an early version.
    (run.path / checksums.NAME).unlink()
    return run


def test_the_marker_tells_of_an_execution(foreign: RunDirectory, tmp_path: Path) -> None:
    """The control: whoever checks the scenario does run its topology."""
    assert main(["check", str(foreign.scenario_path)]) == 2
    assert (tmp_path / "marker").exists()


def watch_as_if_it_ran(run: RunDirectory, raw: Path) -> None:
    raw.mkdir()
    with EventLog(raw) as events:
        for each in run.events():
            events.write(each.event, each.at_ns)
    VariantFollower(raw).read()


@pytest.mark.parametrize("is_recorded", [True, False])
def test_reading_a_foreign_run_executes_nothing_of_it(
    foreign: RunDirectory, written: RunDirectory, tmp_path: Path, *, is_recorded: bool
) -> None:
    if not is_recorded:
        foreign.declared_path.unlink()
    assert main(["report", str(foreign.path), "--csv", str(tmp_path / "csv")]) == (1 if is_recorded else 0)
    page = str(tmp_path / "compare.html")
    assert main(["compare", str(written.path), str(foreign.path), "--out", page]) == 0
    watch_as_if_it_ran(foreign, tmp_path / "raw")
    assert not (tmp_path / "marker").exists()
    shown = foreign.report_path.read_text()
    assert ("The network is not drawn" in shown) is not is_recorded
    assert ("<svg" in shown.split("<script>")[0]) is is_recorded


def test_a_run_of_an_earlier_version_keeps_what_was_expected_of_it(foreign: RunDirectory) -> None:
    foreign.declared_path.unlink()
    found = declared.read(foreign)
    assert [each.session for each in found.expectations] == ["player"]
    assert (found.networks, found.variants, found.has_sessions) == ((), {}, False)


def test_what_is_recorded_is_what_was_declared(written: RunDirectory) -> None:
    found = declared.read(written)
    assert {variant: found.network_of(variant) for variant in VARIANTS} == synthetic_run.networks()
    assert found.expectations == synthetic_run.expectations()
    assert found.references == synthetic_run.references()


def change(run: RunDirectory, **changes: Any) -> None:
    content = json.loads(run.declared_path.read_text())
    run.declared_path.write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "has the format 2, and this version of the testbed reads 1"),
        ({"networks": []}, "has network 0, and there are 0"),
        ({"networks": [{"name": "n"}]}, "is damaged: networks"),
        ({"variants": 5}, "is damaged: variants"),
        ({"surplus": 1}, "is damaged: surplus"),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    foreign: RunDirectory, changes: dict[str, Any], said: str
) -> None:
    change(foreign, **changes)
    with pytest.raises(ScenarioError, match=re.escape(said)):
        declared.read(foreign)


def test_a_recorded_network_must_hang_together(foreign: RunDirectory) -> None:
    content = json.loads(foreign.declared_path.read_text())
    content["networks"][0]["wires"][0]["a"] = "nowhere"
    foreign.declared_path.write_text(json.dumps(content))
    with pytest.raises(ScenarioError, match="a wire ends at 'nowhere', which is no station"):
        declared.read(foreign)


def test_a_record_that_is_no_json_is_refused(foreign: RunDirectory) -> None:
    foreign.declared_path.write_bytes(b"\xff{")
    with pytest.raises(ScenarioError, match=r"declared\.json is damaged"):
        declared.read(foreign)


def test_metadata_of_a_table_makes_nothing_else_of_it(foreign: RunDirectory) -> None:
    """What pandas writes there may name an index, types and Python objects."""
    table = pq.read_table(foreign.samples_path)
    told = {"index_columns": ["seq"], "columns": [], "column_indexes": []}
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(told)}), foreign.samples_path)
    assert "seq" in samples(foreign).columns
    assert pa.types.is_dictionary(table.schema.field("session").type)


HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'<a href="http://e">x</a>'


class _Tags(HTMLParser):
    """The elements of a page and their attributes, scripts without their content."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_hostile_words_in_every_file_of_a_run_are_shown_and_never_markup(
    foreign: RunDirectory, written: RunDirectory, tmp_path: Path
) -> None:
    """In the tables of every page, the drawing of the network, and the texts of the plots."""
    pages = {}
    for name, word in (("plain", "ordinary"), ("hostile", HOSTILE)):
        run = RunDirectory(tmp_path / name)
        shutil.copytree(foreign.path, run.path)
        _put(run, word)
        assert main(["report", str(run.path)]) in (0, 1)
        compared = tmp_path / f"{name}.html"
        assert main(["compare", str(written.path), str(run.path), "--out", str(compared)]) == 0
        pages[name] = [page.read_text() for page in (run.report_path, compared)]
    for plain, hostile in zip(pages["plain"], pages["hostile"], strict=True):
        before, after = _Tags(plain).tags, _Tags(hostile).tags
        assert [tag for tag, _ in before] == [tag for tag, _ in after]
        assert not [attributes for _, attributes in after if {"onerror", "src"} & attributes.keys()]
    report = pages["hostile"][0]
    assert html.escape(HOSTILE, quote=False)[:30] in report.replace("&#34;", '"')
    figures = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', report, flags=re.DOTALL)
    texts = "".join(json.dumps(json.loads(figure), ensure_ascii=False) for figure in figures)
    assert "&lt;img" in texts
    assert not re.search(r"<(?!(?:br|/?b|/?extra)>)", texts)


def _put(run: RunDirectory, word: str) -> None:
    """A word for every name and text that a report shows, in all files of a run."""
    manifest = run.manifest()
    manifest |= {"title": word, "scenario": word, "settings": [word]}
    run.write_manifest(manifest)
    content = json.loads(run.declared_path.read_text())
    for variant in content["variants"].values():
        variant["conditions"] = [[word, word]]
    for network in content["networks"]:
        network["name"] = word
        for station in network["stations"]:
            station["domain"] = word
    run.declared_path.write_text(json.dumps(content))
    run.plan_path.write_text(word)
    events = [
        {key: word if key in ("reason", "text", "scene", "name") else value for key, value in each.items()}
        for each in objects(run)
    ]
    run.events_path.write_text("".join(json.dumps(each) + "\n" for each in events))
    table = pq.read_table(run.samples_path)
    names = pa.array([word] * table.num_rows).dictionary_encode()
    player = table.set_column(table.schema.get_field_index("session"), "session", names)
    pq.write_table(pa.concat_tables([table, player.cast(table.schema)]), run.samples_path)
    (run.path / checksums.NAME).unlink()


def test_the_markup_of_our_own_figures_stays() -> None:
    import plotly.graph_objects as go

    figure = go.Figure(layout={"title": {"text": "<b>a</b><br><i>b</i>\\u003c"}})
    found = json.loads(str(figure_json(Plot("name", "caption", figure))))
    assert found["layout"]["title"]["text"] == "<b>a</b><br>&lt;i>b&lt;/i>\\u003c"
