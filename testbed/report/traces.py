"""The lines and marks that several plots have: delays over time, losses, and distributions of delays."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from testbed.report.figures import integers, style
from testbed.report.reduce import cumulative, envelope


def share_line(packets: pd.DataFrame, index: int, variant: str, in_legend: bool) -> go.Scatter:
    """The share of everything sent that arrived within a delay."""
    looks = style(index)
    value_ns, share = cumulative(integers(packets["delay_ns"].dropna()), len(packets))
    return go.Scatter(
        x=value_ns / 1e6,
        y=share,
        name=variant,
        legendgroup=variant,
        showlegend=in_legend,
        mode="lines",
        line={"color": looks.colour, "dash": looks.dash, "width": 2, "shape": "hv"},
        hovertemplate="%{y:.2%} within %{x:.3f} ms",
    )


def delay_line(at_ns: Any, value: Any, index: int, variant: str, in_legend: bool) -> go.Scatter:
    """Delays in ms over the instants at which things were sent."""
    looks = style(index)
    return go.Scatter(
        x=at_ns / 1e9,
        y=value,
        name=variant,
        legendgroup=variant,
        showlegend=in_legend,
        mode="lines+markers",
        line={"color": looks.colour, "width": 1},
        marker={"color": looks.colour, "symbol": looks.symbol, "size": 4},
        hovertemplate=f"{variant}: %{{y:.3f}} ms at %{{x:.3f}} s<extra></extra>",
    )


def loss_marks(at_ns: Any, at_most: int, index: int, variant: str) -> go.Scatter:
    """A cross on the zero line for what never arrived, at most so many."""
    drawn = envelope(at_ns, at_ns, at_most).at_ns
    return go.Scatter(
        x=drawn / 1e9,
        y=np.zeros(len(drawn)),
        name=f"{variant}: lost",
        legendgroup=f"{variant} lost",
        showlegend=False,
        mode="markers",
        marker={"color": style(index).colour, "symbol": "x-thin-open", "size": 8},
        cliponaxis=False,
        hovertemplate=f"{variant}: lost, sent at %{{x:.3f}} s<extra></extra>",
    )
