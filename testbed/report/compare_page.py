"""The page of a comparison: tables side by side, differences with their intervals, and distributions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.offline
from markupsafe import Markup
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from testbed.model.quantity import Kind
from testbed.record.atomic import named_by_user
from testbed.report.comparison import PER_MILLE, SEED, Compared, Comparison, Stream
from testbed.report.figures import Plot, alone, panels, style
from testbed.report.page import bounds, environment, for_people, number
from testbed.report.reduce import cumulative
from testbed.report.table import milliseconds
from testbed.sweep.statistics import BLOCKS, LEVEL, RESAMPLES, Estimate

FOLDED_FROM = 40
PLOTTED_AT_MOST = 12
"""Panels of distributions; of more streams, those that differ most."""

_NS = Kind.DELAY.unit
_SHOWN = ("mean", "p50", "p95", "p99", "max")


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page.

    Raises:
        ScenarioError: It cannot be written there.
    """
    manifests = [(label, run.manifest()) for label, run in comparison.runs]
    templates = environment()
    templates.filters["difference"] = difference
    page = templates.get_template("compare.html").render(
        manifests=manifests,
        venue=manifests[0][1]["venue"],
        statistics=_SHOWN,
        values=list(_value_rows(comparison)),
        names=("mean", *PER_MILLE),
        differences=list(difference_rows(comparison)),
        plots=_plots(comparison),
        level=f"{LEVEL:.0%}",
        resamples=RESAMPLES,
        blocks=BLOCKS,
        seed=SEED,
        folded_from=FOLDED_FROM,
        plotly_js=Markup(plotly.offline.get_plotlyjs()),
    )
    with named_by_user(path) as draft:
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")


def print_differences(comparison: Comparison, console: Console) -> None:
    """Print how p50 and p99 differ, for a terminal of 80 columns and for pipes."""
    first = comparison.runs[0][0]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.title, table.title_justify = (
        f"Delay against {first}, ms; in brackets the {LEVEL:.0%} interval",
        "left",
    )
    for heading in ("stream", "run"):
        table.add_column(heading, overflow="fold")
    for heading in ("p50", "p99"):
        table.add_column(heading, justify="right", overflow="fold")
    for stream, label, found in difference_rows(comparison):
        name = f"{stream.variant} {stream.session} {stream.measure} {stream.direction}"
        table.add_row(name, label, *(difference(found.get(each)) for each in ("p50", "p99")))
    console.print(table, end="\n\n")


def difference(estimate: Estimate | None) -> str:
    """A difference in ms with its interval; a star where the interval leaves 0 out."""
    if estimate is None:
        return "-"
    value = number(for_people(estimate.value, _NS), _NS, signed=True)
    return f"{value} [{bounds(estimate, _NS)}]{' *' if estimate.is_clear else ''}"


def difference_rows(comparison: Comparison) -> Iterator[tuple[Stream, str, dict[str, Estimate]]]:
    """Every stream in every run after the first, with its differences."""
    for stream, by_run in comparison.streams.items():
        for label, found in by_run.items():
            if found.differences:
                yield stream, label, found.differences


def _value_rows(comparison: Comparison) -> Iterator[tuple[Stream, str, list[str], str]]:
    for stream, by_run in comparison.streams.items():
        for label, found in by_run.items():
            delays = [milliseconds(found.metrics["delay_ns"][name]) for name in _SHOWN]
            yield stream, label, delays, f"{found.metrics['lost']} / {found.metrics['sent']}"


def _plots(comparison: Comparison) -> list[tuple[str, list[Plot]]]:
    drawn = [
        (stream, by_run)
        for stream, by_run in comparison.streams.items()
        if any(len(found.delays.delay_ns) for found in by_run.values())
    ]
    shown = drawn
    if len(drawn) > PLOTTED_AT_MOST:
        most = sorted(drawn, key=lambda each: -_largest(each[1]))[:PLOTTED_AT_MOST]
        shown = [each for each in drawn if each in most]
    labels = [label for label, _ in comparison.runs]
    plots = [
        _distribution(f"distribution-{place}", stream, by_run, labels)
        for place, (stream, by_run) in enumerate(shown)
    ]
    heading = "Distributions of delay"
    if len(drawn) > len(shown):
        heading += f", of the {len(shown)} streams of {len(drawn)} that differ most"
    return [(heading, plots)] if plots else []


def _largest(by_run: dict[str, Compared]) -> float:
    found = [each.value for compared in by_run.values() for each in compared.differences.values()]
    return max(map(abs, found), default=0)


def _distribution(key: str, stream: Stream, by_run: dict[str, Compared], labels: list[str]) -> Plot:
    name = f"{stream.session}, {stream.measure}, {stream.direction}, variant {stream.variant}"
    figure = panels([name], "share of all sent", names=len(by_run))
    for label, found in by_run.items():
        looks = style(labels.index(label))
        value_ns, share = cumulative(found.delays.delay_ns, found.metrics["sent"])
        figure.add_trace(
            go.Scatter(
                x=np.asarray(value_ns / 1e6),
                y=share,
                name=label,
                mode="lines",
                line={"color": looks.colour, "dash": looks.dash, "width": 2, "shape": "hv"},
                hovertemplate=f"{label}: %{{y:.2%}} within %{{x:.3f}} ms<extra></extra>",
            )
        )
    figure.update_layout(showlegend=True)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(title_text="one-way delay, ms", rangemode="tozero")
    caption = (
        f"Distribution of the one-way delay of {name}: the share of everything sent that arrived within a "
        f"delay. A curve that ends below 100 % lost the rest.{alone(len(by_run))}"
    )
    return Plot(key, caption, figure)
