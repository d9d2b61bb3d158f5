"""Rows and columns that the tables of several kinds of work share. Pure."""

from typing import Any, cast

from testbed.report.summary import Streams, Summary
from testbed.report.table import VARIANT, Column, Form, Row, milliseconds, number


def stream_rows(summary: Summary, streams: dict[str, str]) -> list[Row]:
    """The streams of some measures: variant, name, what one of it is, delays, how many were lost."""
    return [
        (
            *(variant, name, what),
            *(metrics["delay_ns"][key] for key in ("p50", "p95", "p99", "p999", "mean", "max")),
            f"{metrics['lost']}/{metrics['sent']}",
        )
        for variant, numbers in summary["variants"].items()
        for key, what in streams.items()
        for name, directions in cast("dict[str, Streams]", numbers).get(key, {}).items()
        for metrics in directions.values()
    ]


def stream_columns(whose: str, form: Form = milliseconds) -> tuple[Column, ...]:
    """The columns of `stream_rows`."""
    return (
        *(VARIANT, Column(whose), Column("What")),
        *(number("p50", form, strong=True), number("p95", form), number("p99", form)),
        *(number("p99.9", form, page_only=True), number("mean", form, page_only=True)),
        *(number("max", form), number("Lost/sent")),
    )


def by_name(summary: Summary, key: str) -> list[tuple[str, str, Any]]:
    """The numbers of everything of one kind, as (variant, name, numbers)."""
    return [
        (variant, name, each)
        for variant, numbers in summary["variants"].items()
        for name, each in cast("dict[str, Any]", numbers).get(key, {}).items()
    ]


def listed(summary: Summary, key: str) -> list[tuple[str, Any]]:
    """Everything of one list of the summary, as (variant, numbers)."""
    return [
        (variant, each)
        for variant, numbers in summary["variants"].items()
        for each in cast("dict[str, Any]", numbers).get(key, ())
    ]
