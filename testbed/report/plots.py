"""The plots of one session or measured flow, as Plotly figures: what each shows, not how the page looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from testbed.record.event import RecordedEvent
from testbed.record.events import ChannelResized
from testbed.report.failures import FaultSummary
from testbed.report.figures import NEUTRAL, Plot, alone, integers, panels, said, style
from testbed.report.marks import BANDS, mark_faults, mark_scenes
from testbed.report.reduce import bin_of, binned_bps, drawn_at_most, envelope
from testbed.report.traces import delay_line, loss_marks, share_line
from testbed.units import RATE


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the plots of one session or flow are made of: its rows of samples and rates, and all events.

    `faults` are those of each variant.
    """

    session: str
    is_flow: bool
    duration_ns: int
    variants: Sequence[str]
    samples: pd.DataFrame
    rates: pd.DataFrame
    events: Sequence[RecordedEvent]
    faults: Mapping[str, Sequence[FaultSummary]]

    def packets(self, variant: str, measure: str, direction: str) -> pd.DataFrame:
        """One stream, by sequence number."""
        rows = self.samples
        return rows[
            (rows["variant"] == variant) & (rows["measure"] == measure) & (rows["direction"] == direction)
        ]

    def directions(self, measure: str) -> list[str]:
        """The directions in which the session has packets of a measure, downstream first."""
        return sorted(self.samples.loc[self.samples["measure"] == measure, "direction"].unique())


def plots_of(recorded: Recorded) -> list[Plot]:
    """Everything to draw of one session or flow; a plot without data is left out."""
    plots = []
    of_session = (("probe", "probes"), ("frame", "video frames"))
    of_flow = (("packet", "packets"), ("message", "messages"))
    for measure, what in of_flow if recorded.is_flow else of_session:
        if recorded.directions(measure):
            plots.append(_delay_over_time(recorded, measure, what))
            plots.append(_distribution(recorded, measure, what))
    if recorded.is_flow:
        plots += [_throughput(recorded, direction) for direction in recorded.directions("packet")]
    if len(recorded.rates):
        plots.append(_rates(recorded))
    return plots


