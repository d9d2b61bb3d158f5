"""The plots of what nodes did and what broke: delays of messages, and parts of recoveries."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from testbed.applications.application import all_reports
from testbed.report.failures import RECOVERY_PARTS, RecoveryPart, RecoverySummary
from testbed.report.figures import Plot, style
from testbed.report.job_tables import recovery_rows
from testbed.report.records import RunRecords
from testbed.report.stream_plots import stream_plots
from testbed.report.summary import Summary

BARS_AT_MOST = 24
_BAR_PX, _ABOVE_PX, _BELOW_PX = 26, 165, 50
"""Above stands a legend, which on a phone has a row for each part."""

_LONGEST_NAME = 16

_PART_WORDS = ("detection", "decision", "transfer of state", "restart", "first request")
_PATTERNS = ("", "/", "x", ".", "-")


def plots_of_work(summary: Summary, run: RunRecords) -> list[tuple[str, list[Plot]]]:
    """All plots by heading; none for a run without such work."""
    found = [("Recoveries", _recoveries(summary))] if recovery_rows(summary) else []
    requests = stream_plots(run, [("request", "request and answer")])
    found += [(f"Requests to {name}", plots) for name, plots in requests]
    return found + [each for part in all_reports() for each in part.plots(run, summary)]


def _recoveries(summary: Summary) -> list[Plot]:
    """A bar for each job, cut into its parts; of very many the longest. A panel for each variant."""
    found = recovery_rows(summary)
    by_length = sorted(found, key=lambda row: -row[1]["recovery_ns"])
    longest = by_length[:BARS_AT_MOST]
    bars: dict[str, list[RecoverySummary]] = {}
    for variant, recovery in found:
        if (variant, recovery) in longest:
            bars.setdefault(variant, []).append(recovery)
    heights = [len(jobs) for jobs in bars.values()]
    height = _ABOVE_PX + _BELOW_PX + _BAR_PX * sum(heights) + 60 * len(bars)
    figure = make_subplots(
        rows=len(bars),
        cols=1,
        shared_xaxes=True,
        subplot_titles=list(bars),
        row_heights=heights,
        vertical_spacing=min(0.3, 56 / height),
    )
    for row, jobs in enumerate(bars.values(), start=1):
        for index, (part, words) in enumerate(zip(RECOVERY_PARTS, _PART_WORDS, strict=True)):
            figure.add_trace(_part(jobs, part, words, index, row == 1), row, 1)
        names = [_shortened(job["job"]) for job in jobs]
        figure.update_yaxes(tickvals=list(range(len(jobs))), ticktext=names, row=row)
    figure.update_layout(
        template=None,
        barmode="stack",
        height=height,
        margin={"l": 12, "r": 12, "t": _ABOVE_PX, "b": _BELOW_PX},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1 + 30 / (height - _ABOVE_PX - _BELOW_PX),
            "x": 0,
            "traceorder": "normal",
        },
    )
    figure.update_yaxes(automargin=True, autorange="reversed", zeroline=False)
    figure.update_xaxes(rangemode="tozero", zeroline=False)
    figure.update_xaxes(title_text="since the fault, ms", row=len(bars))
    few = f" The {BARS_AT_MOST} longest of {len(found)}." if len(found) > BARS_AT_MOST else ""
    caption = (
        f"From a fault until the first request that a job serves again, by what the time went into.{few}"
    )
    return [Plot("recoveries", caption, figure)]


def _part(
    jobs: Sequence[RecoverySummary], part: RecoveryPart, words: str, index: int, in_legend: bool
) -> go.Bar:
    colour = style(index).colour
    return go.Bar(
        x=[job[part] / 1e6 for job in jobs],
        y=list(range(len(jobs))),
        text=[f"{job['job']} on {job['node']}" for job in jobs],
        textposition="none",
        name=words,
        legendgroup=words,
        showlegend=in_legend,
        orientation="h",
        marker={
            "color": colour,
            "pattern": {"shape": _PATTERNS[index], "fillmode": "overlay", "fgcolor": "#ffffff", "size": 6},
            "line": {"color": colour, "width": 1},
        },
        hovertemplate=f"%{{text}}: {words} %{{x:.3f}} ms<extra></extra>",
    )


def _shortened(name: str) -> str:
    """A job's name with its beginning and its number."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:8]}…{name[-7:]}"
