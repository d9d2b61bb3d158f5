"""The table and the page of a sweep: every number of every run, means with intervals, and what failed."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from synthetic_seeds import FAILED, MS, VARIANTS, median_ns, plan, write_sweep

from testbed.report.page import bounds, in_digits, written
from testbed.report.sweep_estimates import Named, estimates
from testbed.report.sweep_plots import plots
from testbed.sweep.statistics import Estimate, across_seeds
from testbed.sweep.sweep_directory import SweepDirectory

P50 = Named("best_effort", "player", "downstream", "probe", "p50")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> SweepDirectory:
    return write_sweep(tmp_path_factory.mktemp("sweep"), plan(), [FAILED])


@pytest.fixture(scope="module")
def page(sweep: SweepDirectory) -> str:
    return sweep.report_path.read_text()


def test_the_table_has_a_row_for_each_number_of_each_run(sweep: SweepDirectory) -> None:
    table = pq.read_table(sweep.numbers_path)
    assert table.column_names == [
        "run", "background.download.flows", "access.downstream.rate", "seed",
        "variant", "session", "direction", "measure", "statistic", "unit", "value",
    ]  # fmt: skip
    rows = table.to_pylist()
    assert len({row["run"] for row in rows}) == 30
    wanted = [row for row in rows if row["direction"] == "downstream" and row["statistic"] == "p50"]
    assert len(wanted) == 60
    for row in wanted:
        values = (str(row["background.download.flows"]), row["access.downstream.rate"])
        assert row["value"] == median_ns(values, row["seed"], row["variant"])
        assert row["unit"] == "ns"


def test_what_was_not_measured_is_null_and_never_0(sweep: SweepDirectory) -> None:
    rows = pq.read_table(sweep.numbers_path).to_pylist()
    upstream = {row["statistic"]: row["value"] for row in rows if row["direction"] == "upstream"}
    assert (upstream["p50"], upstream["lost"], upstream["received"]) == (None, 5, 0)


def test_the_same_rows_give_the_same_bytes(sweep: SweepDirectory, tmp_path: Path) -> None:
    again = write_sweep(tmp_path, plan())
    assert again.numbers_path.read_bytes() == sweep.numbers_path.read_bytes()


def test_an_estimate_is_of_the_runs_of_one_combination(sweep: SweepDirectory) -> None:
    found = estimates(plan(), sweep)
    for point, each in enumerate(plan().points):
        values = [median_ns(each.values, seed, "best_effort") for seed in range(1, 6)]
        assert found[point, P50].estimate == across_seeds(values)
        assert found[point, P50].seeds == 5
    nothing = found[0, Named("elastic", "player", "upstream", "probe", "p50")]
    assert (nothing.estimate, nothing.seeds) == (None, 0)


def test_a_plot_has_a_line_for_each_variant_and_other_value_with_its_bars(sweep: SweepDirectory) -> None:
    sections = plots(plan(), estimates(plan(), sweep))
    assert [heading for heading, _ in sections] == [
        "Over background.download.flows",
        "Over access.downstream.rate",
    ]
    delay = sections[0][1][0].figure
    assert [trace.name for trace in delay.data[:4]] == [
        f"{variant}, rate {rate}" for rate in ("50 Mbit/s", "100 Mbit/s") for variant in VARIANTS
    ]
    first = delay.data[0]
    assert list(first.x) == [1, 4, 16]
    assert list(first.y) == [median_ns((flows, ""), 3, "best_effort") / MS for flows in ("1", "4", "16")]
    half = across_seeds([10_000 * seed for seed in range(1, 6)])
    assert half.low is not None
    assert list(first.error_y.array) == pytest.approx([(half.value - half.low) / MS] * 3)
    assert [len({(t.line.dash, t.marker.symbol) for t in delay.data[:4]})] == [4]
    by_rate = sections[1][1][0].figure
    assert list(by_rate.data[0].x) == [50, 100]


def test_words_stand_side_by_side_and_a_sweep_of_seeds_alone_has_no_plot(tmp_path: Path) -> None:
    words = plan(["background.download.flows=4", "background.download.congestion=cubic,bbr"])
    ((heading, figures),) = plots(words, estimates(words, write_sweep(tmp_path / "words", words)))
    assert heading == "Over background.download.congestion"
    assert figures[0].figure.layout.xaxis.type == "category"
    seeds = plan([])
    assert plots(seeds, estimates(seeds, write_sweep(tmp_path / "seeds", seeds))) == []


def test_the_page_says_what_failed_what_holds_and_how_sure_it_is(page: str) -> None:
    assert "A player beside a download &lt;b&gt;" in page
    assert "&lt;the kernel&gt; died" in page
    assert re.search(r"FAIL</td>\s*<td>seed is small</td><td class=\"number\">18 of 30", page)
    assert re.search(r"PASS</td>\s*<td>elastic is near</td><td class=\"number\">30 of 30", page)
    assert "<b>COMPLETE:</b> 30 of 30 runs are finished, 1 failed." in page
    assert "12.030 ± 0.020" in page
    assert "Student&#39;s t" in page or "Student's t" in page


def test_a_complete_sweep_does_not_say_that_something_failed(tmp_path: Path) -> None:
    page = write_sweep(tmp_path, plan(seeds=1)).report_path.read_text()
    assert "<b>COMPLETE:</b> 6 of 6 runs are finished." in page
    assert 'id="failed"' not in page
    assert "12.010 ±" not in page


def test_numbers_are_written_for_people() -> None:
    assert written(Estimate(6_123_456, 6_000_000, 6_246_912), "ns") == "6.123 ± 0.123"
    assert written(Estimate(2.5, None, None), "count") == "2.5"
    assert written(None, "ns") == "-"
    assert written(Estimate(40_000_000, 30_000_000, 50_000_000), "bit/s") == "40.000 ± 10.000"
    assert bounds(Estimate(0, -1_000_000, 2_000_000), "ns") == "-1.000 to +2.000"
    assert in_digits(7.0, "count", signed=True) == "+7"
