"""Sparklines: a course of values as one character each."""

from collections.abc import Iterable, Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*%#"


def on_grid(points: Iterable[tuple[int, int]], step_ns: int, columns: int) -> list[int | None]:
    """The newest values on an even grid of instants, the newest last; None where there is no value."""
    found = {at_ns // step_ns: value for at_ns, value in points}
    if not found:
        return []
    newest = max(found)
    return [found.get(newest - back) for back in range(columns - 1, -1, -1)]


def sparkline(values: Sequence[int | None], lowest: int, highest: int, *, ascii_only: bool = False) -> str:
    """A character for each value, in eight steps from lowest to highest; a blank for None."""
    steps = _ASCII if ascii_only else _BLOCKS
    span = max(1, highest - lowest)
    last = len(steps) - 1
    return "".join(
        " " if value is None else steps[min(last, max(0, (value - lowest) * len(steps) // span))]
        for value in values
    )
