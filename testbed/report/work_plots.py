"""The plots of what nodes did and what broke: delays of messages, rates of transfers, parts of recoveries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from testbed.report.failures import RECOVERY_PARTS, FaultSummary, RecoveryPart, RecoverySummary
from testbed.report.figures import Plot, alone, integers, panels, said, style
from testbed.report.job_tables import recovery_rows
from testbed.report.marks import BANDS, mark_faults
from testbed.report.node_work import PlaneSummary
from testbed.report.reduce import drawn_at_most, envelope
from testbed.report.summary import Summary
from testbed.report.traces import delay_line, loss_marks, share_line
from testbed.report.work_tables import plane_words

DRAWN_AT_MOST = 12
"""Of each kind of work, the names that are drawn: the first of the run."""

BARS_AT_MOST = 24
_BAR_PX, _ABOVE_PX, _BELOW_PX = 26, 165, 50
"""Above stands a legend, which on a phone has a row for each part."""

_LONGEST_NAME = 16

_STREAMS = (
    ("Clients", (("first_token", "first token"), ("token", "time per token"), ("answer", "whole answer"))),
    ("Experts", (("dispatch", "dispatch"), ("combine", "combine"), ("exchange", "whole exchange"))),
    ("Transfer", (("block", "block"),)),
    ("Requests to", (("request", "request and answer"),)),
)
"""Headings, and the measures that are drawn below one another, each with its title."""

_PART_WORDS = ("detection", "decision", "transfer of state", "restart", "first request")
_PATTERNS = ("", "/", "x", ".", "-")


@dataclass(frozen=True, slots=True)
class _Run:
    """What the plots are made of; `faults` are those of each variant."""

    packets: pd.DataFrame
    rates: pd.DataFrame
    faults: Mapping[str, Sequence[FaultSummary]]
    duration_ns: int

    def stream(self, variant: str, name: str, measure: str) -> pd.DataFrame:
        """The messages of one measure, in order of number."""
        rows = self.packets
        return rows[(rows["variant"] == variant) & (rows["session"] == name) & (rows["measure"] == measure)]


def plots_of_work(
    summary: Summary, packets: pd.DataFrame, rates: pd.DataFrame, duration_ns: int
) -> list[tuple[str, list[Plot]]]:
    """All plots by heading; none for a run without such work."""
    faults = {variant: numbers.get("faults", []) for variant, numbers in summary["variants"].items()}
    run = _Run(packets, rates, faults, duration_ns)
    found = [("Recoveries", _recoveries(summary))] if recovery_rows(summary) else []
    for heading, measures in _STREAMS:
        for name, present in _named(packets, measures):
            plots = [_over_time(run, name, present), _distribution(run, name, present)]
            if heading == "Transfer":
                plots = [_throughput(run, summary, name), *plots]
            found.append((f"{heading} {name}", plots))
    return found


def _named(
    packets: pd.DataFrame, measures: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The first names with any of these measures, each with those that something arrived of."""
    arrived = packets[
        packets["received_at_ns"].notna() & packets["measure"].isin([key for key, _ in measures])
    ]
    for name in [str(name) for name in arrived["session"].unique()][:DRAWN_AT_MOST]:
        of_name = set(arrived.loc[arrived["session"] == name, "measure"].unique())
        yield name, [(measure, title) for measure, title in measures if measure in of_name]


