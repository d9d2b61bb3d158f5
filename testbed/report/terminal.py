"""The result of a run on a terminal: readable at 80 columns, without colour, and through a pipe."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from testbed.report import host_load
from testbed.report.expectations import verdict_line
from testbed.report.job_tables import refusal_line
from testbed.report.run_tables import delay_section, verdict_section
from testbed.report.sections import sections
from testbed.report.summary import Summary
from testbed.report.table import VARIANT, Look, Table

_VERDICT_STYLES = {"PASS": "green", "FAIL": "bold red"}


def print_table(summary: Summary, console: Console) -> None:
    """Print delays, losses, expectations, published figures, and the wall time per virtual second."""
    for section in (delay_section(summary), *sections(summary), verdict_section(summary)):
        print_tables(section.tables, console)
    console.print(_closing(summary), highlight=False, soft_wrap=True)


def print_tables(tables: Iterable[Table], console: Console) -> None:
    """Print the tables that are for a terminal, each with an empty line after it."""
    for table in tables:
        if table.is_on_terminal:
            console.print(rendered(table), end="\n\n")


def rendered(table: Table) -> RichTable:
    """A table for a terminal; the rows of a variant are set apart, and it is named once."""
    title = ": ".join(part for part in (table.title, table.few) if part)
    # Without edges and with one space between them, eight figures and three names fit into 80 columns.
    made = RichTable(
        title=Text(title, style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in table.terminal_columns:
        is_number = column.look is Look.NUMBER
        made.add_column(
            Text(column.terminal_name),
            justify="right" if is_number else "left",
            no_wrap=is_number and not column.folds,
            overflow="ellipsis" if is_number and not column.folds else "fold",
        )
    rows = list(table.terminal_rows())
    is_grouped = table.columns[0] is VARIANT and len({row[0] for row in rows}) < len(rows)
    previous = None
    for row in rows:
        if is_grouped and previous not in (None, row[0]):
            made.add_section()
        first = "" if is_grouped and row[0] == previous else row[0]
        made.add_row(
            *(_cell(look, text) for look, text in zip(_looks(table), (first, *row[1:]), strict=True))
        )
        previous = row[0]
    return made


def _looks(table: Table) -> list[Look]:
    return [column.look for column in table.terminal_columns]


def _cell(look: Look, text: str) -> Text:
    """Text as it is: what looks like markup of the terminal is part of it."""
    return Text(text, style=_VERDICT_STYLES.get(text, "dim") if look is Look.VERDICT else "")


def _closing(summary: Summary) -> str:
    pace = summary["wall_s_per_virtual_s"]
    time = "real" if summary["venue"] == "host" else "virtual"
    per_second = "" if pace is None else f" ({pace:.2f} wall seconds per {time} second)"
    machine = "".join(f"{line}\n" for line in host_load.lines(summary))
    not_run = refusal_line(summary)
    refused = "" if not_run is None else f"{not_run}\n"
    return (
        f"{verdict_line(summary['expectations'])}\n"
        f"{refused}"
        f"{summary['scenario']}, seed {summary['seed']}, venue {summary['venue']}\n"
        f"{summary['virtual_s']:.1f} s of {time} time in {summary['wall_s']:.1f} s{per_second}\n"
        f"{machine}"
        f"{summary['run_dir']}/report.html"
    )
