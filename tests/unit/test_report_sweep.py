"""Twelve variants and measured flows in a report: what is drawn, and that it stays readable and small."""

import io
import json
import re
from pathlib import Path

import numpy as np
import plotly.offline
import pytest
from recorded import recorded
from rich.console import Console
from synthetic_sweep import LOADS, VARIANTS, make_run, scenario, write_report

from testbed.record.run_directory import RunDirectory
from testbed.report import timeline
from testbed.report.figures import style
from testbed.report.reduce import bin_of, binned_bps, drawn_at_most
from testbed.report.summary import Summary, summarise
from testbed.report.sweep import across_variants, axis
from testbed.report.terminal import print_table
from testbed.report.words import conditions

MS = 1_000_000
Written = tuple[RunDirectory, Summary]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_report(tmp_path_factory.mktemp("runs") / "run")


def test_the_packets_of_a_flow_are_in_the_summary_in_its_direction_alone(written: Written) -> None:
    numbers = written[1]["variants"]["load_20"]
    assert list(numbers["packets"]["up"]) == ["upstream"]
    assert list(numbers["packets"]["down"]) == ["downstream"]
    assert list(numbers["probes"]["player"]) == ["downstream", "upstream"]
    assert numbers["packets"]["up"]["upstream"]["received"] == 4000
    arrived = {"received_bytes": 4_000_000, "drained_bytes": 0, "throughput_bps": 16_000_000}
    assert numbers["flows"]["up"] == arrived


def test_expectations_bound_packets_and_throughput_of_a_flow(written: Written) -> None:
    packets, throughput = written[1]["expectations"]
    assert packets["text"] == "load_5: up upstream packet p99 at most 6 ms"
    assert throughput["text"] == "load_5: up flow throughput at least 16 Mbit/s"
    assert (throughput["holds"], throughput["measured"], throughput["unit"]) == (True, 16_000_000, "bit/s")


def test_the_sweep_draws_each_stream_at_the_numbers_in_the_variants_names(written: Written) -> None:
    (plot,) = across_variants(written[1])
    panels = [title.text for title in plot.figure.layout.annotations]
    assert panels == ["player, downstream", "player, upstream", "down, downstream", "up, upstream"]
    lines = [(trace.name, trace.yaxis) for trace in plot.figure.data]
    assert lines[:4] == [("p50", "y"), ("p99", "y"), ("max", "y"), ("p50", "y2")]
    assert all(list(trace.x) == list(LOADS) for trace in plot.figure.data)
    assert {axis.type for axis in plot.figure.select_yaxes()} == {"log"}
    p50_of_down = plot.figure.data[6]
    assert [int(value) for value in p50_of_down.y] == list(LOADS)
    assert plot.figure.layout.xaxis4.title.text == "load"


def test_a_variant_in_which_nothing_arrived_is_a_gap(written: Written) -> None:
    (plot,) = across_variants(written[1])
    assert plot.figure.data[-1].y[-1] is None
    assert plot.figure.data[-1].y[-2] is not None


def test_lines_of_the_sweep_differ_without_their_colour(written: Written) -> None:
    (plot,) = across_variants(written[1])
    looks = {(trace.name, trace.line.dash, trace.marker.symbol) for trace in plot.figure.data}
    assert len({dash for _, dash, _ in looks}) == len({symbol for _, _, symbol in looks}) == len(looks) == 3


def test_no_two_of_32_variants_look_the_same_without_their_colour() -> None:
    assert len({(style(index).symbol, style(index).dash) for index in range(32)}) == 32


@pytest.mark.parametrize(("variants", "drawn"), [(VARIANTS[:3], 0), (VARIANTS[:4], 1)])
def test_a_sweep_has_four_variants_at_least(variants: tuple[str, ...], drawn: int, tmp_path: Path) -> None:
    assert len(across_variants(summarise(make_run(tmp_path / "run", variants), (), ()))) == drawn


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        (["load_20", "load_110", "load_5"], ([20, 110, 5], "load")),
        (["fibre-km-05", "fibre-km-40"], ([5, 40], "fibre-km")),
        (["10", "20"], ([10, 20], "variant")),
        (["t_cont_1", "t_cont_2"], ([1, 2], "t cont")),
        (["best_effort", "elastic"], (["best_effort", "elastic"], "variant")),
        (["load_1", "burst_2"], (["load_1", "burst_2"], "variant")),
        (["load_1", "load_2", "idle"], (["load_1", "load_2", "idle"], "variant")),
        (["load_1", "load_01"], (["load_1", "load_01"], "variant")),
    ],
)
def test_variants_stand_at_their_numbers_if_all_have_one_behind_the_same_word(
    variants: list[str], expected: tuple[list[str] | list[int], str]
) -> None:
    assert axis(variants) == expected