def _over_time(run: _Run, name: str, measures: Sequence[tuple[str, str]]) -> Plot:
    figure = panels([title.capitalize() for _, title in measures], "ms", names=len(run.faults))
    at_most = drawn_at_most(len(run.faults))
    buckets: set[int] = set()
    for row, (measure, _) in enumerate(measures, start=1):
        for index, variant in enumerate(run.faults):
            sent = run.stream(variant, name, measure)
            arrived = sent[sent["delay_ns"].notna()].sort_values("sent_at_ns", kind="stable")
            series = envelope(integers(arrived["sent_at_ns"]), integers(arrived["delay_ns"]), at_most)
            buckets |= {series.bucket_ns} if series.bucket_ns else set()
            figure.add_trace(delay_line(series.at_ns, series.value / 1e6, index, variant, row == 1), row, 1)
            lost_at_ns = integers(sent.loc[sent["delay_ns"].isna(), "sent_at_ns"])
            if len(lost_at_ns):
                figure.add_trace(loss_marks(lost_at_ns, at_most // 4, index, variant), row, 1)
    bands = mark_faults(figure, run.faults, run.duration_ns)
    figure.update_xaxes(title_text="begun at, s of virtual time", row=len(measures))
    caption = (
        f"{_both(measures)} of {name} over time. Crosses on the zero line: what never came."
        f"{BANDS if bands else ''}{alone(len(run.faults))}{said(buckets)}"
    )
    return Plot(f"work-{name}", caption, figure, can_be_logarithmic=True)


def _distribution(run: _Run, name: str, measures: Sequence[tuple[str, str]]) -> Plot:
    titles = [title.capitalize() for _, title in measures]
    figure = panels(titles, "share of all", names=len(run.faults), shared=False)
    for row, (measure, _) in enumerate(measures, start=1):
        for index, variant in enumerate(run.faults):
            sent = run.stream(variant, name, measure)
            figure.add_trace(share_line(sent, index, variant, row == 1), row, 1)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="ms", row=len(measures))
    caption = (
        f"Distribution of the {_both(measures).lower()} of {name}: the share that took at most so long. "
        f"A curve that ends below 100 % lost the rest.{alone(len(run.faults))}"
    )
    return Plot(f"work-cdf-{name}", caption, figure)


def _both(measures: Sequence[tuple[str, str]]) -> str:
    *before, last = (title for _, title in measures)
    return f"{', '.join(before)} and {last}".capitalize() if before else last.capitalize()


def _throughput(run: _Run, summary: Summary, name: str) -> Plot:
    of_transfer = run.rates[run.rates["session"] == name]
    unit, size_bps = _unit(int(of_transfer["throughput_bps"].max()) if len(of_transfer) else 0)
    figure = panels(["Throughput"], unit, names=len(run.faults))
    at_most = drawn_at_most(len(run.faults))
    buckets: set[int] = set()
    for index, variant in enumerate(run.faults):
        rows = of_transfer[of_transfer["variant"] == variant]
        series = envelope(integers(rows["at_ns"]), integers(rows["throughput_bps"]), at_most)
        buckets |= {series.bucket_ns} if series.bucket_ns else set()
        looks = style(index)
        figure.add_trace(
            go.Scatter(
                x=series.at_ns / 1e9,
                y=series.value / size_bps,
                name=variant,
                legendgroup=variant,
                mode="lines",
                # A row stands for the time before it.
                line={"color": looks.colour, "dash": looks.dash, "width": 2, "shape": "vh"},
                hovertemplate=f"{variant}: %{{y:.4~g}} {unit} until %{{x:.3f}} s<extra></extra>",
            )
        )
        found = summary["variants"][variant].get("transfers", {}).get(name)
        if found is not None and found["planes"]:
            figure.add_trace(_plane_marks(found["planes"], index, variant))
    bands = mark_faults(figure, run.faults, run.duration_ns)
    figure.update_xaxes(title_text="s of virtual time")
    caption = (
        f"What arrived of transfer {name} over time. Triangles on the zero line: planes given up (down) and "
        f"found alive again (up).{BANDS if bands else ''}{alone(len(run.faults))}{said(buckets)}"
    )
    return Plot(f"work-rate-{name}", caption, figure, can_be_logarithmic=True)


def _unit(highest_bps: int) -> tuple[str, int]:
    """The unit of an axis that reaches so high, and its size: no axis needs thousands of it."""
    return ("Gbit/s", 10**9) if highest_bps >= 10**10 else ("Mbit/s", 10**6)


def _plane_marks(planes: Sequence[PlaneSummary], index: int, variant: str) -> go.Scatter:
    return go.Scatter(
        x=[plane["at_ns"] / 1e9 for plane in planes],
        y=[0] * len(planes),
        name=f"{variant}: planes",
        showlegend=False,
        mode="markers",
        marker={
            "color": style(index).colour,
            "symbol": ["triangle-up" if plane["alive"] else "triangle-down" for plane in planes],
            "size": 12,
        },
        text=[plane_words(plane) for plane in planes],
        cliponaxis=False,
        hovertemplate=f"{variant}, %{{x:.3f}} s: %{{text}}<extra></extra>",
    )


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
