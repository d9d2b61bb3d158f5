"""The plots of a sweep: numbers over each value that was varied, with their intervals across seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from testbed.report.figures import Plot, alone, panels, style
from testbed.report.page import for_people, unit_for_people
from testbed.report.sweep_estimates import Estimated, Estimates, Named, named
from testbed.sweep.axes import Scale, scale
from testbed.sweep.plan import SweepPlan

PANELS_AT_MOST = 6
LINES_AT_MOST = 12
_LONG_NAME = 10
_DELAYS = ("p50", "p99")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: the places in the plan of the combinations along it, and the variant at all of them."""

    name: str
    points: tuple[int, ...]
    variant: str


def plots(plan: SweepPlan, found: Estimates) -> list[tuple[str, list[Plot]]]:
    """The plots by heading: for each value that was varied, its delays and throughputs."""
    delays, throughputs = _delay_streams(found), _of_flows(found)
    wanted = [(statistic, delays, f"One-way delay ({statistic})") for statistic in _DELAYS]
    wanted.append(("throughput", throughputs, "Throughput"))
    swept = [index for index, axis in enumerate(plan.axes) if axis.is_swept]
    sections = []
    for axis in swept:
        figures = [
            _plot(plan, found, axis, statistic, streams, what)
            for statistic, streams, what in wanted
            if streams
        ]
        sections.append((f"Over {plan.axes[axis].key}", figures))
    return [(heading, figures) for heading, figures in sections if figures]


def _plot(
    plan: SweepPlan, found: Estimates, axis: int, statistic: str, streams: Sequence[Named], what: str
) -> Plot:
    key = plan.axes[axis].key
    lines = list(_lines(plan, axis))
    is_fixed = len(lines) > LINES_AT_MOST
    lines = lines[:LINES_AT_MOST]
    shown = streams[:PANELS_AT_MOST]
    unit = unit_for_people(_unit(found, statistic))
    titles = [", ".join(word for word in (each.session, each.direction) if word) for each in shown]
    # On a phone, a long name has a row of the legend to itself.
    rows_of_legend = 3 if max(len(line.name) for line in lines) > _LONG_NAME else 1
    figure = panels(titles, f"{statistic}, {unit}", names=len(lines) * rows_of_legend)
    places = scale(plan.axes[axis].scalars)
    for row, stream in enumerate(shown, start=1):
        for index, line in enumerate(lines):
            trace = _trace(plan, found, places, axis, line, stream.other(statistic), index, row == 1)
            figure.add_trace(trace, row, 1)
    if places.places is None:
        figure.update_xaxes(type="category")
    figure.update_xaxes(automargin=True)
    figure.update_xaxes(title_text=f"{key}{', ' + places.unit if places.unit else ''}", row=len(shown))
    drawn = "of the first seed alone; with more seeds there would be intervals"
    if len(plan.seeds) > 1:
        drawn = f"mean across {len(plan.seeds)} seeds, bars: 95 % interval (Student's t)"
    caption = f"{what} over {key}: {drawn}."
    if is_fixed:
        caption += f" Of all lines the first {LINES_AT_MOST}."
    if len(streams) > len(shown):
        caption += f" Of {len(streams)} the {len(shown)} with the largest values."
    return Plot(f"sweep-{axis}-{statistic}", caption + alone(len(lines)), figure, can_be_logarithmic=True)


def _lines(plan: SweepPlan, axis: int) -> Iterator[_Line]:
    """A line for each variant and each combination of the other values that were varied."""
    others: dict[tuple[str, ...], list[int]] = {}
    for index, point in enumerate(plan.points):
        others.setdefault((*point.values[:axis], *point.values[axis + 1 :]), []).append(index)
    keys = [each for index, each in enumerate(plan.axes) if index != axis]
    for values, points in others.items():
        said = [
            f"{each.key.rpartition('.')[2]} {value}"
            for each, value in zip(keys, values, strict=True)
            if each.is_swept
        ]
        for variant in plan.variants:
            words = [variant, *said] if len(plan.variants) > 1 or not said else said
            yield _Line(", ".join(words), tuple(points), variant)


def _trace(
    plan: SweepPlan, found: Estimates, places: Scale, axis: int, line: _Line, wanted: Named, index: int,
    in_legend: bool,
) -> go.Scatter:  # fmt: skip
    name = Named(line.variant, wanted.session, wanted.direction, wanted.measure, wanted.statistic)
    along = [found.get((point, name), Estimated(None, 0, "")) for point in line.points]
    written = [plan.points[point].values[axis] for point in line.points]
    order = range(len(along))
    x: Sequence[str | float] = written
    if places.places is not None:
        at = [places.places[plan.axes[axis].values.index(value)] for value in written]
        order, x = sorted(order, key=lambda place: at[place]), at  # type: ignore[assignment]
    looks = style(index)
    means = [None if e.estimate is None else for_people(e.estimate.value, e.unit) for e in along]
    halves = [_half(each) for each in along]
    return go.Scatter(
        x=[x[place] for place in order],
        y=[means[place] for place in order],
        error_y={"type": "data", "array": [halves[place] for place in order], "thickness": 1.5, "width": 5},
        name=line.name,
        legendgroup=line.name,
        showlegend=in_legend,
        mode="lines+markers",
        line={"color": looks.colour, "dash": looks.dash, "width": 2},
        marker={"color": looks.colour, "symbol": looks.symbol, "size": 8},
        connectgaps=False,
        text=[f"{written[place]}, {along[place].seeds} seeds" for place in order],
        hovertemplate=f"{line.name}, %{{text}}: %{{y:.3f}}<extra></extra>",
    )


def _half(each: Estimated) -> float:
    if each.estimate is None or each.estimate.low is None:
        return 0.0
    return for_people(each.estimate.value - each.estimate.low, each.unit)


def _delay_streams(found: Estimates) -> list[Named]:
    """The probes of every session, and the packets of what has no probes; the slowest first if many."""
    probed = {name.session for name in named(found) if name.measure == "probe"}
    kept: dict[Named, float] = {}
    for (_, name), each in found.items():
        is_shown = name.measure == "probe" or (name.measure == "packet" and name.session not in probed)
        if is_shown and name.statistic == "p99":
            stream = Named("", name.session, name.direction, name.measure, "p99")
            kept[stream] = max(kept.get(stream, 0.0), each.estimate.value if each.estimate else 0.0)
    return _largest(kept)


def _of_flows(found: Estimates) -> list[Named]:
    kept: dict[Named, float] = {}
    for (_, name), each in found.items():
        if name.measure == "flow":
            flow = Named("", name.session, None, name.measure, name.statistic)
            kept[flow] = max(kept.get(flow, 0.0), each.estimate.value if each.estimate else 0.0)
    return _largest(kept)


def _largest(kept: dict[Named, float]) -> list[Named]:
    """All in their order if there is room for them, otherwise by size."""
    return list(kept) if len(kept) <= PANELS_AT_MOST else sorted(kept, key=lambda name: -kept[name])


def _unit(found: Estimates, statistic: str) -> str:
    return next(each.unit for (_, name), each in found.items() if name.statistic == statistic)