def test_bytes_are_binned_where_they_arrive() -> None:
    at_ns = np.array([3, 4, 25, 29]) * MS
    begins_at_ns, bps = binned_bps(at_ns, np.array([100, 200, 50, 50]), 10 * MS)
    assert begins_at_ns.tolist() == [0, 10 * MS, 20 * MS, 30 * MS]
    assert bps.tolist() == [240_000, 0, 80_000, 0]
    assert [len(column) for column in binned_bps(at_ns[:0], at_ns[:0], MS)] == [0, 0]


def test_bins_are_a_200th_of_the_whole_and_a_millisecond_at_least() -> None:
    assert (bin_of(2000 * MS), bin_of(100 * MS), bin_of(2001 * MS)) == (10 * MS, MS, 10_005_000)


def test_lines_that_share_a_panel_share_its_points() -> None:
    assert [drawn_at_most(lines) for lines in (1, 6, 12, 32)] == [2000, 2000, 1000, 375]


def test_the_page_has_a_heading_for_each_flow_and_its_throughput_over_time(written: Written) -> None:
    page = written[0].report_path.read_text()
    headings = re.findall(r"<h3>([^<]*)</h3>", page)
    assert headings[:4] == ["Across variants", "Session player", "Flow down", "Flow up"]
    figure = re.search(r'id="throughput-downstream-down-figure">(.*?)</script>', page)
    assert figure is not None
    (first, *rest) = json.loads(figure[1])["data"]
    assert len(rest) == 11
    assert first["name"] == "load_5"
    assert "16 Mbit/s" in page
    # What is the same in most variants is folded away.
    assert page.count("<details><summary>load_") == 12


def test_a_page_of_twelve_variants_stays_small(written: Written) -> None:
    drawn_bytes = written[0].report_path.stat().st_size - len(plotly.offline.get_plotlyjs())
    assert drawn_bytes < 3_000_000


def test_the_tables_of_twelve_variants_fit_80_columns(written: Written) -> None:
    stream = io.StringIO()
    print_table(written[1], Console(file=stream, width=80))
    text = stream.getvalue()
    assert max(len(line) for line in text.splitlines() if "report.html" not in line) <= 80
    throughput = text[text.index("Throughput of background flows") : text.index("After a flow's end")]
    assert len(throughput.strip().splitlines()) == 3 + len(VARIANTS)
    assert re.search(r"load_110 +0 bit/s +16 Mbit/s +36 bit/s", throughput)


def test_what_queues_delivered_after_a_flow_is_told_and_is_in_no_throughput(written: Written) -> None:
    stream = io.StringIO()
    print_table(written[1], Console(file=stream, width=80))
    text = stream.getvalue()
    told = text[text.index("After a flow's end") : text.index("Expectations")]
    assert told.split()[-3:] == ["down", "2", "MB"]
    assert "After its end" in (written[0].path / "report.html").read_text(encoding="utf-8")


def test_a_run_that_counted_both_together_says_nothing_of_the_second() -> None:
    old = {"kind": "flow.end", "flow": "up", "received_bytes": 5, "throughput_bps": 40}
    assert timeline.flows(recorded([old]))["up"]["drained_bytes"] is None


def test_flows_are_said_in_words() -> None:
    declared = dict(conditions(scenario("load_5")))
    assert declared["background up"] == "measured udp at 16 Mbit/s, 1 kB packets, home1 → near, 0 ns to 2 s"
    assert "1 kB packets, poisson, phase 3 us, near → home1" in declared["background down"]
    assert declared["background bulk"].startswith("1 tcp, bbr, far → home2")
