"""What all plots of a report are made of: panels one above the other, and lines that can be told apart.

Colour never carries a meaning alone: lines also differ in marker and dash, and every mark has a text.
The page's script adds the colours of its light or dark theme.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

# Middle tones, with a contrast of at least 3:1 on a white and on a near-black page.
_COLOURS = ("#c8551b", "#3179c6", "#2f8f5b", "#9b5fc0", "#a8741a", "#c2477f")
# A dozen of each, so that even lines without marks, and marks without lines, can be told apart that often.
_SYMBOLS = (
    *("circle", "diamond", "square", "cross", "triangle-up", "x", "star"),
    *("triangle-down", "pentagon", "hourglass", "bowtie", "hexagram", "triangle-left"),
)
_DASHES = (
    *("solid", "dash", "dot", "dashdot", "longdash", "longdashdot"),
    *("16px,2px", "2px,8px", "16px,3px,3px,3px,3px,3px", "6px,2px", "24px,8px", "8px,8px,2px,8px"),
)
NEUTRAL = "#7d8590"

_ROW_PX, _LEAST_ROW_PX, _ALL_ROWS_PX = 250, 130, 3000
"""A panel's height; many panels share the last, as long as each keeps the second."""
_MARGIN_PX = 140
_ABOVE_PX = 90
_LEGEND_ROW_PX, _LEGEND_ROW_NAMES = 29, 3
"""Of the legend, as wide as a phone: more names than one row of it takes make the figure taller."""


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
class Style:
    """How one of many lines looks; no two of the first two hundred look the same without their colour."""

    colour: str
    symbol: str
    dash: str


def style(index: int) -> Style:
    """The looks of the line number `index`."""
    return Style(
        _COLOURS[index % len(_COLOURS)], _SYMBOLS[index % len(_SYMBOLS)], _DASHES[index % len(_DASHES)]
    )


def panels(titles: Sequence[str], y_title: str, *, names: int, shared: bool = True) -> go.Figure:
    """A figure of panels one above the other, with room above for a legend of so many names."""
    row_px = min(_ROW_PX, max(_LEAST_ROW_PX, _ALL_ROWS_PX // len(titles)))
    legend_px = _LEGEND_ROW_PX * max(0, -(-names // _LEGEND_ROW_NAMES) - 1)
    height = row_px * len(titles) + _MARGIN_PX + legend_px
    figure = make_subplots(
        rows=len(titles),
        cols=1,
        shared_xaxes=shared,
        subplot_titles=titles,
        vertical_spacing=min(0.14, 60 / height),
    )
    above_px = _ABOVE_PX + legend_px
    figure.update_layout(
        template=None,
        height=height,
        margin={"l": 62, "r": 12, "t": above_px, "b": _MARGIN_PX - _ABOVE_PX},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1 + 24 / (row_px * len(titles)),
            "x": 0,
        },
        hovermode="closest",
    )
    figure.update_yaxes(title_text=y_title, rangemode="tozero", zeroline=False)
    figure.update_xaxes(zeroline=False)
    return figure


def alone(names: int) -> str:
    """What to add to a caption if so many lines are in one panel that each is hard to follow."""
    return " Click a name to hide its line, double-click it to see it alone." if names > 4 else ""


def said(buckets_ns: set[int]) -> str:
    """What to add to a caption if series were cut into buckets of these lengths."""
    if not buckets_ns:
        return ""
    bucket = f"{max(buckets_ns) / 1e6:.3g} ms"
    return (
        f" Long series are drawn by the smallest and the largest value of every {bucket}; "
        "all values are in samples.parquet and rates.parquet."
    )


def integers(column: "pd.Series[Any]") -> Any:
    """A column without nulls as whole numbers."""
    return column.to_numpy(dtype=np.int64)
