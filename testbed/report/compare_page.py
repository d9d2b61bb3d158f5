"""The page of a comparison: tables side by side, differences with their intervals, and distributions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.offline
from markupsafe import Markup
from rich.console import Console

from testbed.model.measure import Unit
from testbed.record.atomic import named_by_user
from testbed.report.comparison import PER_MILLE, SEED, Compared, Comparison, Stream
from testbed.report.figures import Plot, alone, panels, style
from testbed.report.page import bounds, environment, for_people, in_digits
from testbed.report.reduce import cumulative
from testbed.report.table import VARIANT, Column, PageSection, Table, folded, milliseconds, number
from testbed.report.terminal import print_tables
from testbed.sweep.statistics import BLOCKS, LEVEL, RESAMPLES, Estimate

PLOTTED_AT_MOST = 12
"""Panels of distributions; of more streams, those that differ most."""

_NS = Unit.DELAY.unit
_SHOWN = ("mean", "p50", "p95", "p99", "max")


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page.

    Raises:
        ScenarioError: It cannot be written there.
    """
    manifests = [(label, run.manifest()) for label, run in comparison.runs]
    page = (
        environment()
        .get_template("compare.html")
        .render(
            first=manifests[0][0],
            venue=manifests[0][1]["venue"],
            count=len(manifests),
            sections=(
                PageSection("Runs", (_runs(manifests),)),
                PageSection("Differences", (_differences(comparison),)),
                PageSection("Values", (_values(comparison),)),
            ),
            plots=_plots(comparison),
            resamples=RESAMPLES,
            blocks=BLOCKS,
            seed=SEED,
            plotly_js=Markup(plotly.offline.get_plotlyjs()),
        )
    )
    with named_by_user(path) as draft:
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")


def print_differences(comparison: Comparison, console: Console) -> None:
    """Print how p50 and p99 differ, for a terminal of 80 columns and for pipes."""
    statistics = ("p50", "p99")
    table = Table(
        "",
        (Column("Stream"), Column("Run"), *(number(name, difference, folds=True) for name in statistics)),
        [
            (
                f"{stream.variant} {stream.session} {stream.measure} {stream.direction}",
                *(label, *(found.get(name) for name in statistics)),
            )
            for stream, label, found in difference_rows(comparison)
        ],
        title=f"Delay against {comparison.runs[0][0]}, ms; in brackets the {LEVEL:.0%} interval",
    )
    print_tables([table], console)


def _runs(manifests: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    columns = (
        *(Column("Run"), Column("Title"), Column("Scenario"), number("Seed"), Column("Settings")),
        *(Column("Testbed"), Column("Kernel")),
    )
    rows = [
        (
            *(label, manifest["title"], manifest["scenario"], manifest["seed"]),
            "; ".join(manifest["settings"]) or "none",
            manifest["testbed"],
            manifest["kernel"].get("key", manifest["kernel"].get("release", "")),
        )
        for label, manifest in manifests
    ]
    return Table("What was run", columns, rows)


_STREAM = (VARIANT, Column("Session"), Column("Measure"), Column("Direction"), Column("Run"))


def _differences(comparison: Comparison) -> Table:
    names = ("mean", *PER_MILLE)
    rows = [
        (*astuple(stream), label, *(found[name] for name in names))
        for stream, label, found in difference_rows(comparison)
    ]
    return Table(
        f"Delay less that of {comparison.runs[0][0]}, in milliseconds, and the {LEVEL:.0%} interval of the "
        "difference. Bold and with a star: 0 is outside of the interval",
        (*_STREAM, *(number(name, difference, strong=_is_clear) for name in names)),
        rows,
        folded=folded(rows),
    )


def _is_clear(estimate: Estimate) -> bool:
    return estimate.is_clear


def _values(comparison: Comparison) -> Table:
    rows = [
        (
            *(*astuple(stream), label),
            *(found.metrics["delay_ns"][name] for name in _SHOWN),
            f"{found.metrics['lost']}/{found.metrics['sent']}",
        )
        for stream, by_run in comparison.streams.items()
        for label, found in by_run.items()
    ]
    return Table(
        "One-way delay in milliseconds, and packets lost",
        (*_STREAM, *(number(name, milliseconds) for name in _SHOWN), number("Lost/sent")),
        rows,
        folded=folded(rows),
    )


def difference(estimate: Estimate | None) -> str:
    """A difference in ms with its interval; a star where the interval leaves 0 out."""
    if estimate is None:
        return "-"
    value = in_digits(for_people(estimate.value, _NS), _NS, signed=True)
    return f"{value} [{bounds(estimate, _NS)}]{' *' if estimate.is_clear else ''}"


def difference_rows(comparison: Comparison) -> Iterator[tuple[Stream, str, dict[str, Estimate]]]:
    """Every stream in every run after the first, with its differences."""
    for stream, by_run in comparison.streams.items():
        for label, found in by_run.items():
            if found.differences:
                yield stream, label, found.differences


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
