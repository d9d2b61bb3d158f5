"""One table as a value, on a terminal and on a page: the same rows, and the rules in which the two differ."""

import io
import re

import pytest
from rich.console import Console

from testbed.report.page import environment
from testbed.report.table import (
    FOLDED_FROM,
    VARIANT,
    Column,
    Look,
    PageSection,
    Table,
    folded,
    milliseconds,
    number,
    verdict,
    words,
)
from testbed.report.terminal import print_tables

COLUMNS = (
    VARIANT,
    Column("Direction", short="way", short_form=lambda value: value[:4]),
    number("p50", milliseconds, strong=True),
    number("p99.9", milliseconds, page_only=True),
    words("Reason"),
)
ROWS = [
    ("a", "downstream", 1_500_000, None, "near"),
    ("a", "upstream", 2_000_000, 3_000_000, "[bold]<b>far</b>[/bold]"),
    ("b", "downstream", None, 0, "-"),
]
TABLE = Table("Delays, in milliseconds", COLUMNS, ROWS, title="Delays, ms")


def printed(*tables: Table) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    print_tables(tables, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def page(table: Table) -> str:
    macros = environment().get_template("parts.html").make_module()
    return str(macros.table(table))  # type: ignore[attr-defined]


def cells(markup: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", markup, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in rows]


def test_a_terminal_shows_short_names_and_forms_and_leaves_out_what_is_for_pages() -> None:
    title, heads, _, *rows = printed(TABLE)
    assert title == "Delays, ms"
    assert heads.split() == ["variant", "way", "p50", "reason"]
    assert [row.split() for row in rows] == [
        ["a", "down", "1.500", "near"],
        ["upst", "2.000", "[bold]<b>far</b>[/bold]"],
        ["b", "down", "-", "-"],
    ]


def test_a_page_shows_every_column_and_names_the_variant_in_each_row() -> None:
    assert cells(page(TABLE)) == [
        ["Variant", "Direction", "p50", "p99.9", "Reason"],
        ["a", "downstream", "1.500", "-", "near"],
        ["a", "upstream", "2.000", "3.000", "[bold]&lt;b&gt;far&lt;/b&gt;[/bold]"],
        ["b", "downstream", "-", "0.000", "-"],
    ]


def test_a_page_keeps_its_table_readable_without_seeing_it() -> None:
    markup = page(TABLE)
    assert "<caption>Delays, in milliseconds</caption>" in markup
    assert 'role="region" aria-label="Delays, in milliseconds" tabindex="0"' in markup
    assert markup.count('scope="col"') == len(COLUMNS)
    assert markup.count('scope="row"') == len(ROWS)
    assert '<td class="number strong">1.500</td>' in markup
    assert '<td class="words">near</td>' in markup
    assert "<details>" not in markup


def test_each_shows_only_the_tables_that_are_for_it_and_have_rows() -> None:
    for_pages = Table("Caption", COLUMNS, ROWS)
    for_terminals = Table("", COLUMNS, ROWS, title="Title")
    empty = Table("Caption", COLUMNS, [], title="Title")
    assert printed(for_pages, empty) == []
    assert printed(for_terminals)[0] == "Title"
    assert page(for_terminals).strip() == page(empty).strip() == ""
    assert "<table" in page(for_pages)


def test_a_terminal_says_which_rows_it_shows_where_there_are_more() -> None:
    few = Table("Caption", COLUMNS, ROWS, title="Delays", short_rows=ROWS[:1], few="the first 1 of 3")
    assert printed(few)[0] == "Delays: the first 1 of 3"
    assert len(printed(few)) == 4
    assert len(cells(page(few))) == 1 + len(ROWS)


def test_only_rows_that_begin_with_a_variant_are_grouped() -> None:
    columns = (Column("Verdict", verdict, short="", look=Look.VERDICT), Column("Expected"))
    table = Table("Caption", columns, [(True, "one"), (True, "two"), (False, "x"), (None, "y")], title="T")
    assert [row.split() for row in printed(table)[3:]] == [
        ["PASS", "one"],
        ["PASS", "two"],
        ["FAIL", "x"],
        ["-", "y"],
    ]
    markup = page(table)
    assert markup.count('<td class="pass">PASS</td>') == 2
    assert '<td class="fail">FAIL</td>' in markup
    assert "<td>-</td>" in markup


def test_a_value_decides_whether_it_is_emphasised() -> None:
    table = Table("Caption", (number("n", strong=lambda value: value > 1),), [(1,), (2,)])
    assert '<td class="number">1</td>' in page(table)
    assert '<td class="number strong">2</td>' in page(table)


@pytest.mark.parametrize(("count", "text"), [(FOLDED_FROM, ""), (FOLDED_FROM + 1, "All 49 decisions")])
def test_a_page_folds_very_many_rows(count: int, text: str) -> None:
    rows = [("a",)] * count
    table = Table("Caption", (VARIANT,), rows, folded=folded(rows, "decisions"))
    assert ("<details><summary>" + text + "</summary>" in page(table)) is bool(text)


def test_a_table_of_two_columns_needs_no_headings() -> None:
    markup = page(Table("Caption", (Column(""), Column("")), [("what", "how")]))
    assert "<thead>" not in markup
    assert cells(markup) == [["what", "how"]]


def test_a_section_is_filled_by_tables_of_a_page() -> None:
    assert PageSection("Other numbers", (TABLE,)).is_filled
    assert not PageSection("Other numbers", (Table("", COLUMNS, ROWS, title="T"),)).is_filled
    assert PageSection("Other numbers", ()).id == "other"
