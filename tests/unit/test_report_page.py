"""The page as text: complete, closed to the network, and safe with whatever a scenario says."""

import re
from pathlib import Path

import pytest
from synthetic_run import (
    VARIANTS,
    make_run,
    network,
    networks,
    scenario,
    write_report,
)

from testbed import report
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.record.run_directory import RunDirectory
from testbed.report.declared import Declared
from testbed.report.drawing import DRAWN_IN_A_COLUMN, draw, egress_text
from testbed.report.words import conditions, describe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return write_report(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def page(run: RunDirectory) -> str:
    """The page without the library inlined in it."""
    return re.sub(r"<script>/\*\*.*?</script>", "", run.report_path.read_text(), flags=re.DOTALL)


def test_the_page_has_every_part(page: str) -> None:
    for heading in ("Delays", "Expectations", "Plots", "Network", "Jobs", "Events", "Reproduce"):
        assert re.search(rf"<h2 id=[^>]*>{heading}", page), heading
    for shown in ("61.763", "FAIL", "Article on elastic access, 2026", "near 71.50, far 64.25", "6.12.43"):
        assert shown in page
    assert "testbed run synthetic --venue virtual --seed 7" in page


def test_the_page_refers_to_nothing_outside_itself(page: str) -> None:
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)


def test_what_a_scenario_says_cannot_become_markup(page: str) -> None:
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_every_event_is_in_the_table(run: RunDirectory, page: str) -> None:
    table = page[page.index('id="event-table"') :]
    table = table[: table.index("</table>")]
    assert table.count("<tr>") == len(run.events()) + 1


def test_every_table_has_a_caption_and_every_picture_words(page: str) -> None:
    assert page.count("<table") == page.count("<caption")
    for picture in re.findall(r'<[^>]*role="img"[^>]*>', page):
        assert "aria-label" in picture


def test_the_same_run_gives_the_same_page(run: RunDirectory) -> None:
    before = run.report_path.read_bytes()
    report.write(run)
    assert run.report_path.read_bytes() == before


def test_a_run_without_samples_rates_or_expectations_has_a_page(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = make_run(tmp_path / "run")
    for path in (run.samples_path, run.rates_path):
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    scenarios = {variant: scenario(variant) for variant in VARIANTS}
    Declared.of(scenarios, networks(), (), ()).write(run)
    summary = report.write(run)
    assert summary["variants"]["elastic"]["probes"] == {}
    assert "NO VERDICT" in run.report_path.read_text()


def test_variants_with_one_network_and_one_use_share_a_picture(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    scenarios = {variant: scenario(variant) for variant in VARIANTS}
    events = [line for line in run.events_path.read_text().splitlines() if '"job.place"' not in line]
    events = [line for line in events if '"job.complete"' not in line]
    run.events_path.write_text("\n".join(events) + "\n")
    same = dict.fromkeys(VARIANTS, network("elastic"))
    Declared.of(scenarios, same, (), ()).write(run)
    report.write(run)
    assert run.report_path.read_text().count("<svg class=") == 1
    Declared.of(scenarios, networks(), (), ()).write(run)
    report.write(run)
    assert run.report_path.read_text().count("<svg class=") == 2


def test_the_drawing_runs_from_the_homes_to_the_compute_nodes() -> None:
    drawing = draw(network("elastic"), {"home1": "player"})
    assert [heading for _, heading in drawing.headings] == [
        "homes",
        "ONUs",
        "splitter",
        "OLT",
        "metro",
        "compute",
    ]
    assert len(drawing.boxes) == len(network("elastic").stations)
    assert len({(box.x_px, box.y_px) for box in drawing.boxes}) == len(drawing.boxes)
    assert all(box.left_px > 0 and box.x_px < drawing.width_px for box in drawing.boxes)
    assert drawing.undrawn == ()


def test_a_crowded_column_is_cut_but_keeps_whoever_has_a_part() -> None:
    stations = [Station(name="splitter", role=Role.SPLITTER)]
    wires = []
    for number in range(1, 65):
        stations += [
            Station(name=f"onu{number}", role=Role.ONU),
            Station(name=f"home{number}", role=Role.HOME),
        ]
        wires += [Wire(a="splitter", b=f"onu{number}"), Wire(a=f"onu{number}", b=f"home{number}")]
    drawing = draw(Network(name="n", stations=tuple(stations), wires=tuple(wires)), {"home64": "player"})
    drawn = {box.name for box in drawing.boxes}
    assert {"home64", "onu64", "splitter"} <= drawn
    assert len(drawn) == 2 * DRAWN_IN_A_COLUMN + 1
    assert drawing.undrawn == ("52 more homes", "52 more ONUs")
    assert len(drawing.wires) == 128


def test_wires_and_events_are_said_in_words() -> None:
    assert egress_text(Egress()) == "as is"
    assert egress_text(Egress(delay_ns=98_000, rate_bps=8_665_088_000)) == "98 us, 8.665 Gbit/s"
    resize = {"session": "player", "from_bps": 10**9, "to_bps": 2 * 10**9, "reason": "demand"}
    event = {"variant": "elastic", "at_ns": 0, "kind": "channel.resize", **resize}
    assert describe(event) == "session player, from 1 Gbit/s, to 2 Gbit/s, reason demand"
    place = {"kind": "job.place", "backup": None, "scores": {"a": 1.5}}
    assert describe(place) == "no backup, scores (a 1.50)"
    assert describe({"kind": "channel.admit", "rates": {"upstream": 1000}}) == "rates (upstream 1 kbit/s)"


def test_the_declared_causes_are_listed() -> None:
    declared = dict(conditions(scenario("elastic")))
    assert declared["access downstream"] == "100 Mbit/s, 50 Mbit/s of it committed, 675 kB may queue"
    assert declared["channel of player"].startswith("signalled: downstream 1 Mbit/s to 1 Gbit/s")
    assert dict(conditions(scenario("best_effort")))["channel of player"] == "none"
