"""What is marked along the time axis of plots: the scenes of a session, and what broke from when to when."""

from collections.abc import Iterable, Mapping

import plotly.graph_objects as go

from testbed.applications.game.events import SceneEntered
from testbed.record.event import RecordedEvent
from testbed.report.failures import FaultSummary
from testbed.report.figures import NEUTRAL

BANDS = " Grey bands: what is broken meanwhile."
"""What to add to a caption if faults are marked."""

_NAMED_AT_MOST = 12
"""Faults with their words in a plot; of more, only the bands are drawn."""

_LINES, _LINE_PX = 6, 14
"""Words of faults that follow each other closely stand on so many lines, one below the other."""


def mark_scenes(figure: go.Figure, events: Iterable[RecordedEvent], session: str) -> None:
    """A line where each scene begins. Variants share the session's script, so each scene is drawn once."""
    scenes: Mapping[tuple[int, str], None] = {
        (each.at_ns, entered.scene): None
        for each in events
        if isinstance(entered := each.event, SceneEntered) and entered.session == session
    }
    leave_room(figure)
    for at_ns, name in scenes:
        figure.add_vline(x=at_ns / 1e9, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
        _write(figure, at_ns, name, line=0)


def mark_faults(figure: go.Figure, faults: Mapping[str, Iterable[FaultSummary]], ends_ns: int) -> int:
    """A band over the time in which something is broken, in all panels; how many there are.

    `faults` are those of each variant. What breaks in some of the variants alone is marked with their names.
    """
    bands: dict[tuple[int, int, str], list[str]] = {}
    for variant, found in faults.items():
        for fault in found:
            until_ns = ends_ns if fault["repaired_at_ns"] is None else fault["repaired_at_ns"]
            bands.setdefault((fault["at_ns"], until_ns, fault["what"]), []).append(variant)
    if bands:
        leave_room(figure, lines=1 + min(_LINES, len(bands)))
    for index, ((at_ns, until_ns, what), variants) in enumerate(sorted(bands.items())):
        edge = {"color": NEUTRAL, "width": 1, "dash": "dash"}
        figure.add_vrect(
            x0=at_ns / 1e9, x1=until_ns / 1e9, fillcolor=NEUTRAL, opacity=0.16, line=edge, layer="below"
        )
        if index < _NAMED_AT_MOST:
            some = "" if len(variants) == len(faults) else f" ({', '.join(variants)})"
            _write(figure, at_ns, what + some, line=1 + index % _LINES, leftwards=2 * at_ns > ends_ns)
    return len(bands)


def leave_room(figure: go.Figure, lines: int = 1) -> None:
    """Let every vertical axis reach above what is drawn, so that words have room there."""
    for axis, top in _tops(figure).items():
        figure.layout[axis].autorangeoptions.include = [top * (1 + 0.15 * lines)]


def _write(figure: go.Figure, at_ns: int, text: str, line: int, *, leftwards: bool = False) -> None:
    """Words beside an instant; leftwards near the end, where they would make the axis longer."""
    figure.add_annotation(
        x=at_ns / 1e9,
        y=1,
        yref="y domain",
        text=f"{text} ▸" if leftwards else text,
        showarrow=False,
        xanchor="right" if leftwards else "left",
        yanchor="top",
        xshift=-3 if leftwards else 3,
        yshift=-_LINE_PX * line,
        font={"size": 11},
    )


def _tops(figure: go.Figure) -> dict[str, float]:
    """The greatest value drawn on each vertical axis."""
    tops: dict[str, float] = {}
    for trace in figure.data:
        axis = (trace.yaxis or "y").replace("y", "yaxis")
        values = [value for value in trace.y if value is not None]
        tops[axis] = max([tops.get(axis, 0.0), *values])
    return tops
