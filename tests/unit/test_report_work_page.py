"""The page of a run with work on nodes and failures: sections, plots, marks, the drawing, and the words."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import synthetic_run
import synthetic_work
from synthetic_work import NODES, network, scenario

from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.record.events import JobCompleted, JobEvicted, JobPlaced, JobPromoted, JobQueued
from testbed.record.run_directory import RunDirectory
from testbed.report import failures
from testbed.report.drawing import DRAWN_IN_A_COLUMN, draw
from testbed.report.frames import rates, samples
from testbed.report.job_tables import decision_row
from testbed.report.marks import mark_faults
from testbed.report.records import RunRecords
from testbed.report.summary import Summary, VariantSummary
from testbed.report.words import conditions
from testbed.report.work_plots import BARS_AT_MOST, plots_of_work

SECTIONS = ("Services", "Experts", "Transfers")


def recorded(run: RunDirectory, summary: Summary) -> RunRecords:
    faults = {variant: numbers.get("faults", []) for variant, numbers in summary["variants"].items()}
    return RunRecords(samples(run), rates(run), faults, synthetic_work.DURATION_NS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, Summary]:
    return synthetic_work.write_report(tmp_path_factory.mktemp("work") / "run")


def without_library(run: RunDirectory) -> str:
    return re.sub(r"<script>/\*\*.*?</script>", "", run.report_path.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def page(written: tuple[RunDirectory, Summary]) -> str:
    return without_library(written[0])


def test_the_page_has_a_section_for_each_kind_of_work(page: str) -> None:
    for heading in SECTIONS:
        assert re.search(rf"<h2 id=[^>]*>{heading}", page), heading
        assert f'href="#{heading.lower()}"' in page
    for shown in (
        *(
            "What broke",
            "plane 2 given up after 1.000 ms of silence, 64 blocks sent again",
            "49.8 %",
            "npu1 (2), npu2 (2)",
        ),
        *("What did not run, because there was no node for it", "two_planes: session late."),
        *("npu9, its backup", "npu3 failed", "and 35 more", "411", "29.4 %"),
    ):
        assert shown in page, shown


def test_a_run_without_such_work_has_no_section_of_it(tmp_path: Path) -> None:
    """The control of the sections."""
    plain = without_library(synthetic_run.write_report(tmp_path / "run"))
    for heading in (*SECTIONS, "What broke", "serves again", "lack of a node"):
        assert heading not in plain


def test_every_table_has_a_caption_and_every_picture_words(page: str) -> None:
    assert page.count("<table") == page.count("<caption")
    for picture in re.findall(r'<[^>]*role="img"[^>]*>', page):
        assert "aria-label" in picture
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.fixture(scope="module")
def plots(written: tuple[RunDirectory, Summary]) -> dict[str, Any]:
    run, summary = written
    found = plots_of_work(summary, recorded(run, summary))
    assert {heading for heading, _ in found} == {
        "Recoveries",
        "Clients reader",
        "Experts moe",
        "Transfer copy",
        "Requests to web",
    }
    return {plot.key: plot.figure for _, of_heading in found for plot in of_heading}


def test_recoveries_are_bars_of_five_parts_that_differ_without_colour(plots: dict[str, Any]) -> None:
    bars = plots["recoveries"].data
    assert [bar.name for bar in bars] == [
        "detection",
        "decision",
        "transfer of state",
        "restart",
        "first request",
    ]
    assert len({bar.marker.pattern.shape for bar in bars}) == len(bars)
    sums_ms = [sum(parts) for parts in zip(*(bar.x for bar in bars), strict=True)]
    assert sums_ms == [28.0, 45.0, 50.0]


def test_of_very_many_recoveries_the_longest_are_drawn(written: tuple[RunDirectory, Summary]) -> None:
    run, summary = written
    one = summary["variants"]["two_planes"]["recovered"][0]
    many = [
        failures.RecoverySummary(**{**one, "job": f"job{number}", "recovery_ns": number})
        for number in range(100)
    ]
    crowded = VariantSummary(**{**summary["variants"]["two_planes"], "recovered": many})
    changed = Summary(**{**summary, "variants": {"two_planes": crowded}})
    (plot,) = plots_of_work(changed, recorded(run, changed))[0][1]
    assert len(plot.figure.data[0].y) == BARS_AT_MOST
    assert f"{BARS_AT_MOST} longest of 100" in plot.caption


def test_the_throughput_of_a_transfer_falls_when_a_plane_breaks(plots: dict[str, Any]) -> None:
    figure = plots["work-rate-copy"]
    by_name = {trace.name: trace for trace in figure.data}
    assert {"one_plane", "two_planes", "two_planes: planes"} == set(by_name)
    rate = dict(
        zip((round(at_s, 3) for at_s in by_name["two_planes"].x), by_name["two_planes"].y, strict=True)
    )
    assert (rate[0.5], rate[1.2], rate[1.8]) == (4000, 2000, 4000)
    assert list(by_name["two_planes: planes"].marker.symbol) == ["triangle-down", "triangle-up"]


def test_faults_are_marked_on_the_time_axis_with_their_words(plots: dict[str, Any]) -> None:
    figure = plots["work-web"]
    bands = [(shape.x0, shape.x1) for shape in figure.layout.shapes]
    assert sorted(set(bands)) == [(0.5, 0.9), (0.7, 2.0), (1.0, 1.5), (1.6, 2.0)]
    words = [note.text for note in figure.layout.annotations]
    assert "node npu3 (two_planes)" in words


def test_a_fault_of_every_variant_is_marked_once_and_without_names() -> None:
    fault = failures.FaultSummary(fault="f", what="plane 1", in_fabric=True, at_ns=0, repaired_at_ns=None)
    figure = go.Figure(go.Scatter(x=[0, 1], y=[1, 2]))
    assert mark_faults(figure, {"a": [fault], "b": [fault]}, 10**9) == 1
    assert [note.text for note in figure.layout.annotations] == ["plane 1"]


def test_a_plot_without_faults_has_no_bands() -> None:
    """The control of the marks."""
    figure = go.Figure(go.Scatter(x=[0, 1], y=[1, 2]))
    assert mark_faults(figure, {"a": [], "b": []}, 10**9) == 0
    assert figure.layout.shapes == figure.layout.annotations == ()


def test_the_drawing_shows_controller_and_planes_and_few_of_many_nodes() -> None:
    drawing = draw(network("two_planes"), {"npu40": "a job"})
    headings = [heading for _, heading in drawing.headings]
    assert headings == ["homes", "ONUs", "OLT", "metro", "compute", "planes"]
    drawn = {box.name for box in drawing.boxes}
    assert {"controller", "npu40", "plane1", "plane2"} <= drawn
    assert len(drawn) == 4 + DRAWN_IN_A_COLUMN + 2
    assert drawing.undrawn == (f"{len(NODES) + 1 - DRAWN_IN_A_COLUMN} more compute",)
    assert drawing.fabric == "40 nodes in a full mesh over 2 planes, 929 ns to 2.5 us from one to another"
    assert (len(drawing.wires), drawing.wire_count) == (124, 124)


def test_very_many_wires_are_told_in_groups() -> None:
    nodes = [f"npu{number}" for number in range(1, 385)]
    port, slow = Egress(rate_bps=10**10), Egress(rate_bps=10**9)
    stations = [Station(name=node, role=Role.COMPUTE) for node in nodes]
    stations.append(Station(name="plane1", role=Role.PLANE))
    wires = [Wire(a=node, b="plane1", a_egress=port, b_egress=port) for node in nodes[:-1]]
    wires.append(Wire(a="npu384", b="plane1", a_egress=slow, b_egress=port))
    drawing = draw(Network(name="n", stations=tuple(stations), wires=tuple(wires)), {})
    assert drawing.wires == (
        ("npu1 - plane1 … npu383 - plane1 (383)", "10 Gbit/s", "10 Gbit/s"),
        ("npu384 - plane1", "1 Gbit/s", "10 Gbit/s"),
    )
    assert drawing.wire_count == 384
    assert drawing.undrawn == (f"{384 - DRAWN_IN_A_COLUMN} more compute",)


def test_racks_stand_between_spine_and_servers() -> None:
    roles = {"spine": Role.SWITCH, "tor1": Role.SWITCH, "server1": Role.COMPUTE}
    stations = tuple(Station(name=name, role=role) for name, role in roles.items())
    wires = (Wire(a="spine", b="tor1"), Wire(a="tor1", b="server1"))
    drawing = draw(Network(name="n", stations=stations, wires=wires), {})
    assert [heading for _, heading in drawing.headings] == ["spine", "racks", "compute"]
    assert drawing.fabric == ""


def test_what_was_declared_is_said_in_words() -> None:
    said = dict(conditions(scenario("two_planes")))
    assert said["health"] == (
        "a heartbeat to the controller every 10 ms; a node is given up after 30 ms of silence"
    )
    assert said["jobs web"].startswith("4, each render, weight 2; 0 ns to 1.9 s; requests of 100 B")
    assert "15 ms with 1 in the batch, 49 ms with 96" in said["service llm"]
    assert said["clients reader"].startswith("home1, poisson requests every 40 ms on average")
    assert said["transfer copy"].startswith("npu2 → npu12, blocks of 60 kB")
    assert said["experts moe"].startswith("256 experts on 16 ranks (render, weight 1)")
    assert said["fault plane"] == "plane 2, at 1 s, repaired at 1.5 s"
    assert said["fault uplink"] == "npu7 isolated, at 700 ms, never repaired"
    assert "fault plane" not in dict(conditions(scenario("one_plane")))


def test_a_decision_is_told_shortly() -> None:
    many = {f"npu{number}": float(number) for number in range(384)}
    placed = JobPlaced(job="j", node="npu1", backup=None, reason="best", scores=many)
    best = "npu383 383.00, npu382 382.00, npu381 381.00, npu380 380.00, npu379 379.00 and 379 more"
    assert decision_row(placed) == ("j", "npu1", None, "best", best)
    assert decision_row(replace(placed, reason="", scores={})) == ("j", "npu1", None, "-", "-")
    promoted = JobPromoted(job="j", failed="npu1", node="npu2", epoch=2)
    assert decision_row(promoted) == ("j", "npu2, its backup", None, "npu1 failed", "-")
    assert decision_row(JobQueued(job="j", reason="full")) == ("j", "waits", None, "full", "-")
    evicted = JobEvicted(job="j", failed="npu1", reason="no backup")
    assert decision_row(evicted) == ("j", "waits", None, "no backup", "-")
    assert decision_row(JobCompleted(job="j")) is None


def test_a_session_whose_stream_only_goes_across_has_no_plots_of_its_own(
    written: tuple[RunDirectory, Summary],
) -> None:
    assert "Session web" not in without_library(written[0])
