"""The report of a sweep: report.html with the numbers of each combination, their intervals, and plots."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.offline
from markupsafe import Markup

from testbed.record.atomic import replacing
from testbed.report.page import environment, unit_for_people, written
from testbed.report.sweep_estimates import Estimated, Estimates, Named, estimates, named, streams
from testbed.report.sweep_plots import plots
from testbed.report.table import VARIANT, Column, Look, PageSection, Table, folded, number, verdict
from testbed.sweep.plan import SweepPlan
from testbed.sweep.run_order import RunResult
from testbed.sweep.statistics import LEVEL
from testbed.sweep.sweep_directory import SweepDirectory

_SHOWN = ("p50", "p99", "max", "lost")


def write_page(
    plan: SweepPlan,
    directory: SweepDirectory,
    summaries: Mapping[str, Mapping[str, Any]],
    failed: Sequence[RunResult],
) -> None:
    """Write the page; the summaries of the finished runs by name, in the plan's order.

    Raises:
        ScenarioError: The sweep's table cannot be read, or the page cannot be written.
    """
    found = estimates(plan, directory)
    sections = (
        PageSection("Delays", (_delays(plan, found),)),
        PageSection("Expectations", (_held(summaries),), empty="The scenario states none."),
        PageSection("Other numbers", (_others(plan, found),), empty="There are no flows and no channels."),
    )
    page = (
        environment()
        .get_template("sweep.html")
        .render(
            plan=plan,
            swept=[axis for axis in plan.axes if axis.is_swept],
            runs=len(plan.runs),
            finished=len(summaries),
            failed=len(failed),
            failures=PageSection("Failed runs", (_failures(directory, failed),)),
            sections=sections,
            directory=directory.path,
            level=f"{LEVEL:.0%}",
            plots=plots(plan, found),
            plotly_js=Markup(plotly.offline.get_plotlyjs()),
        )
    )
    with replacing(directory.report_path) as draft:
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")


def _failures(directory: SweepDirectory, failed: Sequence[RunResult]) -> Table:
    return Table(
        "Runs that failed; the same command tries them again",
        (Column("Run"), Column("Why"), Column("Log")),
        [(each.name, each.message, directory.log_path(each.name)) for each in failed],
    )


def _axes(plan: SweepPlan) -> list[Column]:
    return [Column(axis.key.rpartition(".")[2]) for axis in plan.axes if axis.is_swept]


def _delays(plan: SweepPlan, found: Estimates) -> Table:
    """Delays and losses of every stream at every combination: stream by stream, so that values compare."""
    rows = [
        (
            *(stream.variant, stream.session or "", stream.direction or "", stream.measure),
            *_swept(plan, point),
            *(found.get((point, stream.other(statistic))) for statistic in _SHOWN),
            found[point, stream].seeds,
        )
        for stream in streams(found)
        for point in range(len(plan.points))
        if (point, stream) in found
    ]
    columns = (
        *(VARIANT, Column("Session"), Column("Direction"), Column("Measure"), *_axes(plan)),
        *(number(name, _cell) for name in ("p50", "p99", "max", "Lost")),
        number("Seeds"),
    )
    caption = "One-way delay in milliseconds and packets lost: mean across seeds ± half of the"
    return Table(f"{caption} {LEVEL:.0%} interval", columns, rows, folded=folded(rows))


def _others(plan: SweepPlan, found: Estimates) -> Table:
    """Every number of what has no delays, with its unit."""
    with_delays = {name.measure for name in streams(found)}
    rows = [
        (
            *(name.variant, name.session or "all", name.direction or "", _what(name), *_swept(plan, point)),
            *(each, unit_for_people(each.unit), each.seeds),
        )
        for name in named(found)
        if name.measure not in with_delays
        for point in range(len(plan.points))
        if (each := found.get((point, name))) is not None and each.seeds
    ]
    columns = (
        *(VARIANT, Column("Session or flow"), Column("Direction"), Column("Number"), *_axes(plan)),
        *(number("Value", _cell), Column("Unit"), number("Seeds")),
    )
    caption = f"Flows and channels: mean across seeds ± half of the {LEVEL:.0%} interval"
    return Table(caption, columns, rows, folded=folded(rows))


def _what(name: Named) -> str:
    return f"{name.measure} {name.statistic}"


def _cell(each: Estimated | None) -> str:
    return "-" if each is None else written(each.estimate, each.unit)


def _swept(plan: SweepPlan, point: int) -> tuple[str, ...]:
    """The combination's values of what was varied."""
    pairs = zip(plan.axes, plan.points[point].values, strict=True)
    return tuple(value for axis, value in pairs if axis.is_swept)


def _held(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """Every expectation: in how many of the runs that judged it it holds, and where it first does not."""
    verdicts: dict[str, list[tuple[str, bool]]] = {}
    for run, summary in summaries.items():
        for each in summary["expectations"]:
            verdicts.setdefault(each["text"], []).append((run, each["holds"]))
    rows = []
    for text, judged in verdicts.items():
        broken = [run for run, holds in judged if not holds]
        holds_in = f"{len(judged) - len(broken)} of {len(judged)}"
        rows.append((not broken, text, holds_in, broken[0] if broken else ""))
    columns = (
        *(Column("Verdict", verdict, look=Look.VERDICT), Column("Expected"), number("Holds in")),
        Column("First run in which it does not"),
    )
    return Table("What the scenario expects, and in how many runs it holds", columns, rows)
