"""The plots of a report as Plotly figures: what each shows, and nothing of how the page looks.

Colour never carries a meaning alone: variants also differ in marker and dash, and every mark has a
text. The page's script adds the colours of its light or dark theme.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from testbed.report import timeline
from testbed.report.reduce import DRAWN_AT_MOST, cumulative, envelope
from testbed.units import RATE

# Middle tones, with a contrast of at least 3:1 on a white and on a near-black page.
_STYLES = (
    ("#c8551b", "circle", "solid"),
    ("#3179c6", "diamond", "dash"),
    ("#2f8f5b", "square", "dot"),
    ("#9b5fc0", "cross", "dashdot"),
)
_NEUTRAL = "#7d8590"
_ROW_PX = 250
_MARGIN_PX = 140
_ABOVE_PX = 90


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure with the words that a reader without eyes for it, or without scripts, gets instead."""

    key: str
    caption: str
    figure: go.Figure
    can_be_logarithmic: bool = False

    @property
    def height_px(self) -> int:
        """How tall the figure is drawn."""
        return int(self.figure.layout.height)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the plots of one session are made of: its rows of samples and rates, and all events."""

    session: str
    variants: Sequence[str]
    samples: pd.DataFrame
    rates: pd.DataFrame
    events: Sequence[timeline.Event]

    def packets(self, variant: str, measure: str, direction: str) -> pd.DataFrame:
        """One stream, by sequence number."""
        rows = self.samples
        return rows[
            (rows["variant"] == variant) & (rows["measure"] == measure) & (rows["direction"] == direction)
        ]

    def directions(self, measure: str) -> list[str]:
        """The directions in which the session has packets of a measure, downstream first."""
        return sorted(self.samples.loc[self.samples["measure"] == measure, "direction"].unique())


def session_plots(recorded: Recorded) -> list[Plot]:
    """Everything to draw of one session; a plot without data is left out."""
    plots = []
    for measure, what in (("probe", "probes"), ("frame", "video frames")):
        if recorded.directions(measure):
            plots.append(_delay_over_time(recorded, measure, what))
            plots.append(_distribution(recorded, measure, what))
    if len(recorded.rates):
        plots.append(_rates(recorded))
    return plots


def _delay_over_time(recorded: Recorded, measure: str, what: str) -> Plot:
    directions = recorded.directions(measure)
    figure = _rows([direction.capitalize() for direction in directions], "one-way delay, ms")
    buckets: set[int] = set()
    for row, direction in enumerate(directions, start=1):
        for index, variant in enumerate(recorded.variants):
            packets = recorded.packets(variant, measure, direction)
            arrived = packets[packets["delay_ns"].notna()].sort_values("sent_at_ns")
            series = envelope(_integers(arrived["sent_at_ns"]), _integers(arrived["delay_ns"]))
            buckets |= {series.bucket_ns} if series.bucket_ns else set()
            figure.add_trace(_line(series.at_ns, series.value / 1e6, index, variant, row == 1), row, 1)
            lost_at_ns = _integers(packets.loc[packets["delay_ns"].isna(), "sent_at_ns"])
            if len(lost_at_ns):
                figure.add_trace(_losses(lost_at_ns, index, variant), row, 1)
            figure.add_trace(_resizes(recorded, variant, direction, index), row, 1)
    _mark_scenes(figure, recorded)
    figure.update_xaxes(title_text="sent at, s of virtual time", row=len(directions))
    caption = (
        f"One-way delay of the {what} of {recorded.session} over time. Vertical lines: scenes. "
        f"Triangles on the zero line: resizes of the channel. Crosses on it: losses.{_said(buckets)}"
    )
    return Plot(f"delay-{measure}-{recorded.session}", caption, figure, can_be_logarithmic=True)


def _distribution(recorded: Recorded, measure: str, what: str) -> Plot:
    directions = recorded.directions(measure)
    figure = _rows([direction.capitalize() for direction in directions], "share of all sent", shared=False)
    for row, direction in enumerate(directions, start=1):
        for index, variant in enumerate(recorded.variants):
            packets = recorded.packets(variant, measure, direction)
            value_ns, share = cumulative(_integers(packets["delay_ns"].dropna()), len(packets))
            colour, _, dash = _style(index)
            figure.add_trace(
                go.Scatter(
                    x=value_ns / 1e6,
                    y=share,
                    name=variant,
                    legendgroup=variant,
                    showlegend=row == 1,
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": 2, "shape": "hv"},
                    hovertemplate="%{y:.2%} within %{x:.3f} ms",
                ),
                row,
                1,
            )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="one-way delay, ms", row=len(directions))
    caption = (
        f"Distribution of the one-way delay of the {what} of {recorded.session}: the share of everything "
        "sent that arrived within a delay. A curve that ends below 100 % lost the rest."
    )
    return Plot(f"cdf-{measure}-{recorded.session}", caption, figure)


def _rates(recorded: Recorded) -> Plot:
    panels = [
        (variant, direction)
        for variant in recorded.variants
        for direction in sorted(
            recorded.rates.loc[recorded.rates["variant"] == variant, "direction"].unique()
        )
    ]
    figure = _rows([f"{variant}, {direction}" for variant, direction in panels], "Mbit/s")
    lines = (
        ("allocated", "rate_bps", _STYLES[2][0], "dash", "hv"),
        ("asked for", "demand_bps", _STYLES[3][0], "dot", "hv"),
        ("used", "throughput_bps", _NEUTRAL, "solid", "linear"),
    )
    buckets: set[int] = set()
    explained: set[str] = set()
    for row, (variant, direction) in enumerate(panels, start=1):
        rows = recorded.rates[
            (recorded.rates["variant"] == variant) & (recorded.rates["direction"] == direction)
        ]
        for name, column, colour, dash, shape in lines:
            at_s, value, bucket_ns = _gapped(rows, column)
            buckets |= {bucket_ns} if bucket_ns else set()
            figure.add_trace(
                go.Scatter(
                    x=at_s,
                    y=value,
                    name=name,
                    legendgroup=name,
                    showlegend=bool(at_s) and name not in explained,
                    mode="lines",
                    line={"color": colour, "dash": dash, "shape": shape, "width": 2},
                    connectgaps=False,
                    hovertemplate=f"{name} %{{y:.4~g}} Mbit/s at %{{x:.2f}} s",
                ),
                row,
                1,
            )
            explained |= {name} if at_s else set()
    _mark_scenes(figure, recorded)
    figure.update_xaxes(title_text="s of virtual time", row=len(panels))
    caption = (
        f"Rate allocated to the channel of {recorded.session}, asked for by it, and used by the class that "
        f"carries it. No allocated line where there was no channel.{_said(buckets)}"
    )
    return Plot(f"rates-{recorded.session}", caption, figure, can_be_logarithmic=True)


def _rows(titles: Sequence[str], y_title: str, shared: bool = True) -> go.Figure:
    height = _ROW_PX * len(titles) + _MARGIN_PX
    figure = make_subplots(
        rows=len(titles),
        cols=1,
        shared_xaxes=shared,
        subplot_titles=titles,
        vertical_spacing=min(0.14, 60 / height),
    )
    figure.update_layout(
        template=None,
        height=height,
        margin={"l": 62, "r": 12, "t": _ABOVE_PX, "b": _MARGIN_PX - _ABOVE_PX},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1 + 24 / (height - _MARGIN_PX), "x": 0},
        hovermode="closest",
    )
    figure.update_yaxes(title_text=y_title, rangemode="tozero", zeroline=False)
    return figure


def _line(at_ns: Any, value: Any, index: int, variant: str, in_legend: bool) -> go.Scatter:
    colour, symbol, _ = _style(index)
    return go.Scatter(
        x=at_ns / 1e9,
        y=value,
        name=variant,
        legendgroup=variant,
        showlegend=in_legend,
        mode="lines+markers",
        line={"color": colour, "width": 1},
        marker={"color": colour, "symbol": symbol, "size": 4},
        hovertemplate=f"{variant}: %{{y:.3f}} ms at %{{x:.3f}} s<extra></extra>",
    )


def _losses(at_ns: Any, index: int, variant: str) -> go.Scatter:
    drawn = envelope(at_ns, at_ns, DRAWN_AT_MOST // 4).at_ns
    return go.Scatter(
        x=drawn / 1e9,
        y=np.zeros(len(drawn)),
        name=f"{variant}: lost",
        legendgroup=f"{variant} lost",
        showlegend=False,
        mode="markers",
        marker={"color": _style(index)[0], "symbol": "x-thin-open", "size": 8},
        cliponaxis=False,
        hovertemplate=f"{variant}: lost, sent at %{{x:.3f}} s<extra></extra>",
    )


def _resizes(recorded: Recorded, variant: str, direction: str, index: int) -> go.Scatter:
    events = [
        event
        for event in timeline.of_session(
            timeline.of_variant(recorded.events, variant), recorded.session, "channel.resize"
        )
        if event["direction"] == direction
    ]
    words = [
        f"{RATE.format(event['from_bps'])} → {RATE.format(event['to_bps'])}: {event['reason']}"
        for event in events
    ]
    return go.Scatter(
        x=[event["at_ns"] / 1e9 for event in events],
        y=[0] * len(events),
        name=f"{variant}: resize",
        showlegend=False,
        mode="markers",
        marker={
            "color": _style(index)[0],
            "symbol": ["triangle-up" if e["to_bps"] > e["from_bps"] else "triangle-down" for e in events],
            "size": 12,
        },
        text=words,
        cliponaxis=False,
        hovertemplate=f"{variant}, %{{x:.3f}} s: %{{text}}<extra></extra>",
    )


def _mark_scenes(figure: go.Figure, recorded: Recorded) -> None:
    """A line where each scene begins. Variants share the session's script, so each scene is drawn once."""
    scenes: Mapping[tuple[int, str], None] = {
        (event["at_ns"], event["scene"]): None
        for event in timeline.of_session(recorded.events, recorded.session, "scene")
    }
    for axis, top in _tops(figure).items():
        # Room for the names of the scenes above the lines.
        figure.layout[axis].autorangeoptions.include = [top * 1.15]
    for at_ns, name in scenes:
        figure.add_vline(x=at_ns / 1e9, line={"color": _NEUTRAL, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=at_ns / 1e9,
            y=1,
            yref="y domain",
            text=name,
            showarrow=False,
            xanchor="left",
            yanchor="top",
            xshift=3,
            font={"size": 11},
        )


def _tops(figure: go.Figure) -> dict[str, float]:
    """The greatest value drawn on each vertical axis."""
    tops: dict[str, float] = {}
    for trace in figure.data:
        axis = trace.yaxis.replace("y", "yaxis")
        values = [value for value in trace.y if value is not None]
        tops[axis] = max([tops.get(axis, 0.0), *values])
    return tops


def _gapped(rows: pd.DataFrame, column: str) -> tuple[list[float], list[float | None], int | None]:
    """A rate in Mbit/s over seconds, with a gap wherever it is null."""
    known = rows[column].notna().to_numpy()
    at_ns = _integers(rows["at_ns"])
    run_starts = np.flatnonzero(np.diff(known.astype(np.int8), prepend=0) == 1)
    run_ends = np.flatnonzero(np.diff(known.astype(np.int8), append=0) == -1) + 1
    at_s: list[float] = []
    value: list[float | None] = []
    bucket_ns = None
    for start, end in zip(run_starts, run_ends, strict=True):
        series = envelope(at_ns[start:end], _integers(rows[column].iloc[start:end]))
        bucket_ns = series.bucket_ns or bucket_ns
        at_s += [*(series.at_ns / 1e9).tolist(), float(at_ns[end - 1]) / 1e9]
        value += [*(series.value / 1e6).tolist(), None]
    return at_s, value, bucket_ns


def _said(buckets_ns: set[int]) -> str:
    if not buckets_ns:
        return ""
    bucket = f"{max(buckets_ns) / 1e6:.3g} ms"
    return (
        f" Long series are drawn by the smallest and the largest value of every {bucket}; "
        "all values are in samples.parquet and rates.parquet."
    )


def _style(index: int) -> tuple[str, str, str]:
    return _STYLES[index % len(_STYLES)]


def _integers(column: "pd.Series[Any]") -> Any:
    return column.to_numpy(dtype=np.int64)
