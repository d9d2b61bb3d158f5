"""The plot of a sweep: how the delay of each session and measured flow changes from variant to variant."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import plotly.graph_objects as go

from testbed.report.figures import Plot, panels, style
from testbed.report.summary import Streams, Summary

LEAST_VARIANTS = 4
"""Fewer are compared well enough by the other plots and by the tables."""

_STATISTICS = ("p50", "p99", "max")
_NUMBERED = re.compile(r"(.*?)(\d+)")


def across_variants(summary: Summary) -> list[Plot]:
    """One plot with a panel for each stream; none without enough variants or without a stream."""
    variants = summary["variants"]
    streams = list(dict.fromkeys(_streams(summary)))
    if len(variants) < LEAST_VARIANTS or not streams:
        return []
    titles = [f"{name}, {direction}" for _, name, direction in streams]
    figure = panels(titles, "one-way delay, ms", names=len(_STATISTICS))
    x, x_title = axis(list(variants))
    for row, stream in enumerate(streams, start=1):
        for index, statistic in enumerate(_STATISTICS):
            delays_ns = [_delay_ns(numbers, stream, statistic) for numbers in variants.values()]
            figure.add_trace(_line(x, delays_ns, list(variants), statistic, index, row == 1), row, 1)
    figure.update_yaxes(type="log", matches="y")
    figure.update_xaxes(automargin=True)
    figure.update_xaxes(title_text=x_title, row=len(streams))
    caption = (
        "One-way delay across the variants, of the probes of each session and the packets of each measured "
        "flow, on a logarithmic scale. A gap is a variant in which nothing arrived."
    )
    return [Plot("across-variants", caption, figure)]


def axis(variants: Sequence[str]) -> tuple[list[str] | list[int], str]:
    """Where variants stand on the horizontal axis, and its title.

    Names that are one word with different numbers behind it ("load_20", "load_110") stand at their
    numbers, and the word is the title; any others stand side by side in the order of the file.
    """
    found = [_NUMBERED.fullmatch(variant) for variant in variants]
    words = {match[1] for match in found if match}
    numbers = [int(match[2]) for match in found if match]
    if len(words) != 1 or len(set(numbers)) != len(variants):
        return list(variants), "variant"
    return numbers, words.pop().strip("_-").replace("_", " ") or "variant"


def _streams(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """The probes of every session and the packets of every flow, as (key of the summary, name, direction)."""
    for key in ("probes", "packets"):
        for numbers in summary["variants"].values():
            for name, directions in cast("Mapping[str, Streams]", numbers)[key].items():
                if key == "probes" or name in numbers["flows"]:
                    yield from ((key, name, direction) for direction in directions)


def _delay_ns(numbers: Mapping[str, Any], stream: tuple[str, str, str], statistic: str) -> int | None:
    key, name, direction = stream
    metrics = numbers[key].get(name, {}).get(direction)
    return None if metrics is None else metrics["delay_ns"][statistic]


def _line(
    x: Sequence[Any], delays_ns: Sequence[int | None], variants: Sequence[str], statistic: str,
    index: int, in_legend: bool,
) -> go.Scatter:  # fmt: skip
    looks = style(index)
    return go.Scatter(
        x=x,
        y=[None if delay_ns is None else delay_ns / 1e6 for delay_ns in delays_ns],
        name=statistic,
        legendgroup=statistic,
        showlegend=in_legend,
        mode="lines+markers",
        line={"color": looks.colour, "dash": looks.dash, "width": 2},
        marker={"color": looks.colour, "symbol": looks.symbol, "size": 8},
        connectgaps=False,
        text=variants,
        hovertemplate=f"%{{text}}: {statistic} %{{y:.3f}} ms<extra></extra>",
    )
