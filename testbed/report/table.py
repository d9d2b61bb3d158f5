"""A table of a report as a value, which a terminal and a page render each in its own way. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from testbed.units import percent

FOLDED_FROM = 48
"""A page folds a table with more rows, where the rows are details."""

Row = tuple[Any, ...]
Form = Callable[[Any], str]


class Look(StrEnum):
    """How the cells of a column are set: short text, long text, numbers, or PASS and FAIL."""

    TEXT = "text"
    WORDS = "words"
    NUMBER = "number"
    VERDICT = "verdict"


def plain(value: object) -> str:
    """A value as it is, or a dash."""
    return "-" if value is None else str(value)


def milliseconds(value_ns: int | None) -> str:
    """A delay in milliseconds without its unit, or a dash."""
    return "-" if value_ns is None else f"{value_ns / 1e6:.3f}"


def microseconds(value_ns: int | None) -> str:
    """A delay in microseconds without its unit, or a dash."""
    return "-" if value_ns is None else f"{value_ns / 1e3:,.3f}"


def seconds(value_ns: int | None) -> str:
    """An instant in seconds without its unit, or a dash."""
    return "-" if value_ns is None else f"{value_ns / 1e9:.3f}"


def shown_percent(value_ppm: int | None) -> str:
    """A share in percent with its sign, or a dash."""
    return "-" if value_ppm is None else percent(value_ppm)


def megabits(rate_bps: int | None) -> str:
    """A rate in Mbit/s without its unit, to a thousandth at most, or a dash."""
    return "-" if rate_bps is None else f"{rate_bps / 1e6:,.{0 if rate_bps >= 10**9 else 3}f}"


def verdict(holds: bool | None) -> str:
    """Whether an expectation holds; a dash if its variant was not run."""
    return "-" if holds is None else "PASS" if holds else "FAIL"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `name` is its heading on a page, `short` and `short_form` are used on a terminal.

    A column of numbers may fold on a terminal only if `folds` is set. `strong` is whether a value is
    emphasised on a page. A column that is `page_only` is left out on a terminal.
    """

    name: str
    form: Form = plain
    short: str | None = None
    short_form: Form | None = None
    look: Look = Look.TEXT
    strong: Callable[[Any], bool] | bool = False
    folds: bool = False
    page_only: bool = False

    @property
    def terminal_name(self) -> str:
        """The heading on a terminal: without a capital at the beginning."""
        return self.name[:1].lower() + self.name[1:] if self.short is None else self.short

    def on_terminal(self, value: object) -> str:
        """A cell on a terminal."""
        return (self.short_form or self.form)(value)

    def on_page(self, value: object) -> tuple[str, str]:
        """A cell on a page: its style class and its text."""
        text = self.form(value)
        if self.look is Look.VERDICT:
            return {"PASS": "pass", "FAIL": "fail"}.get(text, ""), text
        strong = self.strong(value) if callable(self.strong) else self.strong
        return f"{self.look}{' strong' if strong else ''}", text


def number(name: str, form: Form = plain, **fields: Any) -> Column:
    """A column of numbers."""
    return Column(name, form, look=Look.NUMBER, **fields)


def words(name: str, form: Form = plain, **fields: Any) -> Column:
    """A column of long texts."""
    return Column(name, form, look=Look.WORDS, **fields)


VARIANT = Column("Variant")
"""Rows that begin with their variant are grouped by it on a terminal."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; without rows it is not shown.

    Without a `title` it is for pages only, without a `caption` for terminals only. A terminal shows
    `short_rows` in place of all rows if they are given, and `few` says which these are. A page shows the
    table behind the text `folded`, if there is one.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    title: str = ""
    short_rows: Sequence[Row] | None = None
    few: str = ""
    folded: str = ""
    id: str = ""

    @property
    def is_on_page(self) -> bool:
        """Whether a page shows the table."""
        return bool(self.caption and self.rows)

    @property
    def is_on_terminal(self) -> bool:
        """Whether a terminal shows the table."""
        return bool(self.title and self.rows)

    @property
    def has_headings(self) -> bool:
        """Whether the columns have names; a table of two columns, what and how, may have none."""
        return any(column.name for column in self.columns)

    def page_rows(self) -> Iterator[list[tuple[str, str]]]:
        """The rows of a page as (style class, text) of each cell."""
        for row in self.rows:
            yield [column.on_page(value) for column, value in zip(self.columns, row, strict=True)]

    @property
    def terminal_columns(self) -> list[Column]:
        """The columns of a terminal."""
        return [column for column in self.columns if not column.page_only]

    def terminal_rows(self) -> Iterator[list[str]]:
        """The rows of a terminal."""
        for row in self.rows if self.short_rows is None else self.short_rows:
            pairs = zip(self.columns, row, strict=True)
            yield [column.on_terminal(value) for column, value in pairs if not column.page_only]


@dataclass(frozen=True, slots=True)
class PageSection:
    """Tables under one heading of a page; `empty` is what it says if there is nothing to show.

    A section with neither is left out.
    """

    heading: str
    tables: tuple[Table, ...]
    note: str = ""
    empty: str = ""

    @property
    def id(self) -> str:
        """What links of the page name."""
        return self.heading.partition(" ")[0].lower()

    @property
    def is_filled(self) -> bool:
        """Whether a page shows any table of it."""
        return any(table.is_on_page for table in self.tables)


def folded(rows: Sequence[Row], what: str = "rows") -> str:
    """The text behind which a page hides very many rows, or none."""
    return f"All {len(rows)} {what}" if len(rows) > FOLDED_FROM else ""
