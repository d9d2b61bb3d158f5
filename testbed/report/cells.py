"""What the tables of a report are made of: numbers as people read them, and tables that fit a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from testbed.units import percent

# What fits eight figures and three names into 80 columns.
_TIGHT: dict[str, Any] = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "padding": (0, 1, 0, 0)}


def milliseconds(value_ns: int | None) -> str:
    """A delay in milliseconds without its unit, or a dash."""
    return "-" if value_ns is None else f"{value_ns / 1e6:.3f}"


def microseconds(value_ns: int | None) -> str:
    """A delay in microseconds without its unit, or a dash."""
    return "-" if value_ns is None else f"{value_ns / 1e3:,.3f}"


def shown_percent(value_ppm: int | None) -> str:
    """A share in percent with its sign, or a dash."""
    return "-" if value_ppm is None else percent(value_ppm)


def megabits(rate_bps: int | None) -> str:
    """A rate in Mbit/s without its unit, to a thousandth at most, or a dash."""
    return "-" if rate_bps is None else f"{rate_bps / 1e6:,.{0 if rate_bps >= 10**9 else 3}f}"


def new_table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """A table for a terminal, with columns of names that may fold and columns of numbers that may not."""
    table = Table(title=title, title_justify="left", title_style="bold", **_TIGHT)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def add_by_variant(table: Table, found: Sequence[tuple[str, ...]]) -> None:
    """Add rows that begin with their variant; one of several rows is named once and set apart."""
    several = len({row[0] for row in found}) < len(found)
    previous = None
    for row in found:
        if several and previous not in (None, row[0]):
            table.add_section()
        table.add_row("" if row[0] == previous else row[0], *row[1:])
        previous = row[0]