def _delay_over_time(recorded: Recorded, measure: str, what: str) -> Plot:
    directions = recorded.directions(measure)
    titles = [direction.capitalize() for direction in directions]
    figure = panels(titles, "one-way delay, ms", names=len(recorded.variants))
    at_most = drawn_at_most(len(recorded.variants))
    buckets: set[int] = set()
    for row, direction in enumerate(directions, start=1):
        for index, variant in enumerate(recorded.variants):
            packets = recorded.packets(variant, measure, direction)
            arrived = packets[packets["delay_ns"].notna()].sort_values("sent_at_ns")
            series = envelope(integers(arrived["sent_at_ns"]), integers(arrived["delay_ns"]), at_most)
            buckets |= {series.bucket_ns} if series.bucket_ns else set()
            figure.add_trace(delay_line(series.at_ns, series.value / 1e6, index, variant, row == 1), row, 1)
            lost_at_ns = integers(packets.loc[packets["delay_ns"].isna(), "sent_at_ns"])
            if len(lost_at_ns):
                figure.add_trace(loss_marks(lost_at_ns, at_most // 4, index, variant), row, 1)
            if not recorded.is_flow:
                figure.add_trace(_resizes(recorded, variant, direction, index), row, 1)
    mark_scenes(figure, recorded.events, recorded.session)
    bands = mark_faults(figure, recorded.faults, recorded.duration_ns)
    figure.update_xaxes(title_text="sent at, s of virtual time", row=len(directions))
    many = alone(len(recorded.variants))
    marks = "Crosses on the zero line: losses."
    if not recorded.is_flow:
        marks += " Triangles on it: resizes of the channel. Vertical lines: scenes."
    marks += BANDS if bands else ""
    caption = f"One-way delay of the {what} of {recorded.session} over time. {marks}{many}{said(buckets)}"
    return Plot(f"delay-{measure}-{recorded.session}", caption, figure, can_be_logarithmic=True)


def _distribution(recorded: Recorded, measure: str, what: str) -> Plot:
    directions = recorded.directions(measure)
    titles = [direction.capitalize() for direction in directions]
    figure = panels(titles, "share of all sent", names=len(recorded.variants), shared=False)
    for row, direction in enumerate(directions, start=1):
        for index, variant in enumerate(recorded.variants):
            packets = recorded.packets(variant, measure, direction)
            figure.add_trace(share_line(packets, index, variant, row == 1), row, 1)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="one-way delay, ms", row=len(directions))
    caption = (
        f"Distribution of the one-way delay of the {what} of {recorded.session}: the share of everything "
        "sent that arrived within a delay. A curve that ends below 100 % lost the rest."
        f"{alone(len(recorded.variants))}"
    )
    return Plot(f"cdf-{measure}-{recorded.session}", caption, figure)


def _throughput(recorded: Recorded, direction: str) -> Plot:
    figure = panels([direction.capitalize()], "Mbit/s", names=len(recorded.variants))
    bin_ns = bin_of(recorded.duration_ns)
    for index, variant in enumerate(recorded.variants):
        packets = recorded.packets(variant, "packet", direction)
        arrived = packets[packets["received_at_ns"].notna()]
        at_ns, bps = binned_bps(integers(arrived["received_at_ns"]), integers(arrived["size_bytes"]), bin_ns)
        looks = style(index)
        figure.add_trace(
            go.Scatter(
                x=at_ns / 1e9,
                y=bps / 1e6,
                name=variant,
                mode="lines",
                line={"color": looks.colour, "dash": looks.dash, "width": 2, "shape": "hv"},
                hovertemplate=f"{variant}: %{{y:.4~g}} Mbit/s from %{{x:.3f}} s<extra></extra>",
            )
        )
    bands = mark_faults(figure, recorded.faults, recorded.duration_ns)
    figure.update_xaxes(title_text="received at, s of virtual time")
    caption = (
        f"Throughput of {recorded.session} over time: IP packets received in every {bin_ns / 1e6:.3g} ms, "
        f"drawn from the beginning of each.{BANDS if bands else ''}{alone(len(recorded.variants))}"
    )
    return Plot(f"throughput-{direction}-{recorded.session}", caption, figure, can_be_logarithmic=True)


def _rates(recorded: Recorded) -> Plot:
    shown = [
        (variant, direction)
        for variant in recorded.variants
        for direction in sorted(
            recorded.rates.loc[recorded.rates["variant"] == variant, "direction"].unique()
        )
    ]
    figure = panels([f"{variant}, {direction}" for variant, direction in shown], "Mbit/s", names=3)
    lines = (
        ("allocated", "rate_bps", style(2).colour, "dash", "hv"),
        ("asked for", "demand_bps", style(3).colour, "dot", "hv"),
        ("used", "throughput_bps", NEUTRAL, "solid", "linear"),
    )
    buckets: set[int] = set()
    explained: set[str] = set()
    for row, (variant, direction) in enumerate(shown, start=1):
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
    mark_scenes(figure, recorded.events, recorded.session)
    bands = mark_faults(figure, recorded.faults, recorded.duration_ns)
    figure.update_xaxes(title_text="s of virtual time", row=len(shown))
    caption = (
        f"Rate allocated to the channel of {recorded.session}, asked for by it, and used by the class that "
        f"carries it. No allocated line where there was no channel.{BANDS if bands else ''}{said(buckets)}"
    )
    return Plot(f"rates-{recorded.session}", caption, figure, can_be_logarithmic=True)


def _resizes(recorded: Recorded, variant: str, direction: str, index: int) -> go.Scatter:
    found = [
        (each.at_ns, resize)
        for each in recorded.events
        if each.variant == variant
        and isinstance(resize := each.event, ChannelResized)
        and (resize.session, resize.direction) == (recorded.session, direction)
    ]
    resizes = [resize for _, resize in found]
    return go.Scatter(
        x=[at_ns / 1e9 for at_ns, _ in found],
        y=[0] * len(found),
        name=f"{variant}: resize",
        showlegend=False,
        mode="markers",
        marker={
            "color": style(index).colour,
            "symbol": ["triangle-up" if e.to_bps > e.from_bps else "triangle-down" for e in resizes],
            "size": 12,
        },
        text=[f"{RATE.format(e.from_bps)} → {RATE.format(e.to_bps)}: {e.reason}" for e in resizes],
        cliponaxis=False,
        hovertemplate=f"{variant}, %{{x:.3f}} s: %{{text}}<extra></extra>",
    )


def _gapped(rows: pd.DataFrame, column: str) -> tuple[list[float], list[float | None], int | None]:
    """A rate in Mbit/s over seconds, with a gap wherever it is null."""
    known = rows[column].notna().to_numpy()
    at_ns = integers(rows["at_ns"])
    run_starts = np.flatnonzero(np.diff(known.astype(np.int8), prepend=0) == 1)
    run_ends = np.flatnonzero(np.diff(known.astype(np.int8), append=0) == -1) + 1
    at_s: list[float] = []
    value: list[float | None] = []
    bucket_ns = None
    for start, end in zip(run_starts, run_ends, strict=True):
        series = envelope(at_ns[start:end], integers(rows[column].iloc[start:end]))
        bucket_ns = series.bucket_ns or bucket_ns
        at_s += [*(series.at_ns / 1e9).tolist(), float(at_ns[end - 1]) / 1e9]
        value += [*(series.value / 1e6).tolist(), None]
    return at_s, value, bucket_ns
