"""The report of a sweep: report.html with the numbers of each combination, their intervals, and plots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.offline
from markupsafe import Markup

from testbed.record.atomic import replacing
from testbed.report.page import environment, unit_for_people, written
from testbed.report.sweep_estimates import Estimated, Estimates, Named, estimates, named, streams
from testbed.report.sweep_plots import plots
from testbed.sweep.directory import SweepDirectory
from testbed.sweep.order import Ended
from testbed.sweep.plan import SweepPlan
from testbed.sweep.statistics import LEVEL

FOLDED_FROM = 40
"""A table with more rows is opened by a click."""

_SHOWN = ("p50", "p99", "max", "lost")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table: the values of the combination, the words that name it, and the cells."""

    values: tuple[str, ...]
    names: tuple[str, ...]
    cells: tuple[str, ...]
    seeds: int


@dataclass(frozen=True, slots=True)
class _Held:
    """An expectation: in how many of the runs that judged it it holds, and the first in which it does not."""

    text: str
    holds: int
    runs: int
    broken: str


def write_page(
    plan: SweepPlan,
    directory: SweepDirectory,
    summaries: Mapping[str, Mapping[str, Any]],
    failed: Sequence[Ended],
) -> None:
    """Write the page; the summaries of the finished runs by name, in the plan's order.

    Raises:
        ScenarioError: The sweep's table cannot be read, or the page cannot be written.
    """
    found = estimates(plan, directory)
    page = (
        environment()
        .get_template("sweep.html")
        .render(
            plan=plan,
            swept=[axis for axis in plan.axes if axis.is_swept],
            runs=len(plan.runs),
            finished=len(summaries),
            failed=[(each, directory.log_path(each.name)) for each in failed],
            directory=directory.path,
            level=f"{LEVEL:.0%}",
            delays=list(_delay_rows(plan, found)),
            others=list(_other_rows(plan, found)),
            held=_held(summaries),
            folded_from=FOLDED_FROM,
            plots=plots(plan, found),
            plotly_js=Markup(plotly.offline.get_plotlyjs()),
        )
    )
    with replacing(directory.report_path) as draft:
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")


def _delay_rows(plan: SweepPlan, found: Estimates) -> Iterator[_Row]:
    """Delays and losses of every stream at every combination: stream by stream, so that values compare."""
    for stream in streams(found):
        for point in range(len(plan.points)):
            each = found.get((point, stream))
            if each is None:
                continue
            cells = (_cell(found.get((point, stream.other(statistic)))) for statistic in _SHOWN)
            names = (stream.variant, stream.session or "", stream.direction or "", stream.measure)
            yield _Row(_swept(plan, point), names, tuple(cells), each.seeds)


def _other_rows(plan: SweepPlan, found: Estimates) -> Iterator[_Row]:
    """Every number of what has no delays, with its unit."""
    with_delays = {name.measure for name in streams(found)}
    for name in named(found):
        if name.measure in with_delays:
            continue
        for point in range(len(plan.points)):
            each = found.get((point, name))
            if each is not None and each.seeds:
                words = (name.variant, name.session or "all", name.direction or "", _what(name))
                cells = (_cell(each), unit_for_people(each.unit))
                yield _Row(_swept(plan, point), words, cells, each.seeds)


def _what(name: Named) -> str:
    return f"{name.measure} {name.statistic}"


def _cell(each: Estimated | None) -> str:
    return "-" if each is None else written(each.estimate, each.unit)


def _swept(plan: SweepPlan, point: int) -> tuple[str, ...]:
    """The combination's values of what was varied."""
    pairs = zip(plan.axes, plan.points[point].values, strict=True)
    return tuple(value for axis, value in pairs if axis.is_swept)


def _held(summaries: Mapping[str, Mapping[str, Any]]) -> list[_Held]:
    verdicts: dict[str, list[tuple[str, bool]]] = {}
    for run, summary in summaries.items():
        for verdict in summary["expectations"]:
            verdicts.setdefault(verdict["text"], []).append((run, verdict["holds"]))
    return [
        _Held(
            text,
            sum(holds for _, holds in judged),
            len(judged),
            next((run for run, holds in judged if not holds), ""),
        )
        for text, judged in verdicts.items()
    ]
